import { parseIPv4, parseIPv6 } from '../../src/net/ip.js'

/** Sixteen bytes of an address in network order, IPv4 as v4-mapped IPv6. */
export function addressBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16)
  if (parseIPv4(text, bytes, 12)) bytes.fill(0xff, 10, 12)
  else if (!parseIPv6(text, bytes, 0)) throw new Error(`no address: ${text}`)
  return bytes
}
