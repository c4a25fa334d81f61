import { crc32 } from 'node:zlib'
import { StunType, stunType } from '../../../pinning/stun-message.js'

/** Type, length, magic cookie, transaction ID (RFC 8489 §5). */
const HEADER_BYTES = 20
const MAGIC_COOKIE = 0x2112a442
/** Type, length, and the CRC (RFC 8489 §14.7). */
const FINGERPRINT_BYTES = 8
const FINGERPRINT = 0x8028
/** What the CRC is XORed with, so that it differs from that of a protocol that carries STUN (RFC 8489 §14.7). */
const FINGERPRINT_XOR = 0x5354554e
const ERROR_CODE = 0x0009
/** Class error response of the method Binding (RFC 8489 §5). */
const BINDING_ERROR = 0x0111

/** Bytes of a transaction ID (RFC 8489 §5). */
export const TRANSACTION_BYTES = 12

/** A Binding request with FINGERPRINT. @param transaction 12 random bytes */
export function bindingRequest(transaction: Uint8Array): Uint8Array {
  const message = Buffer.alloc(HEADER_BYTES + FINGERPRINT_BYTES)
  message.writeUInt16BE(StunType.bindingRequest, 0)
  message.writeUInt16BE(FINGERPRINT_BYTES, 2)
  message.writeUInt32BE(MAGIC_COOKIE, 4)
  message.set(transaction, 8)
  message.writeUInt16BE(FINGERPRINT, HEADER_BYTES)
  message.writeUInt16BE(FINGERPRINT_BYTES - 4, HEADER_BYTES + 2)
  message.writeUInt32BE(fingerprintOf(message, HEADER_BYTES), HEADER_BYTES + 4)
  return message
}

/** What a datagram is to a Binding request: nothing to do with it, a success, or an error with its code, 0 when it has none. */
export type BindingResponse = 'unrelated' | 'success' | { error: number }

/** @param transaction that of the request */
export function readResponse(datagram: Uint8Array, transaction: Uint8Array): BindingResponse {
  const type = stunType(datagram)
  if (type !== StunType.bindingSuccess && type !== BINDING_ERROR) return 'unrelated'
  const message = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length)
  if (message.compare(transaction, 0, TRANSACTION_BYTES, 8, HEADER_BYTES) !== 0) return 'unrelated'
  const fingerprint = findAttribute(message, FINGERPRINT)
  // It is optional in answers (RFC 8489 §7.3: where the usage wants it), and right where it is.
  if (fingerprint !== undefined && !isRight(message, fingerprint)) return 'unrelated'
  if (type === StunType.bindingSuccess) return 'success'
  const error = findAttribute(message, ERROR_CODE)
  // Hundreds in the third byte, the rest in the fourth (RFC 8489 §14.8).
  return { error: error === undefined || error.length < 4 ? 0 : (error[2]! & 7) * 100 + error[3]! }
}

function fingerprintOf(message: Buffer, end: number): number {
  return (crc32(message.subarray(0, end)) ^ FINGERPRINT_XOR) >>> 0
}

/** The attribute is the last of a message (RFC 8489 §14.7), and its CRC is of all before it. */
function isRight(message: Buffer, value: Buffer): boolean {
  const end = message.length - FINGERPRINT_BYTES
  return (
    value.length === 4 &&
    value.byteOffset === message.byteOffset + end + 4 &&
    value.readUInt32BE(0) === fingerprintOf(message, end)
  )
}

/** The value of the first attribute of a type. */
function findAttribute(message: Buffer, type: number): Buffer | undefined {
  for (let at = HEADER_BYTES; at + 4 <= message.length; ) {
    const size = message.readUInt16BE(at + 2)
    const value = at + 4
    if (value + size > message.length) return undefined
    if (message.readUInt16BE(at) === type) return message.subarray(value, value + size)
    // Values are padded to whole words (RFC 8489 §14).
    at = value + ((size + 3) & ~3)
  }
  return undefined
}
