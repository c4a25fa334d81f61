import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Bytes of a block of AES. A block of this length takes one pass, any other four. */
const AES_BLOCK = 16

/** The blocks that expand() makes of one half (draft-ietf-quic-load-balancers-21 §5.4.2): the last two bytes. */
const LENGTH_AT = 14
const PASS_AT = 15

/**
 * Server ID and nonce, encrypted under one key: a permutation of all blocks of a length
 * (draft-ietf-quic-load-balancers-21 §5.4). AES is that of `node:crypto`, which leaks nothing through the cache.
 */
export class QuicLbCipher {
  readonly #length: number
  readonly #encryptAes: (block: Uint8Array) => Uint8Array
  readonly #decryptAes: (block: Uint8Array) => Uint8Array
  /** Bytes of each half, rounded up: halves of an odd length share the byte in the middle, four bits each. */
  readonly #half: number
  readonly #left: Uint8Array
  readonly #right: Uint8Array
  /** Zero between the half and the last two bytes, always. */
  readonly #expanded = new Uint8Array(AES_BLOCK)

  /**
   * @param key 16 bytes
   * @param length of the blocks in bytes, 4–19
   */
  constructor(key: Uint8Array, length: number) {
    this.#length = length
    this.#half = (length + 1) >> 1
    this.#left = new Uint8Array(this.#half)
    this.#right = new Uint8Array(this.#half)
    // In ECB without padding every 16 bytes stand for themselves, so one object serves for all blocks.
    const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false)
    this.#encryptAes = (block) => cipher.update(block)
    this.#decryptAes = (block) => decipher.update(block)
  }

  /** Encrypts the block at `bytes[at]` in place. */
  encrypt(bytes: Uint8Array, at: number): void {
    if (this.#length === AES_BLOCK) {
      bytes.set(this.#encryptAes(bytes.subarray(at, at + AES_BLOCK)), at)
      return
    }
    this.#split(bytes, at)
    this.#mix(this.#left, 1, this.#right)
    this.#mix(this.#right, 2, this.#left)
    this.#mix(this.#left, 3, this.#right)
    this.#mix(this.#right, 4, this.#left)
    this.#join(bytes, at)
  }

  /**
   * Decrypts the block at `bytes[at]` into `out`, from its beginning on.
   *
   * @param needed how many bytes of it must be right: with four passes, the last one is left out when the left half is
   *   enough
   */
  decrypt(bytes: Uint8Array, at: number, out: Uint8Array, needed: number): void {
    if (this.#length === AES_BLOCK) {
      out.set(this.#decryptAes(bytes.subarray(at, at + AES_BLOCK)))
      return
    }
    this.#split(bytes, at)
    this.#mix(this.#right, 4, this.#left)
    this.#mix(this.#left, 3, this.#right)
    this.#mix(this.#right, 2, this.#left)
    // Of an odd length, the left half has whole bytes and half a one.
    if (needed > this.#length >> 1) this.#mix(this.#left, 1, this.#right)
    this.#join(out, 0)
  }

  /** One round of the Feistel network: `to ^= truncate(AES(expand(length, pass, from)))`, without the bits it lacks. */
  #mix(from: Uint8Array, pass: number, to: Uint8Array): void {
    const block = this.#expanded
    block.set(from)
    block[LENGTH_AT] = this.#length
    block[PASS_AT] = pass
    const mask = this.#encryptAes(block)
    for (let i = 0; i < to.length; i++) to[i]! ^= mask[i]!
    this.#clear()
  }

  /** Clears the four bits that each half of an odd length has too many. */
  #clear(): void {
    if ((this.#length & 1) === 0) return
    this.#left[this.#half - 1]! &= 0xf0
    this.#right[0]! &= 0x0f
  }

  #split(bytes: Uint8Array, at: number): void {
    for (let i = 0; i < this.#half; i++) {
      this.#left[i] = bytes[at + i]!
      this.#right[i] = bytes[at + this.#length - this.#half + i]!
    }
    this.#clear()
  }

  #join(out: Uint8Array, at: number): void {
    const odd = this.#length & 1
    out.set(this.#right, at + this.#length - this.#half)
    for (let i = 0; i < this.#half - odd; i++) out[at + i] = this.#left[i]!
    if (odd) out[at + this.#half - 1] = this.#left[this.#half - 1]! | this.#right[0]!
  }
}
