import type { PortCounts } from '../../errors.js'
import { makeLinks, NONE, PortList } from './port-list.js'

/** What a port is; a port that does not belong to the window is `outside`. */
const State = { outside: 0, free: 1, leased: 2, draining: 3, quarantined: 4, taken: 5 } as const
type State = (typeof State)[keyof typeof State]

/** What a lease of a port may become: the port is out of the hands of the window. */
const isHeld = (state: State) => state === State.leased || state === State.draining

/** No port. */
export const NO_PORT = -1

/** Which ports there are, and for how long they stay out of reach; milliseconds. */
export interface PortStatesSettings {
  /** In the order in which they are given out first. Each once, at least one. */
  ports: Uint16Array
  /** How long a port that was given back is quarantined. */
  quarantine: number
  /** How long a port that others have is left alone. */
  retryTaken: number
}

/**
 * The state of each port of a window. Each is in exactly one: free, leased, draining, quarantined or taken.
 *
 * Free ports wait in a list, and so do free pairs (an even port and the next one), so that the port or pair that has been
 * free longest is found at once; those that are out of reach for a while wait in one list for each reason, in which the
 * first is always due first. A port is in one list at most, so all of them share one set of links: every call takes
 * constant time (`advance` for each port that comes free), and memory is 15 bytes for each port of the span, taken once.
 *
 * Time is milliseconds of a clock that does not go back. Nothing happens by itself: `advance` says how late it is.
 */
export class PortStates {
  readonly #settings: PortStatesSettings
  /**
   * Entry 0 of all arrays, one or two below the lowest port, since lists begin with entry 1. It is even, so that the two
   * ports of a pair are entries 2n and 2n + 1, with n from 1.
   */
  readonly #base: number
  readonly #states: Uint8Array
  /** When a port that is quarantined or taken comes free. */
  readonly #due: Float64Array
  readonly #free: PortList
  readonly #quarantined: PortList
  readonly #taken: PortList
  /** Pairs of which both are free; entry n stands for entries 2n and 2n + 1. */
  readonly #pairs: PortList
  readonly #total: number
  #draining = 0

  constructor(settings: PortStatesSettings) {
    this.#settings = settings
    const { ports } = settings
    let low = 65535
    let high = 0
    for (const port of ports) {
      low = Math.min(low, port)
      high = Math.max(high, port)
    }
    this.#base = low - (low % 2 === 0 ? 2 : 1)
    const span = (high | 1) - this.#base + 1
    this.#states = new Uint8Array(span)
    this.#due = new Float64Array(span)
    const links = makeLinks(span)
    this.#free = new PortList(links)
    this.#quarantined = new PortList(links)
    this.#taken = new PortList(links)
    this.#pairs = new PortList(makeLinks(span / 2))
    this.#total = ports.length
    for (const port of ports) this.#becomeFree(port - this.#base)
  }

  get total(): number {
    return this.#total
  }

  get free(): number {
    return this.#free.size
  }

  /** Pairs, even port and next one, of which both are free. */
  get freePairs(): number {
    return this.#pairs.size
  }

  counts(): PortCounts {
    const free = this.#free.size
    const quarantined = this.#quarantined.size
    const taken = this.#taken.size
    const draining = this.#draining
    const leased = this.#total - free - quarantined - taken - draining
    return { total: this.#total, free, leased, draining, quarantined, taken }
  }

  /** When the next port comes free by itself; Infinity when none will. */
  get nextDue(): number {
    return Math.min(this.#dueOf(this.#quarantined.oldest), this.#dueOf(this.#taken.oldest))
  }

  /** Frees the ports whose time is over, in the order in which it was. */
  advance(now: number): void {
    for (;;) {
      const quarantined = this.#dueOf(this.#quarantined.oldest)
      const taken = this.#dueOf(this.#taken.oldest)
      const list = quarantined <= taken ? this.#quarantined : this.#taken
      if (Math.min(quarantined, taken) > now || list.size === 0) return
      const entry = list.oldest
      list.remove(entry)
      this.#becomeFree(entry)
    }
  }

  /** Leases the port that has been free longest; NO_PORT when there is none. */
  take(): number {
    const entry = this.#free.oldest
    if (entry === NONE) return NO_PORT
    this.#lease(entry)
    return entry + this.#base
  }

  /** Leases the pair that has been free longest, and returns its even port; NO_PORT when there is none. */
  takePair(): number {
    const pair = this.#pairs.oldest
    if (pair === NONE) return NO_PORT
    this.#lease(2 * pair)
    this.#lease(2 * pair + 1)
    return 2 * pair + this.#base
  }

  /** A leased port becomes draining. */
  drain(port: number): void {
    const entry = port - this.#base
    if (this.#states[entry] !== State.leased) throw new Error(`port ${port} is not leased`)
    this.#states[entry] = State.draining
    this.#draining++
  }

  /** A leased or draining port is quarantined; with a quarantine of 0 it is free. */
  quarantine(port: number, now: number): void {
    const entry = this.#endLease(port)
    const { quarantine } = this.#settings
    if (quarantine === 0) this.#becomeFree(entry)
    else this.#wait(entry, State.quarantined, this.#quarantined, now + quarantine)
  }

  /** A leased or draining port turned out to be in use by others. */
  markTaken(port: number, now: number): void {
    this.#wait(this.#endLease(port), State.taken, this.#taken, now + this.#settings.retryTaken)
  }

  /** A leased port was not used: it is free, as the last in turn. */
  giveBack(port: number): void {
    this.#becomeFree(this.#endLease(port))
  }

  #dueOf(entry: number): number {
    return entry === NONE ? Number.POSITIVE_INFINITY : (this.#due[entry] as number)
  }

  #lease(entry: number): void {
    this.#free.remove(entry)
    if (this.#states[entry ^ 1] === State.free) this.#pairs.remove(entry >> 1)
    this.#states[entry] = State.leased
  }

  /** @returns the entry, which then is in no state: the caller gives it one */
  #endLease(port: number): number {
    const entry = port - this.#base
    const state = this.#states[entry] as State
    if (!isHeld(state)) throw new Error(`port ${port} is neither leased nor draining`)
    if (state === State.draining) this.#draining--
    return entry
  }

  #becomeFree(entry: number): void {
    this.#states[entry] = State.free
    this.#free.add(entry)
    if (this.#states[entry ^ 1] === State.free) this.#pairs.add(entry >> 1)
  }

  #wait(entry: number, state: State, list: PortList, due: number): void {
    this.#states[entry] = state
    this.#due[entry] = due
    list.add(entry)
  }
}
