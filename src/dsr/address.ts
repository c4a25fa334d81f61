import { checkString } from '../errors/checks.js'
import { invalidArgValue } from '../errors.js'
import { type IPVersion, isMulticast, isUnspecified } from '../net/classify.js'
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from '../net/ip.js'

/** An address of one host. */
export interface Address {
  /** In the canonical form (RFC 5952). */
  text: string
  version: IPVersion
  /** 4 or 16, in network order. */
  bytes: Uint8Array
}

/**
 * @param name of the value, for errors
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
export function readAddress(name: string, text: unknown): Address {
  checkString(name, text)
  const address = parseAddress(text)
  if (address === undefined) throw invalidArgValue(name, 'must be an IPv4 or IPv6 address', text)
  if (isMulticast(address.bytes, 0, address.version) || isUnspecified(address.bytes, 0, address.version)) {
    throw invalidArgValue(name, 'must be the address of one host, no group and no wildcard', text)
  }
  return address
}

/** Undefined when it is no address. Scopes (`%eth0`) are none of an address's. */
export function parseAddress(text: string): Address | undefined {
  const four = new Uint8Array(4)
  if (parseIPv4(text, four, 0)) return addressOf(four)
  const sixteen = new Uint8Array(16)
  return parseIPv6(text, sixteen, 0) ? addressOf(sixteen) : undefined
}

/** @param bytes 4 or 16 */
export function addressOf(bytes: Uint8Array): Address {
  const version = bytes.length === 4 ? 4 : 6
  return { text: version === 4 ? formatIPv4(bytes, 0) : formatIPv6(bytes, 0), version, bytes }
}

/** Whether the first `bits` of both are equal. Addresses of different versions are in no network together. */
export function inNetwork(address: Address, network: Address, bits: number): boolean {
  if (address.version !== network.version) return false
  for (let i = 0; i * 8 < bits; i++) {
    const mask = bits >= (i + 1) * 8 ? 0xff : (0xff00 >> (bits % 8)) & 0xff
    if (((address.bytes[i]! ^ network.bytes[i]!) & mask) !== 0) return false
  }
  return true
}

export function sameAddress(a: Address, b: Address): boolean {
  return inNetwork(a, b, a.bytes.length * 8)
}

/** Sorts addresses of one version as numbers. */
export function compareAddresses(a: Address, b: Address): number {
  return Buffer.compare(a.bytes, b.bytes)
}

/** `127.0.0.0/8` (RFC 1122) or `::1` (RFC 4291 §2.5.3). */
export function isLoopback({ bytes, version }: Address): boolean {
  if (version === 4) return bytes[0] === 127
  return bytes.every((byte, i) => byte === (i === 15 ? 1 : 0))
}
