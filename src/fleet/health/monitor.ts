import { EventEmitter } from 'node:events'
import { checkInteger, checkNumber, checkOptions, checkSignal } from '../../errors/checks.js'
import { healthClosed, invalidArgValue } from '../../errors.js'
import { ChangeQueue } from './change-queue.js'
import { ProbeSockets } from './checks/probe-sockets.js'
import { Turnstile } from './checks/turnstile.js'
import type { Member } from './member.js'
import type { PoolHealthOptions } from './options.js'
import { PoolHealth } from './pool-health.js'
import { type PoolSettings, readPools } from './read-options.js'
import { readTargets, type Wanted } from './read-targets.js'
import type {
  BackendHealth,
  FloorAlarm,
  HealthChange,
  HealthReport,
  HealthTarget,
  PoolHealthStats,
  ReportKind,
} from './state.js'

/** Options of `HealthMonitor`. */
export interface HealthMonitorOptions {
  /** Health of pools by their names. A pool that is not here is not checked: its backends are up. */
  pools?: Readonly<Record<string, PoolHealthOptions>> | undefined
  /** TCP connections that all checks together have at a time, 1–65535, default 256. Checks beyond that are late. */
  connections?: number | undefined
  /** Closes the monitor. */
  signal?: AbortSignal | undefined
}

/** Events of a `HealthMonitor`, and what their listeners get. */
export interface HealthMonitorEvents {
  /** The state of a backend, or its cause, is another one now. */
  change: [change: HealthChange]
  /** Too many backends of a pool fail, so that some of them stay in; or that is over. */
  floor: [alarm: FloorAlarm]
}

/** What `update` did. */
export interface HealthUpdate {
  added: HealthTarget[]
  /** Those whose address changed are in both. */
  removed: HealthTarget[]
}

const OPTIONS = ['pools', 'connections', 'signal'] as const satisfies readonly (keyof HealthMonitorOptions)[]
const KINDS: readonly ReportKind[] = ['unreachable', 'refused']
/** A quarter of the descriptors that a process has by default. */
const DEFAULT_CONNECTIONS = 256
const MOST_CONNECTIONS = 65_535
/** Longest interval of Node's timers: it is there to keep the process, and does nothing. */
const FOREVER = 2 ** 31 - 1

/**
 * Follows backends: asks them whether they work, takes reports, and says of each whether it should get traffic. docs/health.md.
 *
 * It keeps the process alive like a server does: `unref`, or `close`. Events come after the call that caused them has returned.
 */
export class HealthMonitor extends EventEmitter<HealthMonitorEvents> implements AsyncDisposable {
  readonly #probes = new ProbeSockets()
  readonly #turnstile: Turnstile
  #settings: Map<string, PoolSettings>
  readonly #pools = new Map<string, PoolHealth>()
  readonly #queues = new Set<ChangeQueue>()
  /** Checks of backends that are gone, until they have ended. */
  readonly #ending = new Set<Promise<void>>()
  readonly #keepAlive: NodeJS.Timeout
  readonly #signal: AbortSignal | undefined
  #closed: Promise<void> | undefined

  /**
   * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT; the reason of a signal that is aborted
   */
  constructor(options: HealthMonitorOptions = {}) {
    super()
    checkOptions(options, OPTIONS)
    const { pools = {}, connections = DEFAULT_CONNECTIONS, signal } = options
    checkInteger('options.connections', connections, 1, MOST_CONNECTIONS)
    if (signal !== undefined) checkSignal(signal)
    this.#turnstile = new Turnstile(connections)
    this.#settings = this.#read(pools)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#signal = signal
    this.#keepAlive = setInterval(() => {}, FOREVER)
  }

  /**
   * Other health options of pools, all of them. Backends stay what they are. Nothing changes when it throws.
   *
   * @throws what the constructor throws; HealthError ERR_HEALTH_CLOSED
   */
  configure(pools: Readonly<Record<string, PoolHealthOptions>>): void {
    this.#open()
    this.#settings = this.#read(pools)
    for (const [name, pool] of this.#pools) pool.configure(this.#settings.get(name))
  }

  /**
   * Follows these backends, all of them and no others. What was followed before under the same pool, id and address goes on as if
   * nothing had happened. Nothing changes when it throws.
   *
   * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; HealthError ERR_HEALTH_CLOSED
   */
  update(backends: Iterable<HealthTarget>): HealthUpdate {
    this.#open()
    const wanted = readTargets(backends, (pool, id) => this.#member(pool, id))
    const update: HealthUpdate = { added: [], removed: [] }
    for (const name of new Set([...this.#pools.keys(), ...wanted.keys()])) {
      this.#updatePool(name, wanted.get(name) ?? new Map(), update)
    }
    return update
  }

  /** What is known about a backend; undefined when it is not followed. */
  get(pool: string, id: string): BackendHealth | undefined {
    return this.#member(pool, id)?.health()
  }

  /** What is known about all backends, or about those of a pool. */
  list(pool?: string): BackendHealth[] {
    const pools = pool === undefined ? [...this.#pools.values()] : [this.#pools.get(pool)]
    return pools.flatMap((one) => [...(one?.members() ?? [])].map((member) => member.health()))
  }

  /**
   * Tells what was seen of a backend beside the checks: an ICMP error about a datagram to it. Many in a short time (`reports`) make the
   * next check come at once. Where the pool has no check they take the backend out, for a while that grows.
   *
   * Whoever can forge ICMP errors can make reports. With a check he gets nothing but a check for it.
   *
   * @returns whether it counts: not when the backend is not followed, its pool has no health options, or it is too old
   * @throws ArgumentTypeError ERR_UNKNOWN_OPTION, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; HealthError ERR_HEALTH_CLOSED
   */
  report(report: HealthReport): boolean {
    this.#open()
    checkOptions(report, ['pool', 'id', 'kind', 'at'])
    const { pool, id, kind, at = Date.now() } = report
    if (!KINDS.includes(kind)) {
      throw invalidArgValue('options.kind', `must be one of ${KINDS.map((one) => `'${one}'`).join(', ')}`, kind)
    }
    checkNumber('options.at', at)
    const member = this.#member(pool, id)
    return member !== undefined && this.#pools.get(pool)!.report(member, kind, Date.now() - at)
  }

  /** Numbers of each pool that has backends. */
  stats(): Map<string, PoolHealthStats> {
    return new Map([...this.#pools].map(([name, pool]) => [name, pool.stats()]))
  }

  /**
   * Changes as they come, from the call on. Of a backend that changes several times before it is read the last is told, with `was`
   * of the first. Ends with the monitor or with `signal`.
   */
  changes(options: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<HealthChange, void, undefined> {
    checkOptions(options, ['signal'])
    const { signal } = options
    if (signal !== undefined) checkSignal(signal)
    const queue = new ChangeQueue()
    if (this.#closed !== undefined || signal?.aborted) queue.end()
    else this.#queues.add(queue)
    return this.#readChanges(queue, signal)
  }

  /** Keeps the process alive while it is open; the default. */
  ref(): this {
    if (this.#closed === undefined) this.#keepAlive.ref()
    return this
  }

  /** Lets the process end. */
  unref(): this {
    this.#keepAlive.unref()
    return this
  }

  /** Ends all checks, and resolves when they and their sockets are closed. What is known can still be read. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  readonly #onAbort = (): void => void this.close()

  async #close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    clearInterval(this.#keepAlive)
    for (const queue of this.#queues) queue.end()
    await Promise.all([...[...this.#pools.values()].map((pool) => pool.stop()), ...this.#ending])
    await this.#probes[Symbol.asyncDispose]()
  }

  #open(): void {
    if (this.#closed !== undefined) throw healthClosed()
  }

  #read(pools: Readonly<Record<string, PoolHealthOptions>>): Map<string, PoolSettings> {
    return readPools(pools, { probes: this.#probes, turnstile: this.#turnstile }, this.#settings)
  }

  #member(pool: string, id: string): Member | undefined {
    return this.#pools.get(pool)?.get(id)
  }

  #updatePool(name: string, wanted: ReadonlyMap<string, Wanted>, update: HealthUpdate): void {
    const pool = this.#pools.get(name) ?? this.#addPool(name)
    const removed = [...pool.members()].filter(({ id, address }) => wanted.get(id)?.address !== address)
    const added = [...wanted.values()].filter(({ address, target }) => pool.get(target.id)?.address !== address)
    if (removed.length > 0 || added.length > 0) {
      const end = pool.change(removed, added)
      this.#ending.add(end)
      void end.finally(() => this.#ending.delete(end))
    }
    if (pool.size === 0) this.#pools.delete(name)
    update.removed.push(...removed.map(({ pool, id, address }) => ({ pool, id, address })))
    update.added.push(...added.map(({ target: { pool, id }, address }) => ({ pool, id, address })))
  }

  #addPool(name: string): PoolHealth {
    const pool = new PoolHealth(name, this.#settings.get(name), {
      // Later, so that a listener that throws, or calls back, does not do so in the midst of a decision.
      onChange: (change) => {
        process.nextTick(() => this.emit('change', change))
        for (const queue of this.#queues) queue.push(change)
      },
      onFloor: (alarm) => process.nextTick(() => this.emit('floor', alarm)),
    })
    this.#pools.set(name, pool)
    return pool
  }

  async *#readChanges(
    queue: ChangeQueue,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<HealthChange, void, undefined> {
    const end = () => queue.end()
    signal?.addEventListener('abort', end, { once: true })
    try {
      yield* queue.read()
    } finally {
      signal?.removeEventListener('abort', end)
      this.#queues.delete(queue)
    }
  }
}
