import { healthChannels } from './channels.js'
import type { Check, HealthOptions } from './check.js'
import { Datagrams } from './checks/datagrams.js'
import { Condition } from './condition.js'
import { keptInService } from './floor.js'
import { makeCheck } from './make-check.js'

/** A pool whose backends are checked. */
export interface CheckedPool {
  health: HealthOptions
  backends: readonly { id: string; address: string }[]
}

/** How a backend is. */
export interface Health {
  /** What the checks say. */
  up: boolean
  /** Whether it stays in service though it is down: see `floor`. */
  kept: boolean
  reason: string
  since: Date
}

interface Watched {
  address: string
  condition: Condition
  timer: NodeJS.Timeout | undefined
  checking: boolean
}

interface Pool {
  health: HealthOptions
  text: string
  check: Check
  backends: Map<string, Watched>
  kept: ReadonlySet<string>
}

/** ICMP errors about a backend within this time, milliseconds, that bring its next check forward. */
const SIGNAL_WINDOW = 10_000
const SIGNALS = 3

/**
 * Checks backends, again and again, and says who is down. New backends are in service until the checks say otherwise. Checks are
 * spread over their interval. A share of each pool stays in service whatever they say.
 */
export class HealthMonitor implements AsyncDisposable {
  readonly #changed: () => void
  readonly #ending = new AbortController()
  readonly #datagrams = new Datagrams((address) => this.#unreachable(address))
  readonly #pools = new Map<string, Pool>()
  readonly #signals = new Map<string, number[]>()

  /** @param changed is called when somebody is another one than before */
  constructor(changed: () => void) {
    this.#changed = changed
  }

  /** Checks these, and no others. What is known of those that stay is kept. */
  update(pools: ReadonlyMap<string, CheckedPool>): void {
    for (const [name, pool] of this.#pools) {
      if (pools.has(name)) continue
      for (const watched of pool.backends.values()) clearTimeout(watched.timer)
      this.#pools.delete(name)
    }
    for (const [name, { health, backends }] of pools) {
      const text = JSON.stringify(health)
      let pool = this.#pools.get(name)
      if (pool === undefined) {
        pool = { health, text, check: makeCheck(health, this.#datagrams), backends: new Map(), kept: new Set() }
        this.#pools.set(name, pool)
      } else if (pool.text !== text) {
        Object.assign(pool, { health, text, check: makeCheck(health, this.#datagrams) })
      }
      this.#follow(name, pool, backends)
    }
  }

  /** Undefined when it is not checked. */
  health(pool: string, id: string): Health | undefined {
    const its = this.#pools.get(pool)
    const watched = its?.backends.get(id)
    if (its === undefined || watched === undefined) return undefined
    const { up, reason, since } = watched.condition
    return { up, kept: its.kept.has(id), reason, since: new Date(since) }
  }

  /** Whether it is to be out of service. */
  isDown(pool: string, id: string): boolean {
    const health = this.health(pool, id)
    return health !== undefined && !health.up && !health.kept
  }

  /** Pools of which some stay in service though they are down. */
  get floors(): { pool: string; kept: readonly string[] }[] {
    return [...this.#pools].flatMap(([pool, { kept }]) => (kept.size > 0 ? { pool, kept: [...kept].sort() } : []))
  }

  async close(): Promise<void> {
    this.#ending.abort()
    this.update(new Map())
    await this.#datagrams.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #follow(name: string, pool: Pool, backends: CheckedPool['backends']): void {
    const wanted = new Map(backends.map(({ id, address }) => [id, address]))
    let changed = false
    for (const [id, watched] of pool.backends) {
      if (wanted.get(id) === watched.address) continue
      clearTimeout(watched.timer)
      pool.backends.delete(id)
      changed = true
    }
    for (const [id, address] of wanted) {
      if (pool.backends.has(id)) continue
      const watched: Watched = { address, condition: new Condition(Date.now()), timer: undefined, checking: false }
      pool.backends.set(id, watched)
      changed = true
      this.#schedule(name, pool, id, watched, Math.random() * pool.health.interval)
    }
    if (changed) this.#keep(name, pool)
  }

  #schedule(name: string, pool: Pool, id: string, watched: Watched, pause: number): void {
    clearTimeout(watched.timer)
    watched.timer = setTimeout(() => void this.#run(name, pool, id, watched), pause).unref()
  }

  async #run(name: string, pool: Pool, id: string, watched: Watched): Promise<void> {
    if (watched.checking) return
    watched.checking = true
    const { health, check } = pool
    const outcome = await check({ address: watched.address, signal: this.#ending.signal })
    watched.checking = false
    if (this.#ending.signal.aborted || pool.backends.get(id) !== watched) return
    const { condition } = watched
    const changed = condition.take(outcome, health, Date.now())
    const { interval, fast_interval: fast = interval } = health
    // A tenth either way, lest they fall into step.
    const pause = (condition.pending ? fast : interval) * (0.9 + Math.random() / 5)
    this.#schedule(name, pool, id, watched, pause)
    if (!changed) return
    healthChannels.change.publish({ pool: name, id, up: condition.up, reason: condition.reason })
    this.#keep(name, pool)
    this.#changed()
  }

  #keep(name: string, pool: Pool): void {
    const down = new Set([...pool.backends].filter(([, { condition }]) => !condition.up).map(([id]) => id))
    const kept = keptInService([...pool.backends.keys()], down, pool.health.floor)
    const same = kept.size === pool.kept.size && [...kept].every((id) => pool.kept.has(id))
    pool.kept = kept
    if (!same) healthChannels.floor.publish({ pool: name, kept: [...kept].sort() })
  }

  /**
   * ICMP says that a host cannot be reached. Anybody can forge that, so that it takes nobody out: it only brings the next check
   * forward, and not for a single one.
   */
  #unreachable(address: string): void {
    const now = Date.now()
    const recent = [...(this.#signals.get(address) ?? []).filter((at) => now - at <= SIGNAL_WINDOW), now]
    this.#signals.set(address, recent)
    if (recent.length < SIGNALS) return
    this.#signals.delete(address)
    for (const [name, pool] of this.#pools) {
      for (const [id, watched] of pool.backends) {
        if (watched.address === address && !watched.checking) this.#schedule(name, pool, id, watched, 0)
      }
    }
  }
}
