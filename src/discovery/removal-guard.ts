/** A removal that is held back: its members stay. */
export interface HeldRemoval {
  pool: string
  /** IDs of the members that no source has any more. */
  removed: readonly string[]
  /** Members that the pool had at most in the time that is looked at. */
  of: number
}

interface Peak {
  count: number
  at: number
}

/**
 * Decides whether members may go. Most removals that take half of a pool are no removals: a store that was emptied by mistake, a
 * prefix that was misspelt, leases that ran out together because the store was away. They are held back until somebody agrees.
 * Members that go one after the other within a time are counted together.
 */
export class RemovalGuard {
  /** Share of a pool that may go. */
  readonly #most: number
  /** Milliseconds. */
  readonly #window: number
  readonly #peaks = new Map<string, Peak>()

  constructor(most: number, window: number) {
    this.#most = most
    this.#window = window
  }

  /**
   * @param before members that are in force
   * @param after members that sources have
   * @param removed of those in force the ones that no source has
   */
  check(pool: string, before: number, after: number, removed: readonly string[]): HeldRemoval | undefined {
    const now = Date.now()
    const known = this.#peaks.get(pool)
    const peak = known !== undefined && now - known.at <= this.#window && known.count > before ? known.count : before
    if (removed.length === 0 || this.#most >= 1) {
      this.#note(pool, Math.max(peak, after), now, known)
      return undefined
    }
    if (after > 0 && peak - after <= this.#most * peak) {
      this.#note(pool, peak, now, known)
      return undefined
    }
    return { pool, removed, of: peak }
  }

  /** Somebody agreed. */
  accept(pool: string): void {
    this.#peaks.delete(pool)
  }

  /** A peak that lasts is the time's own; one that has passed counts from when it was reached. */
  #note(pool: string, count: number, now: number, known: Peak | undefined): void {
    const same = known !== undefined && known.count === count && now - known.at <= this.#window
    if (!same) this.#peaks.set(pool, { count, at: now })
  }
}
