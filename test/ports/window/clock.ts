import type { Clock, Timer } from '../../../src/ports/window/clock.js'

/** A clock that goes only when it is told to, and then calls whoever is due. */
export class FakeClock implements Clock {
  #now = 0
  #timers = new Map<Timer, { due: number; callback: () => void }>()

  now(): number {
    return this.#now
  }

  later(callback: () => void, milliseconds: number): Timer {
    const timer = { cancel: () => void this.#timers.delete(timer) }
    this.#timers.set(timer, { due: this.#now + milliseconds, callback })
    return timer
  }

  /** Timers that run. */
  get timers(): number {
    return this.#timers.size
  }

  /** Lets time go on, timer by timer. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (;;) {
      const [first] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due)
      if (first === undefined || first[1].due > end) break
      this.#timers.delete(first[0])
      this.#now = Math.max(this.#now, first[1].due)
      first[1].callback()
    }
    this.#now = end
  }
}
