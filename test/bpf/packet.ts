/**
 * Frames for tests, from the inside out, and what a receiver makes of them. Written from the RFCs alone, so that it can be
 * held against the programs. Addresses are texts, all else numbers in the order of the host.
 */
import { addressBytes } from './address.js'

export const MAC = { client: '02:00:00:00:00:01', edge: '02:00:00:00:00:02', backend: '02:00:00:00:00:03' } as const

export const UDP = 17
export const ICMP = 1
export const ICMPV6 = 58
export const IPIP = 4
export const IPV6 = 41

const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** One's complement sum of 16-bit words (RFC 1071); an odd byte at the end is the high half of a word. */
export function sum(bytes: Uint8Array, start = 0): number {
  let total = start
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000)
  return total
}

export const checksum = (bytes: Uint8Array, start = 0): number => ~sum(bytes, start) & 0xffff

/** Sum of the pseudo header (RFC 768, RFC 8200 §8.1). */
export function pseudoSum(source: Uint8Array, destination: Uint8Array, protocol: number, length: number): number {
  return sum(destination, sum(source, protocol + (length >>> 16) + (length & 0xffff)))
}

export interface EthernetOptions {
  source?: string
  destination?: string
  /** Tags from the outside in: TCI, and 0x8100 or 0x88a8. */
  vlans?: readonly { tci: number; protocol?: number }[]
}

const mac = (text: string) => Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16))
const word16 = (value: number) => Uint8Array.of(value >>> 8, value)

/** A frame with an IP packet; its version says which type. */
export function ethernet(packet: Uint8Array, options: EthernetOptions = {}): Uint8Array {
  const { source = MAC.client, destination = MAC.edge, vlans = [] } = options
  const type = packet[0]! >> 4 === 6 ? 0x86dd : 0x0800
  const tags = vlans.flatMap(({ tci, protocol = 0x8100 }) => [word16(protocol), word16(tci)])
  return join(mac(destination), mac(source), ...tags, word16(type), packet)
}

export interface IpOptions {
  source: string
  destination: string
  protocol?: number
  ttl?: number
  tos?: number
  /** IPv4: bits of the fragment field, DF 0x4000, MF 0x2000 and the offset in units of 8 bytes. */
  fragment?: number
  id?: number
  /** IPv4: options, a multiple of 4 bytes. IPv6: whole extension headers, the first named by `firstExtension`. */
  options?: Uint8Array
  firstExtension?: number
  flowLabel?: number
}

export function ipv4(payload: Uint8Array, given: IpOptions): Uint8Array {
  const {
    source,
    destination,
    protocol = UDP,
    ttl = 64,
    tos = 0,
    fragment = 0,
    id = 0,
    options = new Uint8Array(0),
  } = given
  const header = Buffer.alloc(20)
  header[0] = 0x40 | (5 + options.length / 4)
  header[1] = tos
  header.writeUInt16BE(20 + options.length + payload.length, 2)
  header.writeUInt16BE(id, 4)
  header.writeUInt16BE(fragment, 6)
  header[8] = ttl
  header[9] = protocol
  header.set(addressBytes(source).subarray(12), 12)
  header.set(addressBytes(destination).subarray(12), 16)
  const whole = join(header, options)
  new DataView(whole.buffer).setUint16(10, checksum(whole))
  return join(whole, payload)
}

export function ipv6(payload: Uint8Array, given: IpOptions): Uint8Array {
  const { source, destination, protocol = UDP, ttl = 64, tos = 0, flowLabel = 0, options = new Uint8Array(0) } = given
  const header = Buffer.alloc(40)
  header.writeUInt32BE(((6 << 28) | (tos << 20) | flowLabel) >>> 0, 0)
  header.writeUInt16BE(options.length + payload.length, 4)
  header[6] = options.length > 0 ? given.firstExtension! : protocol
  header[7] = ttl
  header.set(addressBytes(source), 8)
  header.set(addressBytes(destination), 24)
  return join(header, options, payload)
}

/** Either, by its addresses. */
export function ip(payload: Uint8Array, options: IpOptions): Uint8Array {
  return options.destination.includes(':') ? ipv6(payload, options) : ipv4(payload, options)
}

export interface UdpOptions {
  source: string
  destination: string
  sourcePort: number
  destinationPort: number
  /** false: 0, no checksum. */
  checksum?: boolean
}

/** A datagram, without its IP header. */
export function udp(payload: Uint8Array, options: UdpOptions): Uint8Array {
  const header = Buffer.alloc(8)
  header.writeUInt16BE(options.sourcePort, 0)
  header.writeUInt16BE(options.destinationPort, 2)
  header.writeUInt16BE(8 + payload.length, 4)
  const datagram = join(header, payload)
  if (options.checksum !== false) {
    const start = pseudoSum(addressBytes(options.source), addressBytes(options.destination), UDP, datagram.length)
    // The addresses of IPv4 are v4-mapped here: their ffff adds nothing to a one's complement sum.
    new DataView(datagram.buffer).setUint16(6, checksum(datagram, start) || 0xffff)
  }
  return datagram
}

/** Type, code, the four bytes behind the checksum, and what follows. For ICMPv6 the addresses count. */
export function icmp(
  type: number,
  code: number,
  rest: number,
  body: Uint8Array,
  ends?: { source: string; destination: string },
) {
  const header = Buffer.alloc(8)
  header[0] = type
  header[1] = code
  header.writeUInt32BE(rest, 4)
  const message = join(header, body)
  const start = ends ? pseudoSum(addressBytes(ends.source), addressBytes(ends.destination), ICMPV6, message.length) : 0
  new DataView(message.buffer).setUint16(2, checksum(message, start))
  return message
}

/** A fragment header of IPv6 (RFC 8200 §4.5). */
export function fragmentHeader(next: number, offset: number, more: boolean, id = 1): Uint8Array {
  const header = Buffer.alloc(8)
  header[0] = next
  header.writeUInt16BE((offset << 3) | (more ? 1 : 0), 2)
  header.writeUInt32BE(id, 4)
  return new Uint8Array(header)
}

/** An extension header with nothing but padding; `units` of 8 bytes. */
export function extension(next: number, units = 1): Uint8Array {
  const header = new Uint8Array(8 * units)
  header[0] = next
  header[1] = units - 1
  header[2] = 1 // PadN
  header[3] = 8 * units - 4
  return header
}
