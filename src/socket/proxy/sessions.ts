import type { ProxyHeader } from '../../proxy/types.js'

/** A flow from a proxy whose first datagram told the client. */
export interface ProxySession {
  readonly key: string
  readonly header: ProxyHeader
  /** When its last datagram came, in milliseconds of a clock that never goes back. */
  seen: number
}

/**
 * Sessions by flow, the longest idle first. Bounded in number and, by idle time, in age; what is too old goes when
 * something new comes, so that there is no timer.
 */
export class ProxySessions {
  /** Sessions that gave way to new ones before their time. */
  evicted = 0
  readonly #limit: number
  readonly #idleTimeout: number
  readonly #table = new Map<string, ProxySession>()

  /** @param idleTimeout milliseconds */
  constructor(limit: number, idleTimeout: number) {
    this.#limit = limit
    this.#idleTimeout = idleTimeout
  }

  get size(): number {
    return this.#table.size
  }

  /** The session of a flow, which lives on from `now`; undefined when there is none, or none any more. */
  get(key: string, now: number): ProxySession | undefined {
    const session = this.#table.get(key)
    if (session === undefined) return undefined
    this.#table.delete(key)
    if (this.#isOver(session, now)) return undefined
    session.seen = now
    this.#table.set(key, session) // the youngest again
    return session
  }

  add(key: string, header: ProxyHeader, now: number): ProxySession {
    this.#forget(now)
    const session = { key, header, seen: now }
    this.#table.set(key, session)
    return session
  }

  /** Makes room for one more. */
  #forget(now: number): void {
    for (const [key, session] of this.#table) {
      if (!this.#isOver(session, now)) {
        if (this.#table.size < this.#limit) return
        this.evicted++
        this.#table.delete(key)
        return
      }
      this.#table.delete(key)
    }
  }

  #isOver(session: ProxySession, now: number): boolean {
    return now - session.seen > this.#idleTimeout
  }
}
