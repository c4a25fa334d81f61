import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_MS = 100
const LONGEST_MS = 5000
const FACTOR = 2

/** Pauses between attempts: longer and longer, and different for each host, lest all come back at once. */
export class Backoff {
  readonly #longest: number
  #next = FIRST_MS

  /** @param longest milliseconds */
  constructor(longest = LONGEST_MS) {
    this.#longest = longest
  }

  /** @returns false when `signal` ended it */
  async pause(signal: AbortSignal): Promise<boolean> {
    const pause = this.#next * (0.5 + Math.random() / 2)
    this.#next = Math.min(this.#next * FACTOR, this.#longest)
    return pauseFor(pause, signal)
  }

  reset(): void {
    this.#next = FIRST_MS
  }
}

/**
 * @param pause milliseconds
 * @returns false when `signal` ended it
 */
export async function pauseFor(pause: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(pause, undefined, { signal })
    return true
  } catch {
    return false
  }
}
