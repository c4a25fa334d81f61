/** Bytes and words of packets, in network order. */

/** What an IPv4 address begins with where all have 16 bytes (RFC 4291 §2.5.5.2). */
export const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)

export const bytesOf = (...parts: readonly (Uint8Array | readonly number[])[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))))
export const u16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!
export const big = (value: number) => [value >>> 8, value & 0xff]
export const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
export const isV4 = (address: Uint8Array) => same(address.subarray(0, 12), MAPPED)

/** An address as text. */
export function textOf(address: Uint8Array): string {
  if (isV4(address)) return address.subarray(12).join('.')
  return Array.from({ length: 8 }, (_, i) => u16(address, 2 * i).toString(16)).join(':')
}

/** a + b in one's complement. */
export function add(a: number, b: number): number {
  const total = a + b
  return total > 0xffff ? (total & 0xffff) + 1 : total
}

/** a − b in the same. */
export const subtract = (a: number, b: number) => add(a, ~b & 0xffff)

/** A checksum after one word under it has changed (RFC 1624): one that was wrong stays as wrong as it was. */
export const changedSum = (checksum: number, before: number, after: number) =>
  ~add(add(~checksum & 0xffff, ~before & 0xffff), after) & 0xffff
