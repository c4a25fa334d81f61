import type { PortLease } from './lease.js'

interface Waiter {
  owner: string | undefined
  resolve(lease: PortLease): void
  reject(reason: unknown): void
}

/** Who waits for a port, in the order in which they came. */
export class Waiters {
  /** In the order of insertion; whoever gives up leaves it in constant time. */
  readonly #waiting = new Set<Waiter>()

  get size(): number {
    return this.#waiting.size
  }

  /** @param onLeave called when somebody gives up */
  wait(owner: string | undefined, signal: AbortSignal | undefined, onLeave: () => void): Promise<PortLease> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(waiter)
        reject(signal?.reason)
        onLeave()
      }
      const settled = () => signal?.removeEventListener('abort', onAbort)
      const waiter: Waiter = {
        owner,
        resolve: (lease) => {
          settled()
          resolve(lease)
        },
        reject: (reason) => {
          settled()
          reject(reason)
        },
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(waiter)
    })
  }

  /** Serves the one who has waited longest, with a lease or with what `lease` throws. */
  serve(lease: (owner: string | undefined) => PortLease): void {
    const [waiter] = this.#waiting
    if (waiter === undefined) return
    this.#waiting.delete(waiter)
    try {
      waiter.resolve(lease(waiter.owner))
    } catch (error) {
      waiter.reject(error)
    }
  }

  rejectAll(reason: Error): void {
    const waiters = [...this.#waiting]
    this.#waiting.clear()
    for (const waiter of waiters) waiter.reject(reason)
  }
}
