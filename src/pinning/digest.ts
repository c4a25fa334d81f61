import { createHash } from 'node:crypto'
import { endianness } from 'node:os'

/** Hexadecimal digits of a digest: 64 bits, enough to tell apart what chance brings. */
const DIGITS = 16

/**
 * The first 64 bits, as hexadecimal digits, of the SHA-256 of kind, size, ids, weights and slots of a table. Two edges
 * with the same digest send a flow to the same backend if they have the same secret. No secret is in it.
 */
export function digestOf(
  kind: string,
  backends: readonly { id: string; weight: number }[],
  slots: Uint16Array,
): string {
  const head = JSON.stringify([kind, slots.length, backends.map(({ id, weight }) => [id, weight])])
  return createHash('sha256').update(head).update(littleEndian(slots)).digest('hex').slice(0, DIGITS)
}

function littleEndian(slots: Uint16Array): Uint8Array {
  if (endianness() === 'LE') return new Uint8Array(slots.buffer, slots.byteOffset, slots.byteLength)
  return Buffer.from(slots.slice().buffer).swap16()
}
