import { createHash } from 'node:crypto'
import { canonical, type Member } from './member.js'

const BITS = 128
const BYTES = BITS / 8

/**
 * Names a set of members: the sum of their hashes (SHA-256, its first 128 bits). It is the same in whatever order they came, and
 * one that changes costs two hashes, however many there are. It tells edges apart that differ by accident; it is no signature.
 */
export class MemberDigest {
  #sum = 0n

  add(hash: bigint): void {
    this.#sum = BigInt.asUintN(BITS, this.#sum + hash)
  }

  remove(hash: bigint): void {
    this.#sum = BigInt.asUintN(BITS, this.#sum - hash)
  }

  /** 32 hexadecimal digits. */
  toString(): string {
    return this.#sum.toString(16).padStart(2 * BYTES, '0')
  }
}

/** @param text `canonical` of a member */
export function hashOf(text: string): bigint {
  return BigInt(
    `0x${createHash('sha256')
      .update(text)
      .digest('hex')
      .slice(0, 2 * BYTES)}`,
  )
}

/** The digest of members, in any order. */
export function digestOf(members: Iterable<Member>): string {
  const digest = new MemberDigest()
  for (const member of members) digest.add(hashOf(canonical(member)))
  return digest.toString()
}
