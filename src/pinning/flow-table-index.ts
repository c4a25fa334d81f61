import type { FlowKey } from './flow-key.js'
import { NONE } from './flow-table-list.js'

/** Words that a key takes, the longest being 36 bytes. */
const KEY_WORDS = 9

/**
 * Keys in one chain at most. There are at least as many chains as entries, so with a keyed hash a chain of 16 comes
 * about once in 10¹³ chains of a full table; the limit makes a look-up bounded whatever happens.
 */
export const LONGEST_CHAIN = 16

/** Bytes that each entry takes here: key 36, its length 1, hash 4, link of the chain 4. */
export const INDEX_BYTES = 45

/** A hash of a key, −2³¹ – 2³¹−1. */
export type HashKey = (key: FlowKey) => number

/**
 * Which entry holds which key: whole keys, in typed arrays that are made once. A chained hash table; who owns it says
 * which entries are free.
 */
export class FlowIndex {
  readonly #hash: HashKey
  /** Hash of the key that was looked for last. */
  #sought = 0
  /** The first entry of each chain; a power of two of them. */
  readonly #chains: Uint32Array
  /** The next entry of the chain. */
  readonly #next: Uint32Array
  readonly #hashes: Int32Array
  readonly #keys: Uint32Array
  readonly #lengths: Uint8Array

  constructor(capacity: number, hash: HashKey) {
    this.#hash = hash
    this.#chains = new Uint32Array(2 ** Math.ceil(Math.log2(capacity))).fill(NONE)
    this.#next = new Uint32Array(capacity)
    this.#hashes = new Int32Array(capacity)
    this.#keys = new Uint32Array(capacity * KEY_WORDS)
    this.#lengths = new Uint8Array(capacity)
  }

  /** Bytes of all arrays. */
  get bytes(): number {
    return [this.#chains, this.#next, this.#hashes, this.#keys, this.#lengths].reduce((sum, a) => sum + a.byteLength, 0)
  }

  /** The entry of a key, `NONE` when there is none. */
  find(key: FlowKey): number {
    const hash = this.#hash(key)
    this.#sought = hash
    let entry = this.#chains[hash & (this.#chains.length - 1)]!
    while (entry !== NONE && !this.#holds(entry, hash, key)) entry = this.#next[entry]!
    return entry
  }

  /** The last entry of the chain that the key looked for last belongs to when that chain is full, otherwise `NONE`. */
  crowdedOut(): number {
    let entry = this.#chains[this.#sought & (this.#chains.length - 1)]!
    for (let count = 1; entry !== NONE; count++) {
      if (count === LONGEST_CHAIN) return entry
      entry = this.#next[entry]!
    }
    return NONE
  }

  /** Puts the key that was looked for last, and is not there, into an entry that is free. */
  insert(entry: number, key: FlowKey): void {
    const hash = this.#sought
    const chain = hash & (this.#chains.length - 1)
    this.#hashes[entry] = hash
    this.#lengths[entry] = key.length
    const whole = key.length >>> 2
    const at = entry * KEY_WORDS
    for (let i = 0; i < whole; i++) this.#keys[at + i] = key.words[i]!
    if ((key.length & 3) !== 0) this.#keys[at + whole] = lastWord(key, whole)
    this.#next[entry] = this.#chains[chain]!
    this.#chains[chain] = entry
  }

  /** Frees an entry. */
  remove(entry: number): void {
    const chain = this.#hashes[entry]! & (this.#chains.length - 1)
    const after = this.#next[entry]!
    let at = this.#chains[chain]!
    if (at === entry) {
      this.#chains[chain] = after
      return
    }
    while (this.#next[at] !== entry) at = this.#next[at]!
    this.#next[at] = after
  }

  /** Frees all. */
  clear(): void {
    this.#chains.fill(NONE)
  }

  #holds(entry: number, hash: number, key: FlowKey): boolean {
    if (this.#hashes[entry] !== hash || this.#lengths[entry] !== key.length) return false
    const whole = key.length >>> 2
    const at = entry * KEY_WORDS
    for (let i = 0; i < whole; i++) if (this.#keys[at + i] !== key.words[i]) return false
    return (key.length & 3) === 0 || this.#keys[at + whole] === lastWord(key, whole)
  }
}

/** The bytes of a key in its last, broken word, without what lies beyond them. */
function lastWord(key: FlowKey, whole: number): number {
  return (key.words[whole]! & ((1 << ((key.length & 3) << 3)) - 1)) >>> 0
}
