import { encode } from '../bpf/codec.js'
import {
  BackendFlags,
  Delivery,
  FlowSecret,
  Service as ServiceLayout,
  ServiceValue,
  TableConstant,
} from '../bpf/layouts.js'
import { slotOf } from '../pinning/half-siphash.js'
import { type MappedAddress, textOf } from './address.js'
import { AddressTable, type EntryKey, nameOf } from './address-table.js'
import { isDraining, type KnownBackend, readBackend, readCounted, writeBackend } from './backend-entries.js'
import { changeOf, type ForwarderChange } from './change.js'
import type { DeliveryName } from './config.js'
import { clearCounters } from './counters.js'
import type { EdgeMaps } from './edge-maps.js'
import { type EdgeState, knownFrom, stateOf } from './edge-state.js'
import { type FlowMemory, flowCheck } from './flow-memory.js'
import { type Hop, hopFields, sameHop } from './hop.js'
import { type Known, nothingKnown } from './known.js'
import { placesOf, retiredBy } from './known-places.js'
import { addNamings, checkRoom, namingsOf, removeNamings } from './namings.js'
import { Placement } from './placement.js'
import { type PlaceLists, Places } from './places.js'
import { previousPlace, previousWord, tablePlace, tableWord } from './pool-tables.js'
import type { Settings } from './read-config.js'
import { RestTimer } from './rest-timer.js'
import type { Run } from './run-pool.js'
import { secretValue } from './service-entries.js'

/** What the edge's options come to. */
export interface EdgeTablesOptions {
  memory?: FlowMemory | undefined
  returnPath?: boolean | undefined
  learn?: number | undefined
}

/** A backend as `explain` tells of it. */
interface Choice {
  id: string
  address: string
  delivery: DeliveryName
}

/** By their numbers in `enum delivery`. */
const DELIVERIES = Object.fromEntries(Object.entries(Delivery).map(([name, number]) => [number, name as DeliveryName]))

/**
 * What the maps of an edge hold, and how one configuration is followed by the next. Whatever packets refer to is never
 * written to: a change takes free indices, fills them, and replaces references, each at one stroke. Every packet sees a service
 * as it was before or as it is after.
 */
export class EdgeTables {
  readonly #maps: EdgeMaps
  readonly #memory: FlowMemory | undefined
  readonly #returnPath: boolean
  /** Milliseconds for which flows of a backend that drains are learned; undefined: its flows move. */
  readonly #learn: number | undefined
  readonly #buckets: AddressTable
  readonly #chunkMemory: Uint16Array
  readonly #poolMemory: BigUint64Array
  readonly #places: Places
  readonly #rest: RestTimer
  /** The configuration in force. */
  #known = nothingKnown()
  /** What lies in `#buckets`. */
  #entries = new Map<string, EntryKey>()

  /**
   * @param maps all of them empty
   * @param options `memory`: what flows are remembered by; `returnPath`: backends are named in `sources`; `learn`: milliseconds for which
   * flows of a backend that drains are learned
   * @param adopted what was saved last of maps that are not: a change that was broken off is carried out
   */
  constructor(
    maps: EdgeMaps,
    { memory, returnPath = false, learn }: EdgeTablesOptions = {},
    adopted?: { settings: Settings; state: EdgeState },
  ) {
    const next = adopted && knownFrom(adopted.state, adopted.settings, maps.backends, returnPath)
    this.#maps = maps
    this.#memory = memory
    this.#returnPath = returnPath
    this.#learn = learn
    this.#buckets = new AddressTable(maps.services.memory(), 'services', 'Raise limits.services')
    this.#chunkMemory = new Uint16Array(maps.slots.memory())
    this.#poolMemory = new BigUint64Array(maps.pools.memory())
    this.#places = new Places(maps, next && adopted && [placesOf(next), adopted.state.retired])
    this.#rest = new RestTimer([this.#places, this.#buckets])
    if (next === undefined || adopted === undefined) return
    this.#known.servers = namingsOf(maps.quicServers)
    this.#known.sources = namingsOf(maps.sources)
    this.#entries = new Map([...this.#buckets.entries()].map((entry) => [nameOf(entry), entry]))
    this.#expect(adopted.settings)
    this.#publish(next, adopted.state.retired)
    this.#follow(next, adopted.state.retired)
  }

  /**
   * Follows a configuration. When it throws, nothing has changed.
   *
   * @param hopTo how to reach a backend's address
   * @param save called before packets see anything of the change, with what is to be given to the constructor if this process
   * ends before the next change
   * @throws BpfError ERR_BPF_MAP_FULL, ERR_BPF_SYSTEM; what `save` throws
   */
  apply(
    settings: Settings,
    hopTo: (address: MappedAddress) => Hop,
    save?: (state: EdgeState) => void,
  ): ForwarderChange {
    try {
      return this.#apply(settings, hopTo, save)
    } catch (error) {
      // What the last change left behind may be the room that this one needs.
      if (!this.#rest.running || (error as { code?: string }).code !== 'ERR_BPF_MAP_FULL') throw error
      this.#rest.end()
      return this.#apply(settings, hopTo, save)
    }
  }

  #apply(
    settings: Settings,
    hopTo: (address: MappedAddress) => Hop,
    save?: (state: EdgeState) => void,
  ): ForwarderChange {
    const before = this.#known
    const placement = new Placement({
      before,
      places: this.#places,
      backends: this.#maps.backends,
      hopTo,
      learn: this.#learn,
      returnPath: this.#returnPath,
    })
    let next: Known
    let retired: PlaceLists
    try {
      next = placement.place(settings)
      checkRoom('quic_servers', this.#maps.quicServers, before.servers, next.servers)
      checkRoom('sources', this.#maps.sources, before.sources, next.sources)
      this.#buckets.reserve([...next.entries.values()].map(({ key }) => key))
      this.#clearCounters(next)
      retired = retiredBy(before, next)
      save?.(stateOf(next, retired))
    } catch (error) {
      placement.undo()
      this.#buckets.release()
      throw error
    }
    const change = changeOf(before, next)
    this.#expect(settings)
    this.#publish(next, retired)
    this.#follow(next, retired)
    return change
  }

  /** Ends what waits. The maps stay as they are. */
  close(): void {
    this.#rest.cancel()
  }

  /** Brings what is known of the ways to backends up to date, in place. */
  updateHops(hopTo: (address: MappedAddress) => Hop): void {
    for (const known of this.#known.backends.values()) {
      const hop = hopTo(known.value.address)
      const value = { ...known.value, ...hopFields(hop, isDraining(known.value)) }
      if (sameHop(value, known.value)) continue
      known.value = value
      writeBackend(this.#maps.backends, known.index, value)
    }
  }

  get services(): ReadonlyMap<string, { counters: number }> {
    return this.#known.services
  }

  /** Backends, each once for each of its counters. */
  get counted(): { id: string; address: string; counters: number }[] {
    return [...this.#known.counters].map(([name, counters]) => ({ ...readCounted(name), counters }))
  }

  /** The backend that a flow goes to because it went there before. */
  remembered(flow: bigint): Choice | undefined {
    const known = this.#recall(flow)
    return known && choiceOf(known)
  }

  /** The backend that a flow stays with while that drains, whatever the pool's table says. `flow` is its key in memory. */
  kept(pool: string, hash: number, flow: bigint): Choice | undefined {
    const previous = this.#known.pools.get(pool)?.previous
    if (previous === undefined) return undefined
    const known = this.#backendAt(previous.slots[slotOf(hash, previous.slots.length)]!)
    if (known === undefined || !isDraining(known.value)) return undefined
    const learning = previous.until !== undefined
    return learning || this.#recall(flow) === known ? choiceOf(known) : undefined
  }

  /** Ends the learning of flows whose time is over. To be called now and then. */
  endLearning(now: number): void {
    for (const { index, previous } of this.#known.pools.values()) {
      if (previous?.until === undefined || now < previous.until) continue
      previous.until = undefined
      Atomics.store(this.#poolMemory, previousPlace(index), previousWord(previous))
    }
  }

  /** Bytes of the map `slots` that a pool's table takes. */
  bytesOf(pool: string): number {
    return this.#known.pools.get(pool)!.run.count * TableConstant.chunkSlots * 2
  }

  #backendAt(index: number): KnownBackend | undefined {
    return [...this.#known.backends.values()].find((known) => known.index === index)
  }

  /** The backend that memory has for a flow, unless it has forgotten its flows since. */
  #recall(flow: bigint): KnownBackend | undefined {
    const found = this.#memory?.recall(flow)
    const known = found && this.#backendAt(found.index)
    return known && flowCheck(flow, known.value.epoch) === found.check ? known : undefined
  }

  /** New ones begin at 0. Nobody counts in them yet. */
  #clearCounters(next: Known): void {
    for (const [name, counters] of next.counters) {
      if (!this.#known.counters.has(name)) clearCounters(this.#maps.backendCounters, counters)
    }
    for (const [name, { counters }] of next.services) {
      if (!this.#known.services.has(name)) clearCounters(this.#maps.serviceCounters, counters)
    }
  }

  /** Tells the program what secret services will have. It looks at each service's own before it goes by it. */
  #expect({ secret }: Settings): void {
    this.#maps.usualSecret.update(Uint32Array.of(0), encode(FlowSecret, secretValue(secret)))
  }

  /** From what nobody refers to yet to what packets look at first. */
  #publish(next: Known, retired: PlaceLists): void {
    const before = this.#known
    for (const [name, { index, value }] of next.backends) {
      const known = before.backends.get(name)
      if (known === undefined || !sameHop(known.value, value)) writeBackend(this.#maps.backends, index, value)
    }
    addNamings(this.#maps.quicServers, before.servers, next.servers)
    addNamings(this.#maps.sources, before.sources, next.sources)
    for (const [name, { run, slots, previous }] of next.pools) {
      const known = before.pools.get(name)
      if (known?.run !== run) this.#fill(run, slots)
      if (previous && known?.previous !== previous) this.#fill(previous.run, previous.slots)
    }
    for (const [name, split] of next.splits) {
      if (before.splits.get(name) !== split) this.#fill(split.run, split.ports)
    }
    for (const [name, pool] of next.pools) {
      if (before.pools.get(name) === pool) continue
      const words = [
        [previousPlace(pool.index), previousWord(pool.previous)],
        [tablePlace(pool.index), tableWord(pool)],
      ] as const
      // Who begins to drain keeps its flows before its slots are another's, and who ends gets them back first.
      for (const [place, word] of pool.previous ? words : [...words].reverse())
        Atomics.store(this.#poolMemory, place, word)
    }
    for (const [name, service] of next.services) {
      if (before.services.get(name) === service) continue
      this.#maps.serviceTable.update(Uint32Array.of(service.index), encode(ServiceLayout, service.value))
    }
    for (const [name, entry] of next.entries) {
      const value = 'service' in entry ? entry.service : ServiceValue.split + next.splits.get(name)!.run.first
      if (this.#buckets.get(entry.key) !== value) this.#buckets.set(entry.key, value)
    }
    for (const [name, entry] of this.#entries) if (!next.entries.has(name)) this.#buckets.delete(entry)
    this.#entries = new Map([...next.entries].map(([name, entry]) => [name, entry.key]))
    removeNamings(this.#maps.quicServers, before.servers, next.servers)
    removeNamings(this.#maps.sources, before.sources, next.sources)
    // Tables do not lead there any more; now what is remembered does not, either.
    for (const [name, known] of next.backends) if (known.down && !before.backends.get(name)?.down) this.#forget(known)
    for (const index of retired.backendIndices) this.#forgetAt(index)
  }

  /** Writes what a run of chunks holds. */
  #fill({ first }: Run, values: Uint16Array): void {
    this.#chunkMemory.set(values, first * TableConstant.chunkSlots)
  }

  /** Makes flows forget a backend. */
  #forget(known: KnownBackend): void {
    known.value = { ...known.value, epoch: known.value.epoch + 1 }
    writeBackend(this.#maps.backends, known.index, known.value)
  }

  /** The same of one that is gone. */
  #forgetAt(index: number): void {
    const value = readBackend(this.#maps.backends, index)
    const flags = value.flags & ~BackendFlags.draining
    writeBackend(this.#maps.backends, index, { ...value, flags, epoch: value.epoch + 1 })
  }

  /** From now on `next` is in force. What is not referred to any more is given back, once no packet can be under way with it. */
  #follow(next: Known, retired: PlaceLists): void {
    this.#places.give(retired)
    this.#known = next
    this.#rest.start()
  }
}

function choiceOf({ id, value }: KnownBackend): Choice {
  return { id, address: textOf(value.address), delivery: DELIVERIES[value.delivery]! }
}
