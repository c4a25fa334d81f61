/** No entry: the end of a list or of a chain. */
export const NONE = 0xffffffff

/** The links that all lists of one table share, a word for each entry. An entry is in one list at most. */
export interface Links {
  readonly before: Uint32Array
  readonly after: Uint32Array
}

/** Entries in the order of their use, the one used last at the front. Every operation takes constant time. */
export class RecencyList {
  readonly #before: Uint32Array
  readonly #after: Uint32Array
  #front = NONE
  #back = NONE
  #size = 0

  constructor(links: Links) {
    this.#before = links.before
    this.#after = links.after
  }

  get size(): number {
    return this.#size
  }

  /** The entry used longest ago, `NONE` when there is none. */
  get oldest(): number {
    return this.#back
  }

  /** Puts an entry that is in no list to the front. */
  add(entry: number): void {
    this.#before[entry] = NONE
    this.#after[entry] = this.#front
    if (this.#front === NONE) this.#back = entry
    else this.#before[this.#front] = entry
    this.#front = entry
    this.#size++
  }

  remove(entry: number): void {
    const before = this.#before[entry]!
    const after = this.#after[entry]!
    if (before === NONE) this.#front = after
    else this.#after[before] = after
    if (after === NONE) this.#back = before
    else this.#before[after] = before
    this.#size--
  }

  /** Moves an entry of this list to the front. */
  touch(entry: number): void {
    if (entry === this.#front) return
    this.remove(entry)
    this.add(entry)
  }

  /** Forgets all entries. */
  clear(): void {
    this.#front = NONE
    this.#back = NONE
    this.#size = 0
  }
}
