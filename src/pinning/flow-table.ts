import { randomBytes } from 'node:crypto'
import { invalidArgType, invalidArgValue, outOfRange } from '../errors.js'
import { NO_BACKEND } from './backends.js'
import { FlowKey } from './flow-key.js'
import { FlowIndex, type HashKey, INDEX_BYTES } from './flow-table-index.js'
import { NONE, RecencyList } from './flow-table-list.js'
import { type FlowTableOptions, type FlowTableSettings, flowTableSettings } from './flow-table-options.js'
import { halfSipHash24Signed } from './half-siphash.js'

/** Which list an entry is in. */
const Place = { free: 0, probation: 1, established: 2 } as const

/** What a flow table has counted since it was made. */
export interface FlowTableStats {
  /** Flows in the table, those that are idle for too long and not yet noticed included. */
  size: number
  /** Those of them that are established. */
  established: number
  /** `get` that found the flow. */
  hits: number
  /** `get` that found none. */
  misses: number
  /** Flows not yet established that were forgotten to make room. */
  evictedUnanswered: number
  /** Established flows that were forgotten to make room for others that became established. */
  evictedEstablished: number
  /** Flows forgotten because they were idle for too long. */
  expiries: number
}

/**
 * Remembers which backend a flow went to, for flows that must stay there when the pool changes. Optional state beside a
 * stateless pinner: ask the table first, then the pinner, and `add` what that said.
 *
 * The table has two segments. A flow begins in the small one, on probation, where the newest push out the oldest; it
 * moves to the large one when it is established (`options.create`). Flows on probation never push out established ones,
 * so a flood of packets from forged addresses costs the flows of others nothing.
 *
 * Memory is taken once, in typed arrays: 64 bytes an entry, and 4 bytes for each of the next power of two. Keys are kept
 * whole. They are hashed with HalfSipHash-2-4 under a random secret of the table, so that nobody can choose flows that
 * meet in one chain, and no chain has more than 16 entries. Every call but `renumber` and `flowsOf` takes constant time.
 *
 * Time is milliseconds of any clock that does not go back, by default `performance.now()`; a time before the latest one
 * counts as the latest.
 */
export class FlowTable {
  /** Memory that each entry takes, in bytes. */
  static readonly BYTES_PER_ENTRY = INDEX_BYTES + 19

  readonly #settings: FlowTableSettings
  readonly #index: FlowIndex
  readonly #probation: RecencyList
  readonly #established: RecencyList
  /** Entries never used so far are those from here on. */
  #fresh = 0
  /** Entries used before that are free; a stack through `#links.after`. */
  #free = NONE
  readonly #links: { before: Uint32Array; after: Uint32Array }
  readonly #seen: Float64Array
  readonly #backends: Uint16Array
  readonly #places: Uint8Array
  #latest = 0
  #hits = 0
  #misses = 0
  #evictedUnanswered = 0
  #evictedEstablished = 0
  #expiries = 0

  /**
   * @param hash of a key, −2³¹ – 2³¹−1; only for tests of what happens when keys meet
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE
   */
  constructor(options: FlowTableOptions, hash: (key: FlowKey) => number = secretHash()) {
    const settings = flowTableSettings(options)
    const { capacity } = settings
    this.#settings = settings
    this.#index = new FlowIndex(capacity, hash)
    this.#links = { before: new Uint32Array(capacity), after: new Uint32Array(capacity) }
    this.#probation = new RecencyList(this.#links)
    this.#established = new RecencyList(this.#links)
    this.#seen = new Float64Array(capacity)
    this.#backends = new Uint16Array(capacity)
    this.#places = new Uint8Array(capacity)
  }

  /** Flows that the table holds at most. */
  get capacity(): number {
    return this.#settings.capacity
  }

  /** What makes a flow established. */
  get create(): FlowTableOptions['create'] {
    return this.#settings.create
  }

  /** Flows in the table. */
  get size(): number {
    return this.#probation.size + this.#established.size
  }

  /** Memory of the table in bytes, the same whatever it holds. */
  get bytes(): number {
    const { before, after } = this.#links
    const arrays = [before, after, this.#seen, this.#backends, this.#places]
    return arrays.reduce((sum, array) => sum + array.byteLength, this.#index.bytes)
  }

  /**
   * Where a flow goes, when a packet of its client comes.
   *
   * @returns what `add` was told, or undefined when the flow is not there
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; ArgumentRangeError ERR_OUT_OF_RANGE
   */
  get(key: FlowKey, now: number = performance.now()): number | undefined {
    const entry = this.#find(key, now)
    if (entry === NONE) {
      this.#misses++
      return undefined
    }
    this.#hits++
    this.#use(entry, this.#settings.create === 'first-packet')
    return this.#backends[entry]
  }

  /** As `get`, for looking only: nothing is counted, and the flow is not used by it. */
  peek(key: FlowKey, now: number = performance.now()): number | undefined {
    const entry = this.#find(key, now)
    return entry === NONE ? undefined : this.#backends[entry]
  }

  /**
   * Remembers a flow, as one on probation when it is new; one that is there gets the backend and stays in its segment.
   *
   * @param backend 0–65534, a number that always means the same backend, such as `FlowPinner.pickIndex` gives; see
   *   `renumber`
   * @throws as `get`
   */
  add(key: FlowKey, backend: number, now: number = performance.now()): void {
    if (backend !== (backend & 0xffff) || backend === NO_BACKEND) {
      throw outOfRange('backend', 'an integer >= 0 && <= 65534', backend)
    }
    let entry = this.#find(key, now)
    if (entry === NONE) {
      this.#expireOldest(this.#probation)
      if (this.#probation.size === this.#settings.probation) this.#evict(this.#probation.oldest)
      const crowded = this.#index.crowdedOut()
      if (crowded !== NONE) this.#evict(crowded)
      entry = this.#take()
      this.#index.insert(entry, key)
      this.#probation.add(entry)
      this.#places[entry] = Place.probation
      this.#seen[entry] = this.#latest
    } else {
      this.#use(entry, false)
    }
    this.#backends[entry] = backend
  }

  /**
   * Tells that the backend of a flow has sent a packet to its client: the flow is established, and was used now.
   *
   * @returns whether the flow is there
   * @throws as `get`
   */
  confirm(key: FlowKey, now: number = performance.now()): boolean {
    const entry = this.#find(key, now)
    if (entry === NONE) return false
    this.#use(entry, true)
    return true
  }

  /**
   * Forgets a flow.
   *
   * @returns whether it was there
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
   */
  delete(key: FlowKey): boolean {
    const entry = this.#index.find(checkedKey(key))
    if (entry === NONE) return false
    this.#remove(entry)
    return true
  }

  /**
   * Forgets all flows that have been idle for too long. There is no need to call it: room is made when it is needed, and
   * such a flow is never given out. It makes `size` and `flowsOf` exact.
   *
   * @returns how many they were
   * @throws ArgumentRangeError ERR_OUT_OF_RANGE
   */
  expire(now: number = performance.now()): number {
    this.#advance(now)
    const before = this.#expiries
    for (const list of [this.#probation, this.#established]) while (this.#expireOldest(list));
    return this.#expiries - before
  }

  /**
   * How many flows go to a backend: a backend that is being drained is idle at 0. Looks at every entry.
   *
   * @param backend 0–65534
   */
  flowsOf(backend: number): number {
    let count = 0
    for (let entry = 0; entry < this.#fresh; entry++) {
      if (this.#places[entry] !== Place.free && this.#backends[entry] === backend) count++
    }
    return count
  }

  /**
   * Gives backends new numbers, when the list that the numbers are positions in has changed. Looks at every entry.
   *
   * @param numbers the new number of each old one, 0–65534. Flows of others are forgotten: so with
   *   `oldIds.map((id) => newIds.indexOf(id))` those of backends that are gone
   * @returns how many flows were forgotten
   */
  renumber(numbers: ArrayLike<number>): number {
    let forgotten = 0
    for (let entry = 0; entry < this.#fresh; entry++) {
      if (this.#places[entry] === Place.free) continue
      const number = numbers[this.#backends[entry]!]
      if (number !== undefined && number === (number & 0xffff) && number !== NO_BACKEND) {
        this.#backends[entry] = number
      } else {
        this.#remove(entry)
        forgotten++
      }
    }
    return forgotten
  }

  /** Forgets all flows. Counters stay. */
  clear(): void {
    this.#index.clear()
    this.#probation.clear()
    this.#established.clear()
    this.#places.fill(Place.free)
    this.#fresh = 0
    this.#free = NONE
  }

  stats(): FlowTableStats {
    return {
      size: this.size,
      established: this.#established.size,
      hits: this.#hits,
      misses: this.#misses,
      evictedUnanswered: this.#evictedUnanswered,
      evictedEstablished: this.#evictedEstablished,
      expiries: this.#expiries,
    }
  }

  /** The entry of a flow that is not idle for too long. */
  #find(key: FlowKey, now: number): number {
    this.#advance(now)
    const entry = this.#index.find(checkedKey(key))
    if (entry === NONE || !this.#isIdle(entry)) return entry
    this.#remove(entry)
    this.#expiries++
    return NONE
  }

  #advance(now: number): void {
    if (now > this.#latest) this.#latest = now
    else if (!(now >= 0)) throw outOfRange('now', '>= 0, milliseconds', now)
  }

  #isIdle(entry: number): boolean {
    return this.#latest - this.#seen[entry]! > this.#settings.idle
  }

  #use(entry: number, establish: boolean): void {
    this.#seen[entry] = this.#latest
    if (this.#places[entry] === Place.established) {
      this.#established.touch(entry)
      return
    }
    if (!establish) {
      this.#probation.touch(entry)
      return
    }
    this.#expireOldest(this.#established)
    const { capacity, probation } = this.#settings
    if (this.#established.size === capacity - probation) this.#evict(this.#established.oldest)
    this.#probation.remove(entry)
    this.#established.add(entry)
    this.#places[entry] = Place.established
  }

  /** Forgets the oldest flow of a list when it is idle for too long; returns whether it was. */
  #expireOldest(list: RecencyList): boolean {
    const entry = list.oldest
    if (entry === NONE || !this.#isIdle(entry)) return false
    this.#remove(entry)
    this.#expiries++
    return true
  }

  #evict(entry: number): void {
    if (this.#places[entry] === Place.established) this.#evictedEstablished++
    else this.#evictedUnanswered++
    this.#remove(entry)
  }

  /** An entry that is free. There is one, since both lists are bounded. */
  #take(): number {
    if (this.#free === NONE) return this.#fresh++
    const entry = this.#free
    this.#free = this.#links.after[entry]!
    return entry
  }

  #remove(entry: number): void {
    this.#index.remove(entry)
    const list = this.#places[entry] === Place.established ? this.#established : this.#probation
    list.remove(entry)
    this.#places[entry] = Place.free
    this.#links.after[entry] = this.#free
    this.#free = entry
  }
}

/** A hash under a secret that nobody else knows, not even this program's other tables. */
function secretHash(): HashKey {
  const secret = randomBytes(8)
  const key0 = secret.readInt32LE(0)
  const key1 = secret.readInt32LE(4)
  return (key) => halfSipHash24Signed(key.words, key.length, key0, key1)
}

function checkedKey(key: FlowKey): FlowKey {
  if (!(key instanceof FlowKey)) throw invalidArgType('key', 'an instance of FlowKey', key)
  if (key.length === 0) throw invalidArgValue('key', 'must hold a flow: call its set first', key)
  return key
}
