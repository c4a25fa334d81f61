/**
 * IPv4 and IPv6 addresses: text ⇄ bytes in network order.
 *
 * What is accepted and how it is printed equals `inet_pton(3)` and `inet_ntop(3)` of glibc, and so what
 * Node shows in `rinfo.address`. Scopes (`%eth0`) are no part of an address here: see `splitScope`.
 */

const DOT = 0x2e
const COLON = 0x3a
const ZERO = 0x30
const HEX = '0123456789abcdef'

/** Decimal text of every octet, so that printing makes no numbers into strings. */
const OCTETS = Array.from({ length: 256 }, (_, octet) => String(octet))

/** Longest text of an IPv6 address with hexadecimal groups only: 8 · 4 digits and 7 colons. */
const ascii = Buffer.alloc(39)

/** The eight groups of the IPv6 address under work, so that a bad text leaves the caller's bytes alone. */
const groups = new Uint16Array(8)

/**
 * Reads a dotted quad: exactly four decimal numbers 0–255 with no leading zeros (`inet_pton(3)`).
 *
 * @param out takes 4 bytes from `at` on, network order; untouched when the text is no address
 * @returns false when the text is no IPv4 address
 */
export function parseIPv4(text: string, out: Uint8Array, at: number): boolean {
  const value = readQuad(text, 0)
  if (value < 0) return false
  out[at] = value >>> 24
  out[at + 1] = value >>> 16
  out[at + 2] = value >>> 8
  out[at + 3] = value
  return true
}

/**
 * Reads an IPv6 address as RFC 4291 §2.2 writes it: groups, `::`, and a dotted quad at the end.
 *
 * @param out takes 16 bytes from `at` on, network order; untouched when the text is no address
 * @returns false when the text is no IPv6 address (a text with a `%scope` is none)
 */
export function parseIPv6(text: string, out: Uint8Array, at: number): boolean {
  const length = text.length
  let count = 0 // groups read
  let gap = -1 // how many of them stand before `::`
  let i = 0
  if (length < 2) return false
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  while (i < length) {
    if (count === 8) return false
    const start = i
    let value = 0
    let digit = hexDigit(text.charCodeAt(i))
    while (digit >= 0) {
      if (i - start === 4) return false
      value = (value << 4) | digit
      i++
      digit = i < length ? hexDigit(text.charCodeAt(i)) : -1
    }
    if (i < length && text.charCodeAt(i) === DOT) {
      const quad = count <= 6 ? readQuad(text, start) : -1
      if (quad < 0) return false
      groups[count++] = quad / 65536
      groups[count++] = quad
      break
    }
    if (i === start) return false
    groups[count++] = value
    if (i === length) break
    if (text.charCodeAt(i) !== COLON) return false
    i++
    if (i === length) return false // one colon at the end
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return false
      gap = count
      i++
    }
  }
  if (gap < 0 ? count !== 8 : count === 8) return false
  const before = gap < 0 ? 8 : gap
  const after = count - before
  for (let group = 0; group < 8; group++) {
    let value = 0
    if (group < before) value = groups[group] as number
    else if (group >= 8 - after) value = groups[group - 8 + count] as number
    out[at + 2 * group] = value >>> 8
    out[at + 2 * group + 1] = value
  }
  return true
}

/** Prints the 4 bytes from `at` on, network order, as a dotted quad. */
export function formatIPv4(bytes: Uint8Array, at: number): string {
  return `${octet(bytes, at)}.${octet(bytes, at + 1)}.${octet(bytes, at + 2)}.${octet(bytes, at + 3)}`
}

/**
 * Prints the 16 bytes from `at` on as `inet_ntop(3)` does: lower case, no leading zeros, the longest run of two or
 * more zero groups (the first of equals) as `::` (RFC 5952 §4), and the last four bytes of `::a.b.c.d` (when the
 * seventh group is not zero) and `::ffff:a.b.c.d` as a dotted quad.
 */
export function formatIPv6(bytes: Uint8Array, at: number): string {
  let gap = -1
  let gapLength = 1
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && group(bytes, at, end) === 0) end++
    if (end - start > gapLength) {
      gap = start
      gapLength = end - start
    }
    start = end // the group there is not zero
  }
  const quad = gap === 0 && (gapLength === 6 || (gapLength === 5 && group(bytes, at, 5) === 0xffff))
  const last = quad ? 6 : 8
  let length = 0
  for (let i = 0; i < last; i++) {
    if (i === gap) {
      ascii[length++] = COLON
      ascii[length++] = COLON
      i += gapLength - 1
      continue
    }
    if (i > 0 && i !== gap + gapLength) ascii[length++] = COLON
    length = writeHex(group(bytes, at, i), length)
  }
  const text = ascii.toString('latin1', 0, length)
  if (!quad) return text
  return `${text}${gapLength === 5 ? ':' : ''}${formatIPv4(bytes, at + 12)}`
}

/**
 * Splits the scope off an address: `fe80::1%eth0` is `fe80::1` in the scope `eth0` (RFC 4007 §11).
 *
 * @returns the text itself and `''` when there is no `%`
 */
export function splitScope(text: string): { address: string; scope: string } {
  const percent = text.indexOf('%')
  if (percent < 0) return { address: text, scope: '' }
  return { address: text.slice(0, percent), scope: text.slice(percent + 1) }
}

/** The dotted quad from `start` to the end of the text as a number 0 – 2³²−1, or −1. */
function readQuad(text: string, start: number): number {
  const length = text.length
  if (length - start > 15) return -1
  let address = 0
  let octet = -1 // −1: no digit yet
  let dots = 0
  for (let i = start; i < length; i++) {
    const char = text.charCodeAt(i)
    if (char === DOT) {
      if (octet < 0 || ++dots > 3) return -1
      address = address * 256 + octet
      octet = -1
      continue
    }
    const digit = char - ZERO
    if (digit < 0 || digit > 9 || octet === 0) return -1 // octet === 0: a leading zero
    octet = octet < 0 ? digit : octet * 10 + digit
    if (octet > 255) return -1
  }
  if (dots !== 3 || octet < 0) return -1
  return address * 256 + octet
}

function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 0x30
  const lower = char | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

function octet(bytes: Uint8Array, at: number): string {
  return OCTETS[bytes[at] as number] as string
}

function group(bytes: Uint8Array, at: number, index: number): number {
  return ((bytes[at + 2 * index] as number) << 8) | (bytes[at + 2 * index + 1] as number)
}

/** Writes a group in lower case with no leading zeros to `ascii`; returns where the next character goes. */
function writeHex(value: number, at: number): number {
  if (value > 0xfff) ascii[at++] = HEX.charCodeAt(value >> 12)
  if (value > 0xff) ascii[at++] = HEX.charCodeAt((value >> 8) & 15)
  if (value > 0xf) ascii[at++] = HEX.charCodeAt((value >> 4) & 15)
  ascii[at++] = HEX.charCodeAt(value & 15)
  return at
}
