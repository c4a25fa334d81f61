/**
 * Lets only so many in at a time, the others in the order in which they came. Each check of a stream holds a descriptor until its
 * timeout when a backend is silent, and a process has 1024 of them by default.
 */
export class Turnstile {
  readonly #most: number
  #inside = 0
  readonly #waiting = new Set<() => void>()

  /** @param most 1 or more */
  constructor(most: number) {
    this.#most = most
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** @returns false when the signal was aborted meanwhile: who waited is not inside then, and must not `leave` */
  async enter(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    if (this.#inside < this.#most) {
      this.#inside++
      return true
    }
    return new Promise((resolve) => {
      const settle = (inside: boolean) => {
        this.#waiting.delete(admit)
        signal.removeEventListener('abort', giveUp)
        resolve(inside)
      }
      const admit = () => settle(true)
      const giveUp = () => settle(false)
      this.#waiting.add(admit)
      signal.addEventListener('abort', giveUp)
    })
  }

  leave(): void {
    const [next] = this.#waiting
    if (next !== undefined) next()
    else this.#inside--
  }
}
