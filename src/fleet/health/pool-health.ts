import { channels } from './channels.js'
import type { CheckOutcome } from './check.js'
import { CheckLoop } from './check-loop.js'
import { Floor } from './floor.js'
import { Member } from './member.js'
import type { PoolSettings } from './read-options.js'
import type { Wanted } from './read-targets.js'
import type { BackendHealth, FloorAlarm, HealthChange, PoolHealthStats, ReportKind } from './state.js'

/** What a pool tells the monitor. */
export interface PoolListener {
  onChange(change: HealthChange): void
  onFloor(alarm: FloorAlarm): void
}

/** Timers may come a fraction of a millisecond before the time that they are set to. */
const TIMER_EARLY = 1

/**
 * The backends of one pool. What checks, reports and time say about each, `Floor` weighs against the others; who is another one
 * then is told. Every event costs time that depends on the pool's size only by the logarithm, and a move in an array.
 */
export class PoolHealth {
  readonly #name: string
  readonly #listener: PoolListener
  /** Undefined: the pool is not checked. */
  #settings: PoolSettings | undefined
  readonly #members = new Map<string, Member>()
  readonly #floor = new Floor<Member>()
  /** Members whose state may be another one. */
  readonly #touched = new Set<Member>()
  #reached = false
  readonly #checks = { passed: 0, failed: 0, undecided: 0 }
  #reports = 0

  constructor(name: string, settings: PoolSettings | undefined, listener: PoolListener) {
    this.#name = name
    this.#settings = settings
    this.#listener = listener
  }

  get size(): number {
    return this.#members.size
  }

  /** Members in the order in which they came. */
  members(): IterableIterator<Member> {
    return this.#members.values()
  }

  get(id: string): Member | undefined {
    return this.#members.get(id)
  }

  /** Takes members out and puts others in. @returns when the checks of those that are out have ended */
  async change(removed: readonly Member[], added: readonly Wanted[]): Promise<void> {
    const ends = removed.map((member) => this.#remove(member))
    const initial = this.#settings?.initial ?? 'up'
    const members = added.map(({ target, address }) => new Member(target, address, initial))
    for (const member of members) this.#members.set(member.id, member)
    this.#resize()
    for (const member of members) {
      this.#weigh(member)
      this.#decide(member) // at first without a word
      this.#follow(member)
    }
    this.#flush()
    await Promise.all(ends)
  }

  /** Other options. Members stay what they are, as far as there is still something that may change it. */
  configure(settings: PoolSettings | undefined): void {
    const before = this.#settings
    if (settings === before) return
    this.#settings = settings
    this.#resize()
    for (const member of this.#members.values()) {
      if (settings?.check === undefined && before?.check !== undefined && member.trend.set(true)) {
        member.ground = { cause: 'recovered', reason: 'it is not checked any more' }
      }
      this.#weigh(member)
      this.#touched.add(member)
      this.#follow(member)
    }
    this.#flush()
  }

  /** Somebody saw something. @returns whether it counts */
  report(member: Member, kind: ReportKind, age: number): boolean {
    const settings = this.#settings
    if (settings === undefined || age > settings.reports.window) return false
    this.#reports++
    const now = performance.now()
    if (!member.reports.take(now, settings.reports)) return true
    if (settings.check !== undefined) {
      // Whoever can send packets can forge what is reported: it makes nobody go down, it makes the check come sooner.
      member.loop?.hurry()
      return true
    }
    const { count, window } = settings.reports
    member.ground = { cause: 'reports', reason: `${count} reports within ${window} ms, the last: ${kind}` }
    if (member.trend.set(false)) this.#hold(member, now, settings)
    this.#weigh(member)
    this.#flush()
    return true
  }

  /** Ends all checks. @returns when they have ended */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.#members.values()].map((member) => {
        clearTimeout(member.holdTimer)
        return member.loop?.stop()
      }),
    )
  }

  stats(): PoolHealthStats {
    const { wanted, kept } = this.#floor
    const backends = this.#members.size
    const down = wanted - kept
    let held = 0
    const now = performance.now()
    for (const { state, damping } of this.#members.values()) if (state === 'down' && now < damping.heldUntil) held++
    return { backends, up: backends - down, down, kept, held, checks: { ...this.#checks }, reports: this.#reports }
  }

  #remove(member: Member): Promise<void> | undefined {
    this.#members.delete(member.id)
    this.#touched.delete(member)
    clearTimeout(member.holdTimer)
    if (member.out) this.#touch(this.#floor.delete(member))
    return member.loop?.stop()
  }

  /** Begins or ends asking it, as the settings say. */
  #follow(member: Member): void {
    const settings = this.#settings
    if (settings?.check === undefined) {
      void member.loop?.stop()
      member.loop = undefined
    } else if (member.loop === undefined) {
      member.loop = new CheckLoop(member.address, settings, (outcome, took) => this.#take(member, outcome, took))
    } else member.loop.setPace(settings)
  }

  /** @returns whether the next check is wanted soon */
  #take(member: Member, outcome: CheckOutcome, took: number): boolean {
    const settings = this.#settings!
    this.#checks[outcome.verdict]++
    member.last = { outcome, at: Date.now(), took }
    if (channels.check.hasSubscribers) {
      const { pool, id, address } = member
      channels.check.publish({ pool, id, address, outcome, took })
    }
    if (outcome.verdict === 'undecided') return false
    if (member.trend.take(outcome.verdict === 'passed', settings)) {
      const reason = reasonOf(outcome, settings)
      member.ground = { cause: 'checks', reason }
      const { flaps } = settings
      if (!member.trend.up && flaps !== undefined) {
        const now = performance.now()
        if (member.damping.fell(now, flaps)) this.#held(member, now)
      }
      this.#weigh(member)
      this.#flush()
    }
    return member.trend.turning
  }

  #hold(member: Member, now: number, { flaps }: PoolSettings): void {
    member.damping.hold(now, flaps!)
    this.#held(member, now)
  }

  /** A hold began. */
  #held(member: Member, now: number): void {
    const left = member.damping.heldUntil - now
    member.heldUntil = Math.ceil(Date.now() + left)
    clearTimeout(member.holdTimer)
    member.holdTimer = setTimeout(() => this.#release(member), left + TIMER_EARLY).unref()
    if (!channels.hold.hasSubscribers) return
    const { pool, id, address, heldUntil } = member
    channels.hold.publish({ pool, id, address, until: heldUntil })
  }

  #release(member: Member): void {
    member.heldUntil = undefined
    // Without a check there is only one way to find out whether it works again.
    if (this.#settings?.check === undefined) member.trend.set(true)
    if (member.trend.up) member.ground = { cause: 'recovered', reason: 'the time that it was held down for is over' }
    this.#weigh(member)
    this.#flush()
  }

  #resize(): void {
    this.#touch(this.#floor.resize(this.#members.size, this.#settings?.floor ?? 0))
  }

  /** Enters it among those that should be out, or takes it off. */
  #weigh(member: Member): void {
    const held = this.#settings?.flaps !== undefined && performance.now() < member.damping.heldUntil
    const out = this.#settings !== undefined && (held || !member.trend.up)
    this.#touched.add(member)
    if (out === member.out) return
    member.out = out
    this.#touch(out ? this.#floor.add(member) : this.#floor.delete(member))
  }

  #touch(members: readonly Member[]): void {
    for (const member of members) this.#touched.add(member)
  }

  #flush(): void {
    for (const member of this.#touched) {
      const was = member.state
      if (!this.#decide(member)) continue
      const change = member.change(was)
      channels.change.publish(change)
      this.#listener.onChange(change)
    }
    this.#touched.clear()
    const { kept, wanted } = this.#floor
    if (this.#reached === kept > 0) return
    this.#reached = kept > 0
    const alarm = { pool: this.#name, reached: this.#reached, backends: this.#members.size, failing: wanted, kept }
    channels.floor.publish(alarm)
    this.#listener.onFloor(alarm)
  }

  /** Puts into words what is known. @returns whether state or cause is another one */
  #decide(member: Member): boolean {
    const [state, cause, reason] = this.#verdict(member)
    if (state === member.state && cause === member.cause && member.since !== 0) return false
    Object.assign(member, { state, cause, reason, since: Date.now() })
    return true
  }

  #verdict(member: Member): [BackendHealth['state'], BackendHealth['cause'], string] {
    const { ground, trend, out, kept } = member
    if (this.#settings === undefined) return ['up', 'unchecked', `the pool ${this.#name} has no health options`]
    if (!out) return ['up', ground.cause, ground.reason]
    if (kept) {
      const crowd = `${this.#floor.wanted} of ${this.#members.size} should be out, and too few would be left`
      return ['up', 'floor', `${crowd}. This one: ${ground.reason}`]
    }
    if (!trend.up) return ['down', ground.cause, ground.reason]
    return ['down', 'flaps', `it falls too often; held down until ${new Date(member.heldUntil!).toISOString()}`]
  }
}

/** Why the trend turned. */
function reasonOf(last: CheckOutcome, { rise, fall }: PoolSettings): string {
  if (last.verdict === 'passed') return rise === 1 ? 'a check passed' : `${rise} checks passed`
  return fall === 1 ? `a check failed: ${last.reason}` : `${fall} checks failed, the last: ${last.reason}`
}
