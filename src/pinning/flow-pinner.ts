import { invalidArgValue } from '../errors.js'
import { type Backend, NO_BACKEND, type PooledBackend, readBackends } from './backends.js'
import { type FlowExplanation, reason } from './explanation.js'
import { type Affinity, type Flow, FlowKey } from './flow-key.js'
import { halfSipHash24Signed, slotOf } from './half-siphash.js'
import { type FlowPinnerOptions, pinnerSettings } from './pinner-options.js'
import { compareTables, type PoolChange, placesIn } from './pool-change.js'
import { makeTable, type PinningTable, type TableKind } from './table.js'

/**
 * Sends every datagram of a flow to the same backend, with no memory of flows: the hash of the flow's key under a secret
 * leads to a slot of a table, and the slot to a backend. Everyone with the same backends and the same secret chooses the
 * same, in TypeScript, C and BPF.
 */
export class FlowPinner {
  readonly affinity: Affinity
  /** The halves of the secret, signed. */
  readonly #key0: number
  readonly #key1: number
  readonly #kind: TableKind
  readonly #size: number
  /** For texts; the callers of `pickIndex` have their own. */
  readonly #flowKey: FlowKey
  #backends: readonly PooledBackend[] = []
  #table: PinningTable
  /** Of the table, for the path of each datagram. */
  #slots: Uint16Array
  /** The table before the last update that moved flows. */
  #before: PinningTable | undefined
  /** Its slots with indices of today; `NO_BACKEND` where the backend is gone or down. */
  #previousSlots: Uint16Array

  /** @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError ERR_OUT_OF_RANGE */
  constructor(options: FlowPinnerOptions) {
    const { affinity, key, kind, size } = pinnerSettings(options)
    this.affinity = affinity
    this.#key0 = key[0]
    this.#key1 = key[1]
    this.#kind = kind
    this.#size = size
    this.#flowKey = new FlowKey(affinity)
    this.#backends = Object.freeze(readBackends('options.backends', options.backends))
    this.#table = this.#build()
    this.#slots = this.#table.slots
    this.#previousSlots = this.#slots
  }

  /** The pool, sorted by the bytes of the ids in UTF-8: `pickIndex` gives places in it. Draining and down ones included. */
  get backends(): readonly PooledBackend[] {
    return this.#backends
  }

  /** The table that counts now. Those that are draining or down are in it with weight 0. */
  get table(): PinningTable {
    return this.#table
  }

  /**
   * Who had each slot before the last update that moved flows, as places in `backends`; `NO_BACKEND` where that backend
   * was removed or is down. Before the first such update it equals `table.slots`. Not to be changed.
   */
  get previousSlots(): Uint16Array {
    return this.#previousSlots
  }

  /**
   * Whom a flow goes to.
   *
   * @returns undefined when no backend is up
   * @throws what `FlowKey.set` throws
   */
  pick(flow: Flow): PooledBackend | undefined {
    return this.#backends[this.pickIndex(this.#flowKey.set(flow))]
  }

  /**
   * Whom a flow goes to, for the path of each datagram: it allocates nothing.
   *
   * @param key of the pinner's affinity, and set
   * @returns a place in `backends`, or `NO_BACKEND` when none is up
   * @throws ArgumentTypeError ERR_INVALID_ARG_VALUE for a key that does not fit
   */
  pickIndex(key: FlowKey): number {
    return this.#slots[this.#slotOf(key)]!
  }

  /**
   * Who had a flow before the last update that moved flows, if it is still in the pool and not down. A flow that is older
   * than the update can stay there: with a backend that drains, it should.
   *
   * @returns undefined when that backend was removed or is down, or there was none
   * @throws what `FlowKey.set` throws
   */
  pickPrevious(flow: Flow): PooledBackend | undefined {
    return this.#backends[this.pickPreviousIndex(this.#flowKey.set(flow))]
  }

  /** As `pickPrevious`, and without allocation as `pickIndex`; `NO_BACKEND` for undefined. */
  pickPreviousIndex(key: FlowKey): number {
    return this.#previousSlots[this.#slotOf(key)]!
  }

  /**
   * Takes another pool, the whole list of it. The table before is kept for `pickPrevious` and `explain`, unless nothing
   * moved. The call takes as long as a table takes to build: milliseconds, a hundred for thousands of different weights.
   *
   * @returns which share of all flows moved, from whom and to whom
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE. The pool before is then still in place.
   */
  update(backends: readonly Backend[]): PoolChange {
    const before = this.#table
    const pool = Object.freeze(readBackends('backends', backends))
    const table = this.#build(pool)
    const change = compareTables(before, table)
    this.#backends = pool
    this.#table = table
    this.#slots = table.slots
    if (change.moved > 0) this.#before = before
    this.#previousSlots = this.#before ? this.#translate(this.#before) : table.slots
    return { ...change, digest: table.digest }
  }

  /**
   * Tells where a flow goes and why, for people and logs.
   *
   * @throws what `FlowKey.set` throws
   */
  explain(flow: Flow): FlowExplanation {
    const key = this.#flowKey.set(flow)
    const slot = this.#slotOf(key)
    const backend = this.#backends[this.#slots[slot]!]
    const previous = this.#previousOf(slot)
    const { kind, size, digest } = this.#table
    return {
      affinity: this.affinity,
      key: Buffer.from(key.toBytes()).toString('hex'),
      slot,
      table: { kind, size, digest },
      backend,
      previous,
      why: reason(slot, { backend, previous }),
    }
  }

  #slotOf(key: FlowKey): number {
    if (key.affinity !== this.affinity || key.length === 0) throw this.#unfit(key)
    const hash = halfSipHash24Signed(key.words, key.length, this.#key0, this.#key1)
    return slotOf(hash >>> 0, this.#slots.length)
  }

  #unfit({ affinity, length }: FlowKey): Error {
    return invalidArgValue('key', `must be a FlowKey('${this.affinity}') that was set`, { affinity, length })
  }

  #build(pool = this.#backends): PinningTable {
    const entries = pool.map(({ id, weight, state }) => ({ id, weight: state === 'up' ? weight : 0 }))
    return makeTable(this.#kind, entries, this.#size, 'options.tableSize')
  }

  #translate({ backends, slots }: PinningTable): Uint16Array {
    const places = placesIn(backends, this.#backends)
    for (let i = 0; i < backends.length; i++) {
      if (this.#backends[places[i]!]?.state === 'down') places[i] = NO_BACKEND
    }
    return slots.map((index) => places[index]!)
  }

  #previousOf(slot: number): FlowExplanation['previous'] {
    const owner = this.#before?.backends[this.#before.slots[slot]!]
    if (owner === undefined) return undefined
    const state = this.#backends.find(({ id }) => id === owner.id)?.state
    return { id: owner.id, state: state ?? 'removed' }
  }
}
