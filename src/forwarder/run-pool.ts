/** So many indices one behind the other. */
export interface Run {
  first: number
  count: number
}

/** Runs of indices of an array map, the first that fits. A run that is given back rests until `rested` is called. */
export class RunPool {
  /** Sorted, with something taken between any two. */
  #free: Run[]
  #resting: Run[] = []

  /** @param used runs that are taken already */
  constructor(limit: number, used: readonly Run[] = []) {
    this.#free = [{ first: 0, count: limit }]
    for (const run of used) this.#remove(run)
  }

  /** The longest run that could be taken. */
  get longest(): number {
    return Math.max(0, ...this.#free.map(({ count }) => count))
  }

  get resting(): boolean {
    return this.#resting.length > 0
  }

  /** Undefined when no run is that long. */
  take(count: number): Run | undefined {
    const found = this.#free.find((run) => run.count >= count)
    if (found === undefined) return undefined
    const run = { first: found.first, count }
    this.#remove(run)
    return run
  }

  give(run: Run): void {
    this.#resting.push(run)
  }

  /** Gives back what no packet has ever seen. */
  giveUnused(run: Run): void {
    this.#add(run)
  }

  rested(): void {
    for (const run of this.#resting.splice(0)) this.#add(run)
  }

  #remove({ first, count }: Run): void {
    this.#free = this.#free.flatMap((run) => {
      const end = run.first + run.count
      if (first + count <= run.first || first >= end) return [run]
      return [
        { first: run.first, count: first - run.first },
        { first: first + count, count: end - first - count },
      ].filter((part) => part.count > 0)
    })
  }

  #add(run: Run): void {
    const all = [...this.#free, run].sort((a, b) => a.first - b.first)
    this.#free = []
    for (const one of all) {
      const last = this.#free.at(-1)
      if (last !== undefined && last.first + last.count === one.first) last.count += one.count
      else this.#free.push({ ...one })
    }
  }
}
