import type { HealthChange } from './state.js'

/**
 * Changes on their way to one reader. Of each backend only the last one waits, so that a slow reader gets what is true now, and
 * memory is bounded by the number of backends.
 */
export class ChangeQueue {
  readonly #waiting = new Map<string, HealthChange>()
  #wake: (() => void) | undefined
  #ended = false

  push(change: HealthChange): void {
    const key = JSON.stringify([change.pool, change.id])
    const earlier = this.#waiting.get(key)
    // What the reader knows is the state before the first of them. To the end of the queue: it is news.
    this.#waiting.delete(key)
    this.#waiting.set(key, earlier === undefined ? change : { ...change, was: earlier.was })
    this.#wake?.()
  }

  /** What waits is still read. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *read(): AsyncGenerator<HealthChange, void, undefined> {
    for (;;) {
      const [next] = this.#waiting
      if (next !== undefined) {
        this.#waiting.delete(next[0])
        yield next[1]
      } else if (this.#ended) return
      else await this.#news()
    }
  }

  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#wake = undefined
  }
}
