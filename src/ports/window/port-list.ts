/** No entry. Entries are numbers from 1 to 65535. */
export const NONE = 0

/** The neighbours of each entry, NONE at the ends. Lists of which each entry is in one at most can share them. */
export interface Links {
  readonly before: Uint16Array
  readonly after: Uint16Array
}

/** @param end one more than the highest entry */
export function makeLinks(end: number): Links {
  return { before: new Uint16Array(end), after: new Uint16Array(end) }
}

/** Entries in the order in which they came. All calls take constant time, and no memory. */
export class PortList {
  readonly #links: Links
  #oldest = NONE
  #newest = NONE
  #size = 0

  constructor(links: Links) {
    this.#links = links
  }

  get size(): number {
    return this.#size
  }

  /** The entry that has been there longest, or NONE. */
  get oldest(): number {
    return this.#oldest
  }

  /** @param entry that is in none of the lists that share the links */
  add(entry: number): void {
    const { before, after } = this.#links
    before[entry] = this.#newest
    after[entry] = NONE
    if (this.#newest === NONE) this.#oldest = entry
    else after[this.#newest] = entry
    this.#newest = entry
    this.#size++
  }

  /** @param entry that is in this list */
  remove(entry: number): void {
    const before = this.#links.before[entry] as number
    const after = this.#links.after[entry] as number
    if (before === NONE) this.#oldest = after
    else this.#links.after[before] = after
    if (after === NONE) this.#newest = before
    else this.#links.before[after] = before
    this.#size--
  }
}
