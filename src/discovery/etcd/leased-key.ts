import { setTimeout as sleep } from 'node:timers/promises'
import { etcdFailed } from '../../errors.js'
import { Backoff } from '../backoff.js'
import type { EtcdClient } from './client.js'
import { base64 } from './keys.js'

export type LeaseState = 'pending' | 'registered' | 'lost'

/** Of a lease, how often it is renewed in its time. */
const RENEWALS = 3
/** Milliseconds that a new attempt waits at most: a store that is back should have all its keys soon. */
const LONGEST_PAUSE_MS = 1000

/**
 * A key that is there as long as this process is: it hangs on a lease, which is renewed. Whatever happens to the store, or to
 * the key, it is put there again as soon as that is possible.
 */
export class LeasedKey {
  readonly #client: EtcdClient
  readonly #key: string
  /** Seconds. */
  readonly #ttl: number
  readonly #told: (state: LeaseState, reason?: Error) => void
  readonly #ending = new AbortController()
  readonly #done: Promise<void>
  #value: string
  #lease: string | undefined
  #wake: (() => void) | undefined
  #state: LeaseState = 'pending'
  /** Resolves once the value that was last set is there. */
  #written: { promise: Promise<void>; resolve(): void } = deferred()

  /** @param told is called when the state changes */
  constructor(
    client: EtcdClient,
    { key, value, ttl }: { key: string; value: string; ttl: number },
    told: (state: LeaseState, reason?: Error) => void,
  ) {
    this.#client = client
    this.#key = key
    this.#value = value
    this.#ttl = ttl
    this.#told = told
    this.#done = this.#keep()
  }

  get state(): LeaseState {
    return this.#state
  }

  /** Resolves once the key is there, with its last value. */
  get written(): Promise<void> {
    return this.#written.promise
  }

  set(value: string): Promise<void> {
    if (value !== this.#value) {
      this.#value = value
      // Whoever waits for an older value has it with the newer one.
      const { resolve } = this.#written
      this.#written = deferred()
      void this.#written.promise.then(resolve)
      this.#wake?.()
    }
    return this.#written.promise
  }

  /** Takes the key away. When the store is away, it goes with its lease. */
  async close(): Promise<void> {
    if (this.#ending.signal.aborted) return this.#done
    this.#ending.abort()
    this.#wake?.()
    await this.#done
    if (this.#lease === undefined) return
    await this.#client.call('lease/revoke', { ID: this.#lease }).catch(() => {})
  }

  async #keep(): Promise<void> {
    const { signal } = this.#ending
    const backoff = new Backoff(LONGEST_PAUSE_MS)
    while (!signal.aborted) {
      try {
        const { ID } = await this.#client.call<{ ID: string }>('lease/grant', { TTL: this.#ttl }, signal)
        this.#lease = ID
        await this.#renew(ID, signal, () => backoff.reset())
      } catch (error) {
        if (signal.aborted) return
        this.#become('lost', error instanceof Error ? error : new Error(String(error)))
        if (!(await backoff.pause(signal))) return
      }
    }
  }

  /** Puts the key on a lease, and renews that until it is lost. */
  async #renew(lease: string, signal: AbortSignal, alive: () => void): Promise<void> {
    let there: string | undefined
    let renewed = Date.now()
    let answered = renewed
    for (;;) {
      if (there !== this.#value) {
        const value = this.#value
        await this.#client.call('kv/put', { key: base64(this.#key), value: base64(value), lease }, signal)
        there = value
        alive()
        this.#become('registered')
        if (value === this.#value) this.#written.resolve()
        continue
      }
      const pause = renewed + (1000 * this.#ttl) / RENEWALS - Date.now()
      if (pause > 0) {
        await this.#sleep(pause, signal)
        signal.throwIfAborted()
        continue
      }
      renewed = Date.now()
      let answer: { result?: { TTL?: string } }
      try {
        answer = await this.#client.call('lease/keepalive', { ID: lease }, signal)
      } catch (error) {
        // One that failed is no lease lost.
        if (signal.aborted || Date.now() - answered > 1000 * this.#ttl) throw error
        this.#become('lost', error as Error)
        continue
      }
      answered = Date.now()
      if (Number(answer.result?.TTL ?? 0) <= 0) {
        throw etcdFailed(this.#client.endpoint, 'lease/keepalive', 'the lease has run out')
      }
      this.#become('registered')
      // A prefix that somebody emptied has it no more, and its lease goes on.
      if (!(await this.#isThere(signal))) there = undefined
    }
  }

  async #isThere(signal: AbortSignal): Promise<boolean> {
    const question = { key: base64(this.#key), count_only: true, serializable: true }
    const { count = '0' } = await this.#client.call<{ count?: string }>('kv/range', question, signal)
    return count !== '0'
  }

  async #sleep(pause: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    await sleep(pause, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {})
    this.#wake = undefined
  }

  #become(state: LeaseState, reason?: Error): void {
    if (this.#state === state) return
    this.#state = state
    this.#told(state, reason)
  }
}

function deferred(): { promise: Promise<void>; resolve(): void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
