import { bytesOf, MAPPED, u16 } from './octets.js'

/** A packet, by its headers. */
export interface Parsed {
  /** Ethernet and tags. */
  link: Uint8Array
  version: 4 | 6
  /** From the IP header on, and no further than its length says. */
  packet: Uint8Array
  /** What lies behind it in the frame: Ethernet's padding. */
  trailer: Uint8Array
  /** Bytes of the IP header, with options or extension headers. */
  headers: number
  protocol: number
  fragment: boolean
  source: Uint8Array
  destination: Uint8Array
  tos: number
  ttl: number
}

/** The packet of a frame; undefined when it has none, or one whose headers do not fit into it. */
export function parseFrame(frame: Uint8Array): Parsed | undefined {
  let at = 14
  if (frame.length < at) return undefined
  let type = u16(frame, 12)
  for (let tags = 0; tags < 2 && (type === 0x8100 || type === 0x88a8); tags++) {
    if (frame.length < at + 4) return undefined
    type = u16(frame, at + 2)
    at += 4
  }
  const link = frame.subarray(0, at)
  const rest = frame.subarray(at)
  if (type === 0x0800) return parse4(link, rest)
  if (type !== 0x86dd) return undefined
  const parsed = parse6(link, rest)
  return parsed && parsed.headers <= parsed.packet.length ? parsed : undefined
}

/** What lies in a tunnel: its first four bits say which version it is of. */
export function parseInside(rest: Uint8Array): Parsed | undefined {
  const link = new Uint8Array(0)
  return rest.length > 0 && rest[0]! >> 4 === 4 ? parse4(link, rest) : parse6(link, rest)
}

function parse4(link: Uint8Array, rest: Uint8Array): Parsed | undefined {
  if (rest.length < 20 || rest[0]! >> 4 !== 4) return undefined
  const headers = 4 * (rest[0]! & 0xf)
  const length = u16(rest, 2)
  if (headers < 20 || length < headers || length > rest.length) return undefined
  return {
    link,
    version: 4,
    packet: rest.subarray(0, length),
    trailer: rest.subarray(length),
    headers,
    protocol: rest[9]!,
    fragment: (u16(rest, 6) & 0x3fff) !== 0,
    source: bytesOf(MAPPED, rest.subarray(12, 16)),
    destination: bytesOf(MAPPED, rest.subarray(16, 20)),
    tos: rest[1]!,
    ttl: rest[8]!,
  }
}

function parse6(link: Uint8Array, rest: Uint8Array): Parsed | undefined {
  if (rest.length < 40 || rest[0]! >> 4 !== 6) return undefined
  const length = 40 + u16(rest, 4)
  if (length > rest.length) return undefined
  let next = rest[6]!
  let at = 40
  let fragment = false
  for (let extensions = 0; extensions < 4; extensions++) {
    if (next === 44) {
      if (rest.length < at + 8) return undefined
      fragment = (u16(rest, at + 2) & 0xfff9) !== 0
      next = rest[at]!
      at += 8
      if (fragment) break
    } else if (next === 0 || next === 43 || next === 60) {
      if (rest.length < at + 2) return undefined
      const units = rest[at + 1]! + 1
      next = rest[at]!
      at += 8 * units
    } else break
  }
  return {
    link,
    version: 6,
    packet: rest.subarray(0, length),
    trailer: rest.subarray(length),
    headers: at,
    protocol: next,
    fragment,
    source: rest.slice(8, 24),
    destination: rest.slice(24, 40),
    tos: (u16(rest, 0) >> 4) & 0xff,
    ttl: rest[7]!,
  }
}
