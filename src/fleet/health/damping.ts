/** When a backend that comes and goes is kept out. All times in milliseconds. */
export interface FlapLimits {
  /** Falls within `window` that make it a flapping one. */
  falls: number
  window: number
  /** How long it is kept out the first time; each time that follows soon, twice as long as the last. */
  hold: number
  /** Bound of that. */
  longest: number
}

/**
 * Damping of one backend that flaps: it is held down, longer each time. Time is what the caller says, in milliseconds
 * that never go back.
 */
export class Damping {
  /** Times of the last falls, at most `falls` of them. */
  #falls: number[] = []
  #hold = 0
  #heldUntil = Number.NEGATIVE_INFINITY

  /** It is held down before this time. */
  get heldUntil(): number {
    return this.#heldUntil
  }

  /** Takes note of a fall. @returns whether a hold began */
  fell(at: number, limits: FlapLimits): boolean {
    const { falls, window } = limits
    this.#falls = [...this.#falls.slice(1 - falls), at]
    if (at < this.#heldUntil || this.#falls.length < falls || at - this.#falls[0]! > window) return false
    this.hold(at, limits)
    return true
  }

  /** Begins a hold, or lengthens the one that is on. */
  hold(at: number, { window, hold, longest }: FlapLimits): void {
    // It was good for so long after the last hold that it starts afresh.
    const calm = at - this.#heldUntil > Math.max(window, this.#hold)
    this.#hold = Math.min(longest, calm ? hold : this.#hold * 2)
    this.#heldUntil = at + this.#hold
  }
}
