import { checkInteger, checkNumber, checkOptions, checkString } from '../errors/checks.js'
import { invalidArgType, outOfRange } from '../errors.js'
import { Backoff, pauseFor } from './backoff.js'
import { channels } from './channels.js'
import { InForce } from './in-force.js'
import type { Member } from './member.js'
import type { Provider, UnreadableMember, Update } from './provider.js'
import { type HeldRemoval, RemovalGuard } from './removal-guard.js'
import { SourceTable, type StaleSource } from './source-table.js'
import { StateFile } from './state-file.js'

export interface DiscoveryOptions {
  /** Where members come from. A member that several have is that of the first. */
  providers: readonly Provider[]
  /**
   * Share of a pool's members that may go within `removalWindow`, 0 – 1, default 0.5. A removal of more, or of all, is held back until
   * they are back or `accept` is called. 1: nothing is held back.
   */
  mostRemoved?: number | undefined
  /** Seconds, 1 – 86,400, default 60. */
  removalWindow?: number | undefined
  /** Milliseconds between two memberships at least, 0 – 10,000, default 5: what changes in between comes together. The first change is not kept waiting. */
  debounce?: number | undefined
  /** A file for the last good state, which counts until a source has told its own. Default: none. */
  stateFile?: string | undefined
}

/** Who is a member of what, and what is wrong with knowing it. */
export interface Membership {
  /** By the names of pools, in their order; members in the order of their IDs. */
  pools: ReadonlyMap<string, readonly Member[]>
  /** Names of the pools that are not as they were in the membership before. */
  changed: readonly string[]
  /** Of all members, 32 hexadecimal digits: the same on every host with the same members. */
  digest: string
  /** Sources that are away. */
  stale: readonly StaleSource[]
  /** Removals that are held back. */
  held: readonly HeldRemoval[]
  /** Members that their source has in a form that cannot be read. */
  unreadable: readonly (UnreadableMember & { provider: string })[]
  /** Why `stateFile` could not be read or written the last time. */
  stateFailure: Error | undefined
}

const OPTIONS = ['providers', 'mostRemoved', 'removalWindow', 'debounce', 'stateFile'] as const
const DEFAULT_MOST = 0.5
const DEFAULT_WINDOW = 60
const DEFAULT_DEBOUNCE = 5

/**
 * Follows sources of members: `for await (const { pools, changed } of discovery)` has the membership now, and then each time that it
 * changes, or that something becomes wrong or right with it. What comes while the loop is busy comes together.
 *
 * Its rules: a source that is away changes nothing; a member that cannot be read stays as it was; a removal of more than half of a
 * pool is held back; what was known last counts at the start. So no failure of a store takes backends out.
 */
export class Discovery implements AsyncIterable<Membership>, AsyncDisposable {
  readonly #sources: readonly SourceTable[]
  readonly #guard: RemovalGuard
  readonly #force = new InForce()
  readonly #held = new Map<string, HeldRemoval>()
  readonly #debounce: number
  readonly #file: StateFile | undefined
  #stateFailure: Error | undefined
  readonly #ending = new AbortController()
  readonly #readers = new Set<Reader>()
  readonly #done: Promise<unknown>
  /** Whether there is something to tell: the file's state, or that each source has spoken. */
  #ready = false
  #spoken = 0

  /** @throws ArgumentTypeError, ArgumentRangeError */
  constructor(options: DiscoveryOptions) {
    checkOptions(options, OPTIONS)
    const { providers, mostRemoved = DEFAULT_MOST, removalWindow = DEFAULT_WINDOW } = options
    const { debounce = DEFAULT_DEBOUNCE, stateFile } = options
    if (!Array.isArray(providers)) throw invalidArgType('options.providers', 'an array of providers', providers)
    checkNumber('options.mostRemoved', mostRemoved)
    if (!(mostRemoved >= 0 && mostRemoved <= 1)) throw outOfRange('options.mostRemoved', '>= 0 && <= 1', mostRemoved)
    checkInteger('options.removalWindow', removalWindow, 1, 86_400)
    checkInteger('options.debounce', debounce, 0, 10_000)
    if (stateFile !== undefined) checkString('options.stateFile', stateFile)
    this.#guard = new RemovalGuard(mostRemoved, removalWindow * 1000)
    this.#debounce = debounce
    this.#file = stateFile === undefined ? undefined : new StateFile(stateFile, (failure) => this.#stateTold(failure))
    this.#sources = providers.map((provider: Provider) => new SourceTable(provider))
    this.#done = this.#run(providers)
  }

  /** As it is now. */
  get current(): Membership {
    return this.#view([])
  }

  /**
   * Lets members go whose removal is held back.
   *
   * @param pool all pools when there is none
   * @returns what was held back
   */
  accept(pool?: string): HeldRemoval[] {
    const accepted = [...this.#held.values()].filter((held) => pool === undefined || held.pool === pool)
    for (const held of accepted) {
      this.#guard.accept(held.pool)
      this.#reconcile(new Set([held.pool]), held.pool)
    }
    return accepted
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Membership, void, undefined> {
    const reader = new Reader()
    this.#readers.add(reader)
    if (this.#ready) reader.tell(this.#force.pools.keys())
    try {
      while (await reader.next(this.#ending.signal)) {
        const told = Date.now()
        yield this.#view(reader.take())
        const pause = told + this.#debounce - Date.now()
        if (pause > 0) await pauseFor(pause, this.#ending.signal)
      }
    } finally {
      this.#readers.delete(reader)
    }
  }

  /** Ends all watches and loops, and writes the last state. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#done
    await this.#file?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #run(providers: readonly Provider[]): Promise<void> {
    const saved = await this.#file?.read()
    if (saved !== undefined && saved.length > 0) {
      const pools = groupByPool(saved)
      for (const [pool, members] of pools) this.#force.set(pool, new Map(members.map((member) => [member.id, member])))
      this.#become(new Set(pools.keys()))
    }
    if (providers.length === 0) this.#become(new Set())
    await Promise.all(providers.map((provider, i) => this.#follow(provider, this.#sources[i]!)))
  }

  async #follow(provider: Provider, source: SourceTable): Promise<void> {
    const { signal } = this.#ending
    const backoff = new Backoff()
    let spoken = false
    const take = (update: Update) => {
      const before = source.stale
      const touched = source.take(update)
      if (source.stale !== undefined && before === undefined) channels.stale.publish({ ...source.stale })
      if (source.stale === undefined && before !== undefined) channels.fresh.publish({ provider: source.name })
      if (update.type !== 'stale') {
        for (const one of update.unreadable ?? []) channels.unreadable.publish({ provider: source.name, ...one })
      }
      if (!spoken) this.#spoken++
      spoken = true
      this.#changed(touched, update.type === 'snapshot')
    }
    while (!signal.aborted) {
      try {
        for await (const update of provider.watch({ signal })) {
          take(update)
          backoff.reset()
        }
      } catch (error) {
        // Not in the contract, and nothing to lose members for.
        if (!signal.aborted) take({ type: 'stale', reason: asError(error), since: source.stale?.since ?? new Date() })
      }
      if (!(await backoff.pause(signal))) return
    }
  }

  #changed(touched: ReadonlySet<string>, snapshot: boolean): void {
    // What is known from the file alone may go with any snapshot.
    const pools = snapshot ? new Set([...touched, ...this.#force.pools.keys()]) : touched
    const changed = this.#reconcile(pools)
    if (this.#ready || this.#spoken === this.#sources.length) this.#become(changed)
  }

  /** Lets pools follow their sources. @param accepted whose removal is not looked at */
  #reconcile(pools: ReadonlySet<string>, accepted?: string): ReadonlySet<string> {
    const changed = new Set<string>()
    for (const pool of pools) {
      const before = this.#force.members(pool)
      const after = this.#wanted(pool)
      const removed = before.filter(({ id }) => !after.has(id))
      const ids = removed.map(({ id }) => id)
      const held = pool === accepted ? undefined : this.#guard.check(pool, before.length, after.size, ids)
      this.#hold(pool, held)
      if (held !== undefined) for (const member of removed) after.set(member.id, member)
      if (this.#force.set(pool, after)) changed.add(pool)
    }
    if (changed.size > 0) this.#file?.save(() => this.#force.all())
    if (accepted !== undefined) this.#become(changed)
    return changed
  }

  /** What the sources have of a pool; and what is in force of those that have not told yet, or that cannot be read. */
  #wanted(pool: string): Map<string, Member> {
    const wanted = new Map<string, Member>()
    for (const source of [...this.#sources].reverse()) {
      for (const [id, member] of source.members(pool) ?? []) wanted.set(id, member)
    }
    for (const source of this.#sources) {
      for (const { pool: its, id } of source.unreadable) {
        const known = its === pool ? this.#force.get(pool, id) : undefined
        if (known !== undefined && !wanted.has(id)) wanted.set(id, known)
      }
    }
    if (this.#sources.every(({ known }) => known)) return wanted
    for (const member of this.#force.members(pool)) if (!wanted.has(member.id)) wanted.set(member.id, member)
    return wanted
  }

  #hold(pool: string, held: HeldRemoval | undefined): void {
    const before = this.#held.get(pool)
    if (held === undefined) {
      if (this.#held.delete(pool)) channels.released.publish({ pool })
      return
    }
    this.#held.set(pool, held)
    if (before?.removed.length !== held.removed.length) channels.held.publish({ ...held })
  }

  #become(changed: ReadonlySet<string>): void {
    this.#ready = true
    for (const reader of this.#readers) reader.tell(changed)
  }

  #stateTold(failure: Error | undefined): void {
    const news = failure?.message !== this.#stateFailure?.message
    this.#stateFailure = failure
    if (news && this.#ready) this.#become(new Set())
  }

  #view(changed: readonly string[]): Membership {
    return {
      pools: this.#force.pools,
      changed,
      digest: this.#force.digest,
      stale: this.#sources.flatMap(({ stale }) => stale ?? []),
      held: [...this.#held.values()],
      unreadable: this.#sources.flatMap(({ name, unreadable }) =>
        unreadable.map((one) => ({ provider: name, ...one })),
      ),
      stateFailure: this.#stateFailure,
    }
  }
}

/** One loop over memberships. */
class Reader {
  readonly #changed = new Set<string>()
  #news = false
  #wake: (() => void) | undefined

  tell(changed: Iterable<string>): void {
    for (const pool of changed) this.#changed.add(pool)
    this.#news = true
    this.#wake?.()
  }

  /** @returns false when `signal` ended it */
  async next(signal: AbortSignal): Promise<boolean> {
    if (!this.#news && !signal.aborted) {
      const wake = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const end = () => this.#wake?.()
      signal.addEventListener('abort', end, { once: true })
      await wake
      signal.removeEventListener('abort', end)
      this.#wake = undefined
    }
    return !signal.aborted
  }

  take(): string[] {
    this.#news = false
    const changed = [...this.#changed].sort()
    this.#changed.clear()
    return changed
  }
}

function groupByPool(members: readonly Member[]): Map<string, Member[]> {
  const pools = new Map<string, Member[]>()
  for (const member of members) {
    const known = pools.get(member.pool)
    if (known === undefined) pools.set(member.pool, [member])
    else known.push(member)
  }
  return pools
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
