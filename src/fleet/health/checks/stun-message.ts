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
  const attributes = readAttributes(message)
  if (attributes === undefined) return 'unrelated'
  const fingerprint = attributes.get(FINGERPRINT)
  // Not all servers put it into answers; where it is, it is right.
  if (fingerprint !== undefined && !isRight(message, fingerprint)) return 'unrelated'
  if (type === StunType.bindingSuccess) return 'success'
  const error = attributes.get(ERROR_CODE)
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

/** Values of attributes by type, of each the first; undefined when they do not fill the message. */
function readAttributes(message: Buffer): Map<number, Buffer> | undefined {
  const attributes = new Map<number, Buffer>()
  let at = HEADER_BYTES
  while (at + 4 <= message.length) {
    const type = message.readUInt16BE(at)
    const value = at + 4
    const end = value + message.readUInt16BE(at + 2)
    if (end > message.length) return undefined
    if (!attributes.has(type)) attributes.set(type, message.subarray(value, end))
    at = value + ((end - value + 3) & ~3) // values are padded to whole words (RFC 8489 §14)
  }
  return at === message.length ? attributes : undefined
}
