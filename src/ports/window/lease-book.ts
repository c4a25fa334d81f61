import { type PortCounts, portsClosed, portsExhausted } from '../../errors.js'
import { shuffle } from '../random-order.js'
import { type Clock, SYSTEM_CLOCK, type Timer } from './clock.js'
import { DrainWatch } from './drain-watch.js'
import { type BoundSocket, type LeaseEnd, type Lessor, PortLease, PortPairLease } from './lease.js'
import { Owners } from './owners.js'
import { runText } from './port-set.js'
import { NO_PORT, PortStates } from './port-states.js'
import { Waiters } from './waiters.js'
import { type PortWindowOptions, type PortWindowSettings, portWindowSettings } from './window-options.js'

/** What a window has counted since it was made, and what it has now. */
export interface PortWindowStats extends PortCounts {
  /** Pairs, even port and next one, of which both are free. */
  freePairs: number
  /** Who waits in `waitForPort`. */
  waiting: number
  /** Ports leased so far, two for each pair; those that turned out to be in use by others included. */
  leases: number
  /** Calls that found no free port or pair. */
  exhausted: number
  /** Calls that were refused because of the quota. */
  quotaRefusals: number
  /** How many times a port turned out to be in use by others. */
  foundTaken: number
  /** Ports held by each owner, leased and draining; those without an owner do not count. */
  owners: Record<string, number>
}

/** What can be asked for. */
type Wanted = 'port' | 'pair of ports'

/** Runs of ports that a message names. */
const NAMED_RUNS = 4

/**
 * The leases of a window: who has which port, who waits for one, and what is done with time. It knows no sockets, but for
 * those that draining leases are still bound to.
 *
 * Ports whose time is over come free at the next call. Only while somebody waits, or a draining socket is watched, a timer
 * runs, and never more than one.
 */
export class LeaseBook implements Lessor {
  readonly settings: PortWindowSettings
  /** For messages: `the window 50000-50099`. */
  readonly name: string
  readonly #clock: Clock
  readonly #onLow: (counts: PortCounts) => void
  readonly #states: PortStates
  readonly #owners: Owners
  readonly #waiters = new Waiters()
  readonly #drains: DrainWatch
  #timer: Timer | undefined
  #timerDue = Number.POSITIVE_INFINITY
  #timerKeepsAlive = false
  #low = false
  #closed = false
  #leases = 0
  #exhausted = 0
  #quotaRefusals = 0
  #foundTaken = 0

  /**
   * @param onLow called when `lowWater` is reached, in the midst of a call: it must not throw, nor ask for ports
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   */
  constructor(options: PortWindowOptions, onLow: (counts: PortCounts) => void, clock: Clock = SYSTEM_CLOCK) {
    const settings = portWindowSettings(options)
    this.settings = settings
    this.name = `the window ${nameOf(settings)}`
    this.#clock = clock
    this.#onLow = onLow
    const ports = settings.order === 'random' ? shuffle(settings.ports.slice()) : settings.ports
    this.#states = new PortStates({ ports, quarantine: settings.quarantine, retryTaken: settings.retryTaken })
    this.#owners = new Owners(settings.quota)
    this.#drains = new DrainWatch(settings.idle)
  }

  /** Ports of the window. */
  get total(): number {
    return this.#states.total
  }

  /** @throws PortsExhaustedError, PortsQuotaError, PortsClosedError */
  acquire(owner: string | undefined): PortLease {
    this.#begin()
    this.#checkQuota(owner, 1)
    const port = this.#states.take()
    if (port === NO_PORT) throw this.shortage('port')
    return this.#leased(port, owner)
  }

  /** @throws PortsExhaustedError, PortsQuotaError, PortsClosedError */
  acquirePair(owner: string | undefined): PortPairLease {
    this.#begin()
    this.#checkQuota(owner, 2)
    const port = this.#states.takePair()
    if (port === NO_PORT) throw this.shortage('pair of ports')
    return new PortPairLease(this.#leased(port, owner), this.#leased(port + 1, owner))
  }

  /** A lease, as soon as there is one. @throws (rejects with) PortsQuotaError, PortsClosedError, the reason of `signal` */
  async waitForPort(owner: string | undefined, signal: AbortSignal | undefined): Promise<PortLease> {
    signal?.throwIfAborted()
    this.#begin()
    if (this.#states.free > 0) return this.acquire(owner) // nobody waits, or the port would be theirs
    this.#checkQuota(owner, 1)
    const lease = this.#waiters.wait(owner, signal, () => this.#setTimer())
    this.#setTimer()
    return lease
  }

  /** The error for one who found nothing; it is counted. @param wanted `port`, or what else was asked for */
  shortage(wanted: Wanted): Error {
    this.#exhausted++
    const wait = this.#states.nextDue - this.#clock.now()
    return portsExhausted({
      where: `in ${this.name}`,
      counts: this.#states.counts(),
      wanted,
      retryAfter: Number.isFinite(wait) ? Math.max(0, wait) : undefined,
    })
  }

  counts(): PortCounts {
    if (!this.#closed) this.#advance()
    return this.#states.counts()
  }

  stats(): PortWindowStats {
    return {
      ...this.counts(),
      freePairs: this.#states.freePairs,
      waiting: this.#waiters.size,
      leases: this.#leases,
      exhausted: this.#exhausted,
      quotaRefusals: this.#quotaRefusals,
      foundTaken: this.#foundTaken,
      owners: this.#owners.byName(),
    }
  }

  /** Refuses those who wait and all who come, and closes draining sockets. What is leased stays with its holders. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiters.rejectAll(portsClosed(this.name))
    this.#drains.closeAll()
  }

  onDrain(lease: PortLease, socket: BoundSocket | undefined): void {
    this.#states.drain(lease.port)
    if (socket === undefined) return
    if (this.#closed) {
      socket.close() // there is nobody any more who would watch it
      return
    }
    this.#drains.add(lease, socket, this.#clock.now())
    this.#setTimer()
  }

  onEnd(lease: PortLease, end: LeaseEnd): void {
    const { port, owner } = lease
    this.#drains.remove(lease)
    if (owner !== undefined) this.#owners.remove(owner)
    if (end === 'taken') this.#foundTaken++
    const now = this.#clock.now()
    if (end === 'quarantine') this.#states.quarantine(port, now)
    else if (end === 'taken') this.#states.markTaken(port, now)
    else this.#states.giveBack(port)
    if (!this.#closed) this.#settle()
  }

  /** Before anything is given out. */
  #begin(): void {
    if (this.#closed) throw portsClosed(this.name)
    this.#advance()
  }

  #advance(): void {
    this.#states.advance(this.#clock.now())
    this.#settle()
  }

  /** Ports may have come free: those who wait get them first. */
  #settle(): void {
    while (this.#waiters.size > 0 && this.#states.free > 0) {
      this.#waiters.serve((owner) => {
        this.#checkQuota(owner, 1)
        const port = this.#states.take()
        if (port === NO_PORT) throw this.shortage('port') // the caller's function `quota` has taken it
        return this.#leased(port, owner)
      })
    }
    if (this.#states.free > this.settings.lowWater) this.#low = false
    this.#setTimer()
  }

  #checkQuota(owner: string | undefined, wanted: number): void {
    if (owner === undefined) return
    try {
      this.#owners.checkQuota(owner, wanted)
    } catch (error) {
      this.#quotaRefusals++
      throw error
    }
  }

  #leased(port: number, owner: string | undefined): PortLease {
    this.#leases++
    if (owner !== undefined) this.#owners.add(owner)
    if (!this.#low && this.#states.free <= this.settings.lowWater) {
      this.#low = true
      this.#onLow(this.#states.counts())
    }
    return new PortLease(this, port, port + this.settings.externalOffset, owner)
  }

  /** Sees that a timer runs for what is due next, and none when nothing is. */
  #setTimer(): void {
    const free = this.#waiters.size > 0 ? this.#states.nextDue : Number.POSITIVE_INFINITY
    const due = Math.min(free, this.#drains.nextLook)
    const keepAlive = free !== Number.POSITIVE_INFINITY // a promise alone would not: the program would end in its await
    if (due === this.#timerDue && keepAlive === this.#timerKeepsAlive) return
    this.#timerKeepsAlive = keepAlive
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerDue = due
    if (due === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.later(this.#onTime, Math.max(0, due - this.#clock.now()), keepAlive)
  }

  readonly #onTime = (): void => {
    this.#timerDue = Number.POSITIVE_INFINITY
    this.#drains.look(this.#clock.now())
    this.#advance()
  }
}

function nameOf({ runs }: PortWindowSettings): string {
  const named = runs.slice(0, NAMED_RUNS).map((run) => runText(run))
  const more = runs.length - named.length
  return more === 0 ? named.join(', ') : `${named.join(', ')} and ${more} more`
}
