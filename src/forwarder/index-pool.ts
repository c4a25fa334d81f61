/**
 * Indices of an array map. One that is given back rests until `rested` is called, when no packet can be under way with it;
 * what has been free for longest is taken first.
 */
export class IndexPool {
  readonly #limit: number
  /** Lowest index that was never taken. */
  #fresh: number
  #free: number[] = []
  #resting: number[] = []

  /** @param used indices that are taken already */
  constructor(limit: number, used: Iterable<number> = []) {
    this.#limit = limit
    const taken = new Set(used)
    this.#fresh = Math.max(-1, ...taken) + 1
    for (let index = 0; index < this.#fresh; index++) if (!taken.has(index)) this.#free.push(index)
  }

  /** How many can be taken. */
  get available(): number {
    return this.#free.length + this.#limit - this.#fresh
  }

  get resting(): boolean {
    return this.#resting.length > 0
  }

  /** Undefined when there is none. */
  take(): number | undefined {
    if (this.#free.length > 0) return this.#free.shift()
    return this.#fresh < this.#limit ? this.#fresh++ : undefined
  }

  give(index: number): void {
    this.#resting.push(index)
  }

  /** Gives back what no packet has ever seen. */
  giveUnused(index: number): void {
    this.#free.unshift(index)
  }

  rested(): void {
    this.#free.push(...this.#resting.splice(0))
  }
}
