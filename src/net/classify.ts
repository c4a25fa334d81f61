/**
 * What kind of address some bytes are. An IPv4 address is 4 bytes, an IPv6 address 16, in network order.
 * A v4-mapped IPv6 address (`::ffff:a.b.c.d`) is judged as the IPv4 address that it carries, because the
 * kernel treats it so on a dual-stack socket (ipv6(7)).
 */

/** 4 or 6: how many bytes an address has, and how it is read. */
export type IPVersion = 4 | 6

/** `::ffff:0:0/96` (RFC 4291 §2.5.5.2). */
export function isV4Mapped(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff && allZero(bytes, at, at + 10)
}

/** `224.0.0.0/4` (RFC 5771) or `ff00::/8` (RFC 4291 §2.7). */
export function isMulticast(bytes: Uint8Array, at: number, version: IPVersion): boolean {
  if (version === 4) return ((bytes[at] as number) & 0xf0) === 0xe0
  if (bytes[at] === 0xff) return true
  return isV4Mapped(bytes, at) && isMulticast(bytes, at + 12, 4)
}

/** `169.254.0.0/16` (RFC 3927) or `fe80::/10` (RFC 4291 §2.5.6). */
export function isLinkLocal(bytes: Uint8Array, at: number, version: IPVersion): boolean {
  if (version === 4) return bytes[at] === 169 && bytes[at + 1] === 254
  if (bytes[at] === 0xfe && ((bytes[at + 1] as number) & 0xc0) === 0x80) return true
  return isV4Mapped(bytes, at) && isLinkLocal(bytes, at + 12, 4)
}

/** `0.0.0.0` or `::`: the wildcard. */
export function isUnspecified(bytes: Uint8Array, at: number, version: IPVersion): boolean {
  if (version === 4) return allZero(bytes, at, at + 4)
  if (allZero(bytes, at, at + 16)) return true
  return isV4Mapped(bytes, at) && isUnspecified(bytes, at + 12, 4)
}

function allZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false
  return true
}
