import { halfSipHash24 } from './half-siphash.js'

/** The backends that share out a table, field by field: the filling touches each of them thousands of times. */
export interface Contenders {
  /** How many there are: at least 1, at most as many as the table has slots. */
  count: number
  /** Each one's index in the table. */
  index: Uint16Array
  /** 1–65535. */
  weight: Uint32Array
  /** Four numbers 0 – 2³²−1 that look random and depend on the id alone, one after the other for each. */
  seeds: Uint32Array
}

/** Seeds of a contender. */
export const SEEDS = 4

/**
 * Keys of the hashes of ids, one for each seed: the first 64 bits of the fractional parts of √2, √3, √5 and √7. They are
 * no secret; every edge must use the same.
 */
const KEYS = [
  [0xf3bcc908, 0x6a09e667],
  [0x84caa73b, 0xbb67ae85],
  [0xfe94f82b, 0x3c6ef372],
  [0x5f1d36f1, 0xa54ff53a],
] as const

const bytes = new Uint8Array(256)
const words = new Uint32Array(bytes.length / 4)
const text = new TextEncoder()

/** @param backends sorted; those with weight 0 are left out */
export function contenders(backends: readonly { id: string; weight: number }[]): Contenders {
  const count = backends.reduce((sum, { weight }) => sum + (weight > 0 ? 1 : 0), 0)
  const index = new Uint16Array(count)
  const weight = new Uint32Array(count)
  const seeds = new Uint32Array(SEEDS * count)
  let at = 0
  for (const [place, backend] of backends.entries()) {
    if (backend.weight === 0) continue
    index[at] = place
    weight[at] = backend.weight
    writeSeeds(backend.id, seeds, SEEDS * at)
    at++
  }
  return { count, index, weight, seeds }
}

function writeSeeds(id: string, seeds: Uint32Array, at: number): void {
  const length = text.encodeInto(id, bytes).written
  for (let i = 0; i < length; i += 4) {
    words[i >> 2] = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
  }
  for (const [i, [low, high]] of KEYS.entries()) seeds[at + i] = halfSipHash24(words, length, low, high)
}
