/** Numbers from a seed (mulberry32). */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** 0 to `limit` − 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
  chance(share: number): boolean {
    return this.below(1_000_000) < share * 1_000_000
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
  bytes(length: number): Uint8Array {
    if (length <= 64) return Uint8Array.from({ length }, () => this.below(256))
    const from = this.below(NOISE.length - length)
    return NOISE.slice(from, from + length)
  }
}

/** Where longer runs of random bytes are cut from. */
const NOISE = new Uint8Array(4096)
for (let i = 0, state = 1; i < NOISE.length; i++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  NOISE[i] = state >>> 16
}
