import type { Contenders } from './contenders.js'
import { slotOf } from './half-siphash.js'

/** Marks a slot that nobody has yet. */
export const EMPTY = 0xffff

/**
 * Each contender's own order of all slots: it starts at `offset` and steps on by `skip`, which has no divisor in common
 * with the number of slots (Eisenbud et al., "Maglev", NSDI 2016, §3.4). `take` goes on from where it stood.
 */
export class Walk {
  readonly #slots: Uint16Array
  readonly #position: Uint32Array
  readonly #skip: Uint32Array

  /**
   * @param slots a prime number of them, or a power of two
   * @param seed the first of the two of the contenders' seeds that give offset and skip
   */
  constructor(slots: Uint16Array, { count, seeds }: Contenders, seed: number) {
    const size = slots.length
    const even = (size & 1) === 0
    const stride = seeds.length / count
    this.#slots = slots
    this.#position = new Uint32Array(count)
    this.#skip = new Uint32Array(count)
    for (let c = 0; c < count; c++) {
      this.#position[c] = slotOf(seeds[stride * c + seed]!, size)
      // Of a power of two: any odd number. Of a prime: 1 to size − 1.
      const random = slotOf(seeds[stride * c + seed + 1]!, even ? size : size - 1)
      this.#skip[c] = even ? random | 1 : random + 1
    }
  }

  /** Gives the contender the next empty slot in its order. There must be one. */
  take(contender: number, index: number): void {
    const slots = this.#slots
    const size = slots.length
    const last = size - 1
    const skip = this.#skip[contender]!
    let position = this.#position[contender]!
    while (slots[position] !== EMPTY) {
      position += skip
      // Less the size if it is beyond the last slot. Written as a branch, a processor would guess half of them wrong.
      position -= size & ((last - position) >> 31)
    }
    slots[position] = index
    this.#position[contender] = position
  }
}
