/** Type, length, magic cookie, transaction ID (RFC 8489 §5). */
const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
/** Type and length of an attribute (RFC 8489 §14). */
const ATTRIBUTE_HEADER = 4
const USERNAME = 0x0006
/** Longest USERNAME in bytes, as RFC 8489 §14.3 limits it: fewer than 509. */
const USERNAME_LONGEST = 508
/** Attributes looked at in search of USERNAME, which is among the first in all that is known. */
const ATTRIBUTES_MOST = 8

/** Method Binding (0x001) with the classes that matter here (RFC 8489 §5, §18.2). */
export const StunType = { bindingRequest: 0x0001, bindingSuccess: 0x0101 } as const

/** The type of a STUN message, −1 when the datagram is none, or not one message and nothing else (RFC 8489 §6.3). */
export function stunType(datagram: Uint8Array): number {
  const { length } = datagram
  if (length < HEADER_BYTES) return -1
  const size = uint16(datagram, 2)
  if ((size & 3) !== 0 || HEADER_BYTES + size !== length) return -1
  const cookie = ((uint16(datagram, 4) << 16) | uint16(datagram, 6)) >>> 0
  return cookie === MAGIC_COOKIE ? uint16(datagram, 0) : -1
}

/** Where USERNAME is in a STUN message that `stunType` knows. */
export interface UsernamePlace {
  at: number
  /** Bytes. */
  length: number
}

/**
 * Finds USERNAME (RFC 8489 §14.3) among the first eight attributes.
 *
 * @param out takes the place
 * @returns whether it is there, and whole
 */
export function findUsername(message: Uint8Array, out: UsernamePlace): boolean {
  let at = HEADER_BYTES
  for (let count = 0; count < ATTRIBUTES_MOST && at + ATTRIBUTE_HEADER <= message.length; count++) {
    const size = uint16(message, at + 2)
    const value = at + ATTRIBUTE_HEADER
    if (value + size > message.length) return false
    if (uint16(message, at) === USERNAME) {
      out.at = value
      out.length = size
      return size <= USERNAME_LONGEST
    }
    // Values are padded to whole words (RFC 8489 §14).
    at = value + ((size + 3) & ~3)
  }
  return false
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}
