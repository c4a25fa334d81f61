import type { IPVersion } from './classify.js'
import { formatIPv4, formatIPv6 } from './ip.js'

/** Odd multipliers that spread every bit of a word over the high bits (Knuth's golden ratio, and xxHash32's primes). */
const MIX = 0x9e3779b1
const MIX_1 = 0x85ebca77
const MIX_2 = 0xc2b2ae3d
const MIX_3 = 0x27d4eb2f

/**
 * Address bytes → text, for the path that runs once for each datagram: a two-way set-associative cache that
 * allocates nothing when it knows the address. An address that comes new takes the first place of its pair of
 * slots, what lay there moves to the second, and what lay there is forgotten.
 *
 * Addresses lie in a `Uint32Array` as fields of 16 bytes in network order, just as the kernel wrote them (so a
 * word's value depends on the host's byte order; its bytes do not). An IPv4 address fills the first word.
 */
export class AddressText {
  readonly #v6: boolean
  readonly #shift: number
  readonly #texts: string[]
  /** 1 word a slot for IPv4, 4 for IPv6. All zero at first, which is right: every slot then knows the wildcard. */
  readonly #keys: Uint32Array
  readonly #scratch = new Uint32Array(4)
  readonly #bytes = new Uint8Array(this.#scratch.buffer)

  /**
   * @param version 4: fields hold IPv4 addresses; 6: IPv6, printed as `inet_ntop(3)` does, v4-mapped as `::ffff:a.b.c.d`
   * @param slots addresses kept, a power of two from 4 to 2²⁰ (others are rounded)
   */
  constructor(version: IPVersion, slots = 1024) {
    const bits = Math.min(20, Math.max(2, Math.ceil(Math.log2(slots))))
    this.#v6 = version === 6
    this.#shift = 32 - (bits - 1)
    this.#keys = new Uint32Array((this.#v6 ? 4 : 1) << bits)
    this.#texts = new Array<string>(1 << bits).fill(this.#v6 ? '::' : '0.0.0.0')
  }

  /** The text of the address whose first word is `words[at]`. */
  text(words: Uint32Array, at: number): string {
    return this.#v6 ? this.#textIPv6(words, at) : this.#textIPv4(words, at)
  }

  #textIPv4(words: Uint32Array, at: number): string {
    const word = words[at] as number
    const keys = this.#keys
    const slot = (Math.imul(word, MIX) >>> this.#shift) << 1
    if (keys[slot] === word) return this.#texts[slot] as string
    if (keys[slot + 1] === word) return this.#texts[slot + 1] as string
    return this.#learnIPv4(word, slot)
  }

  #textIPv6(words: Uint32Array, at: number): string {
    const a = words[at] as number
    const b = words[at + 1] as number
    const c = words[at + 2] as number
    const d = words[at + 3] as number
    const keys = this.#keys
    const sum = Math.imul(a, MIX_1) ^ Math.imul(b, MIX_2) ^ Math.imul(c, MIX_3) ^ d
    const slot = (Math.imul(sum ^ (sum >>> 15), MIX) >>> this.#shift) << 1
    const key = slot * 4
    if (keys[key + 3] === d && keys[key + 2] === c && keys[key + 1] === b && keys[key] === a) {
      return this.#texts[slot] as string
    }
    if (keys[key + 7] === d && keys[key + 6] === c && keys[key + 5] === b && keys[key + 4] === a) {
      return this.#texts[slot + 1] as string
    }
    return this.#learnIPv6(a, b, c, d, slot)
  }

  #learnIPv4(word: number, slot: number): string {
    this.#scratch[0] = word
    this.#keys[slot + 1] = this.#keys[slot] as number
    this.#keys[slot] = word
    return this.#put(formatIPv4(this.#bytes, 0), slot)
  }

  #learnIPv6(a: number, b: number, c: number, d: number, slot: number): string {
    const scratch = this.#scratch
    scratch[0] = a
    scratch[1] = b
    scratch[2] = c
    scratch[3] = d
    const key = slot * 4
    this.#keys.copyWithin(key + 4, key, key + 4)
    this.#keys.set(scratch, key)
    return this.#put(formatIPv6(this.#bytes, 0), slot)
  }

  #put(text: string, slot: number): string {
    this.#texts[slot + 1] = this.#texts[slot] as string
    this.#texts[slot] = text
    return text
  }
}
