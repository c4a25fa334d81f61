import { decode, encode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import {
  BackendFlags,
  Backend as BackendLayout,
  Delivery,
  DrainPhase,
  QuicServerKey,
  ServiceFlags,
  Service as ServiceLayout,
  ServiceValue,
  SourceKey,
  TableConstant,
} from '../bpf/layouts.js'
import { mapFull } from '../errors.js'
import { NO_BACKEND } from '../pinning/backends.js'
import { AFFINITIES } from '../pinning/flow-key.js'
import { slotOf } from '../pinning/half-siphash.js'
import { isIPv4, type MappedAddress, textOf } from './address.js'
import { AddressTable, type EntryKey, nameOf } from './address-table.js'
import type { DeliveryName } from './config.js'
import { clearCounters } from './counters.js'
import type { EdgeState, Retired, SavedPrevious } from './edge-state.js'
import { entriesOf, type WantedEntry } from './entries.js'
import { type FlowMemory, flowCheck } from './flow-memory.js'
import { waitForPackets } from './grace-period.js'
import { IndexPool } from './index-pool.js'
import type { Pool, Service, Settings } from './read-config.js'
import { type Run, RunPool } from './run-pool.js'

/** Maps of edge.bpf.c that user space fills. */
export interface EdgeMaps {
  services: BpfMap
  serviceTable: BpfMap
  pools: BpfMap
  slots: BpfMap
  backends: BpfMap
  quicServers: BpfMap
  sources: BpfMap
  serviceCounters: BpfMap
  backendCounters: BpfMap
}

/** How to reach a backend. */
export interface Hop {
  /** Index of the interface that leads there; 0: the one that the packets came in on. */
  ifindex: number
  /** Bytes of IP packet that it takes. */
  mtu: number
  /** Address of this host to send from. */
  source: MappedAddress | undefined
  /** Ethernet address of the next host; undefined while it is not known. */
  nextHop: Uint8Array | undefined
  /** Ethernet address to send from. */
  sourceMac: Uint8Array
}

/** What an `apply` did. */
export interface ForwarderChange {
  /** Names. */
  services: { added: string[]; changed: string[]; removed: string[] }
  /** By the names of pools whose tables are new or not as before: slots whose backend is another one, of how many. */
  pools: Record<string, { movedSlots: number; slots: number }>
}

/** What the edge's options come to. */
export interface EdgeTablesOptions {
  memory?: FlowMemory | undefined
  returnPath?: boolean | undefined
  learn?: number | undefined
}

interface KnownBackend {
  /** In every pool that has it. */
  down: boolean
  index: number
  counters: number
  id: string
  value: BackendLayout
}

/** The table that a pool had before, as far as it leads to backends that drain now. */
interface Previous {
  run: Run
  /** Indices of backends that drain; all else is nobody's. */
  slots: Uint16Array
  /** When flows stop to be learned: milliseconds since 1970; undefined: it was before. */
  until: number | undefined
}

interface KnownPool {
  index: number
  run: Run
  /** While somebody drains. */
  previous: Previous | undefined
  /** Indices of its backends, in the order in which its table has them. */
  members: readonly number[]
  /** Indices of backends. */
  slots: Uint16Array
}

interface KnownSplit {
  key: EntryKey
  run: Run
  ports: Uint16Array
}

/** A key of a hash map, and the index of the backend that it names: a server ID, or an address that replies come from. */
interface Naming {
  key: Uint8Array
  index: number
}

interface KnownService {
  index: number
  counters: number
  value: ServiceLayout
}

/** What is to be known after an `apply`. */
interface Next {
  backends: Map<string, KnownBackend>
  /** Indices of counters, by `countedAs`. */
  counters: Map<string, number>
  pools: Map<string, KnownPool>
  services: Map<string, KnownService>
  splits: Map<string, KnownSplit>
  /** Of `quic_servers`. */
  servers: Map<string, Naming>
  /** Of `sources`. */
  sources: Map<string, Naming>
}

const HIGHEST_MTU = 65_535
/** Milliseconds after a change until what it left behind is freed. */
const REST_MS = 100
/** By their numbers in `enum delivery`. */
const DELIVERIES = Object.fromEntries(Object.entries(Delivery).map(([name, number]) => [number, name as DeliveryName]))
/** Of a server ID in its key, padded. */
const QUIC_ID_BYTES = 8
const NO_MAC = new Uint8Array(6)
const chunksFor = (slots: number) => Math.ceil(slots / TableConstant.chunkSlots)
const key = (index: number) => Uint32Array.of(index)

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
  readonly #chunks: RunPool
  readonly #serviceIndices: IndexPool
  readonly #serviceCounters: IndexPool
  readonly #poolIndices: IndexPool
  readonly #backendIndices: IndexPool
  readonly #backendCounters: IndexPool
  #services = new Map<string, KnownService>()
  #pools = new Map<string, KnownPool>()
  #backends = new Map<string, KnownBackend>()
  #splits = new Map<string, KnownSplit>()
  #servers = new Map<string, Naming>()
  #sources = new Map<string, Naming>()
  #entries = new Map<string, EntryKey>()
  #counters = new Map<string, number>()
  /** Until what was left behind is free. */
  #timer: NodeJS.Timeout | undefined
  /** Of the services that were applied last. */
  #signature = ''

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
    this.#returnPath = returnPath
    this.#learn = learn
    const next = adopted && this.#recall(maps, adopted.settings, adopted.state)
    const used = next && adopted && usedBy(next, adopted.state.retired)
    this.#maps = maps
    this.#memory = memory
    this.#buckets = new AddressTable(maps.services.memory(), 'services', 'Raise limits.services')
    this.#chunkMemory = new Uint16Array(maps.slots.memory())
    this.#poolMemory = new BigUint64Array(maps.pools.memory())
    this.#chunks = new RunPool(maps.slots.entries, used?.chunks)
    this.#serviceIndices = new IndexPool(Math.min(maps.serviceTable.entries, ServiceValue.none), used?.serviceIndices)
    this.#serviceCounters = new IndexPool(maps.serviceCounters.entries, used?.serviceCounters)
    this.#poolIndices = new IndexPool(maps.pools.entries, used?.poolIndices)
    this.#backendIndices = new IndexPool(Math.min(maps.backends.entries, NO_BACKEND), used?.backendIndices)
    this.#backendCounters = new IndexPool(maps.backendCounters.entries, used?.backendCounters)
    if (next === undefined || adopted === undefined) return
    this.#servers = namingsOf(maps.quicServers)
    this.#sources = namingsOf(maps.sources)
    this.#entries = new Map([...this.#buckets.entries()].map((entry) => [nameOf(entry), entry]))
    this.#publish(next, next.wanted, adopted.state.retired)
    this.#retire(next, adopted.state.retired)
    this.#signature = signatureOf(adopted.settings)
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
      if (this.#timer === undefined || (error as { code?: string }).code !== 'ERR_BPF_MAP_FULL') throw error
      this.#rest()
      return this.#apply(settings, hopTo, save)
    }
  }

  #apply(
    settings: Settings,
    hopTo: (address: MappedAddress) => Hop,
    save?: (state: EdgeState) => void,
  ): ForwarderChange {
    const undo: (() => void)[] = []
    const next: Next = {
      backends: new Map(),
      counters: new Map(),
      pools: new Map(),
      services: new Map(),
      splits: new Map(),
      servers: new Map(),
      sources: new Map(),
    }
    const signature = signatureOf(settings)
    let wanted: Map<string, WantedEntry>
    let retired: Retired
    try {
      // Where services stay as they are, a table changes by its pool's word alone. Otherwise packets of a service that is still
      // the old one would meet a new table: then what changes is a new pool, and its services are new with it.
      const inPlace = signature === this.#signature
      for (const pool of settings.pools.values()) {
        const indices = this.#placeBackends(pool, hopTo, next, undo)
        next.pools.set(pool.name, this.#placePool(pool, indices, inPlace, undo))
        addServers(next.servers, pool, indices)
        if (this.#returnPath) addSources(next.sources, pool, indices)
      }
      for (const service of settings.services) {
        next.services.set(service.name, this.#placeService(service, settings, next.pools, undo))
      }
      wanted = entriesOf(settings.services, ({ name }) => next.services.get(name)!.index)
      for (const [name, entry] of wanted) {
        if ('ports' in entry) next.splits.set(name, this.#placeSplit(name, entry.key, entry.ports, undo))
      }
      checkRoom('quic_servers', this.#maps.quicServers, this.#servers, next.servers)
      checkRoom('sources', this.#maps.sources, this.#sources, next.sources)
      this.#buckets.reserve([...wanted.values()].map(({ key }) => key))
      this.#clearCounters(next)
      retired = this.#retiredBy(next)
      save?.(stateOf(next, retired))
    } catch (error) {
      for (const step of undo.reverse()) step()
      throw error
    }
    const change = this.#difference(settings, next)
    this.#publish(next, wanted, retired)
    this.#retire(next, retired)
    this.#signature = signature
    return change
  }

  /** Ends what waits. The maps stay as they are. */
  close(): void {
    clearTimeout(this.#timer)
  }

  /** Brings what is known of the ways to backends up to date, in place. */
  updateHops(hopTo: (address: MappedAddress) => Hop): void {
    for (const known of this.#backends.values()) {
      const hop = hopTo(known.value.address)
      const value = { ...known.value, ...hopFields(hop, isDraining(known.value)) }
      if (sameHop(value, known.value)) continue
      known.value = value
      this.#maps.backends.update(key(known.index), encode(BackendLayout, value))
    }
  }

  get services(): ReadonlyMap<string, { counters: number }> {
    return this.#services
  }

  /** Backends, each once for each of its counters. */
  get counted(): { id: string; address: string; counters: number }[] {
    return [...this.#counters].map(([name, counters]) => {
      const [id, address] = JSON.parse(name) as [string, string]
      return { id, address, counters }
    })
  }

  /** The backend that a flow goes to because it went there before. */
  remembered(flow: bigint): { id: string; address: string; delivery: DeliveryName } | undefined {
    const found = this.#memory?.recall(flow)
    if (found === undefined) return undefined
    const known = [...this.#backends.values()].find(({ index }) => index === found.index)
    if (known === undefined || flowCheck(flow, known.value.epoch) !== found.check) return undefined
    const { address, delivery } = known.value
    return { id: known.id, address: textOf(address), delivery: DELIVERIES[delivery]! }
  }

  /** The backend that a flow stays with while that drains, whatever the pool's table says. `flow` is its key in memory. */
  kept(pool: string, hash: number, flow: bigint): { id: string; address: string; delivery: DeliveryName } | undefined {
    const previous = this.#pools.get(pool)?.previous
    if (previous === undefined) return undefined
    const index = previous.slots[slotOf(hash, previous.slots.length)]!
    const known = [...this.#backends.values()].find((one) => one.index === index)
    if (known === undefined || !isDraining(known.value)) return undefined
    const found = this.#memory?.recall(flow)
    const remembered = found?.index === index && flowCheck(flow, known.value.epoch) === found.check
    if (!remembered && previous.until === undefined) return undefined
    const { address, delivery } = known.value
    return { id: known.id, address: textOf(address), delivery: DELIVERIES[delivery]! }
  }

  /** Ends the learning of flows whose time is over. To be called now and then. */
  endLearning(now: number): void {
    for (const pool of this.#pools.values()) {
      if (pool.previous?.until === undefined || now < pool.previous.until) continue
      pool.previous.until = undefined
      Atomics.store(this.#poolMemory, 2 * pool.index + 1, previousWord(pool))
    }
  }

  /** Bytes of the map `slots` that a pool's table takes. */
  bytesOf(pool: string): number {
    return this.#pools.get(pool)!.run.count * TableConstant.chunkSlots * 2
  }

  /** What was known when `state` was saved. */
  #recall(maps: EdgeMaps, settings: Settings, state: EdgeState): Next & { wanted: Map<string, WantedEntry> } {
    const backends = new Map<string, KnownBackend>()
    const members = [...settings.pools.values()].flatMap((pool) => pool.backends)
    const serving = members.filter(({ state: is }) => is !== 'down').map((one) => countedAs(one.id, one))
    const down = new Set(members.map((one) => countedAs(one.id, one)))
    for (const one of serving) down.delete(one)
    for (const [name, index, counters, id, bytes] of state.backends) {
      const saved = decode(BackendLayout, Buffer.from(bytes, 'hex'))
      // The way to it may have changed since.
      const found = decode(BackendLayout, maps.backends.lookup(key(index))!)
      const value = nameOfBackend(id, found) === name && found.counters === counters ? found : saved
      backends.set(name, { index, counters, id, down: down.has(countedAs(id, value)), value })
    }
    const pools = new Map<string, KnownPool>()
    for (const [name, index, first, members, previous] of state.pools) {
      const slots = slotsOf(settings.pools.get(name)!.table, members)
      const run = { first, count: chunksFor(slots.length) }
      pools.set(name, { index, run, slots, members, previous: previous && previousOf(previous) })
    }
    const services = new Map<string, KnownService>()
    const places = new Map(state.services.map(([name, ...place]) => [name, place]))
    for (const service of settings.services) {
      const [index, counters] = places.get(service.name)!
      const value = serviceValue(service, settings, pools.get(service.pool)!.index, counters)
      services.set(service.name, { index, counters, value })
    }
    const wanted = entriesOf(settings.services, ({ name }) => services.get(name)!.index)
    const servers = new Map<string, Naming>()
    const sources = new Map<string, Naming>()
    for (const pool of settings.pools.values()) {
      const { members } = pools.get(pool.name)!
      addServers(servers, pool, members)
      if (this.#returnPath) addSources(sources, pool, members)
    }
    const firsts = new Map(state.splits)
    const splits = new Map<string, KnownSplit>()
    for (const [name, entry] of wanted) {
      if (!('ports' in entry)) continue
      splits.set(name, { key: entry.key, run: { first: firsts.get(name)!, count: 1 }, ports: entry.ports })
    }
    return { backends, counters: new Map(state.counters), pools, services, splits, servers, sources, wanted }
  }

  /** @returns the indices of the pool's backends, in their order */
  #placeBackends(pool: Pool, hopTo: (address: MappedAddress) => Hop, next: Next, undo: (() => void)[]): number[] {
    return pool.backends.map(({ id, address, state }) => {
      const down = state === 'down'
      const draining = state === 'draining' && this.#learn !== undefined
      const hop = hopTo(address)
      const source = pool.source ?? hop.source
      const value: BackendLayout = {
        address,
        // For `l2`, which sends from no address of the edge's, the kernel may know of none.
        source: source !== undefined && isIPv4(source) === isIPv4(address) ? source : address,
        counters: 0,
        vlan: pool.vlan,
        mtu: Math.min(pool.mtu ?? hop.mtu, HIGHEST_MTU),
        port: pool.port,
        delivery: Delivery[pool.delivery],
        epoch: 0, // see below
        ...hopFields(hop, draining),
      }
      const name = nameOfBackend(id, value)
      const placed = next.backends.get(name) // another pool has it, too
      if (placed !== undefined) {
        placed.down &&= down
        // Where another pool has it up, no table leads to it as to one that drains.
        if (draining) placed.value = { ...placed.value, flags: placed.value.flags | BackendFlags.draining }
        return placed.index
      }
      const known = this.#backends.get(name)
      const counted = countedAs(id, value)
      // One that only moves to another index goes on counting where it counted.
      const counters =
        this.#counters.get(counted) ??
        next.counters.get(counted) ??
        take(this.#backendCounters, 'backend_counters', this.#maps.backendCounters, undo)
      next.counters.set(counted, counters)
      const index = known?.index ?? take(this.#backendIndices, 'backends', this.#maps.backends, undo)
      // Whoever had the index before left its epoch there.
      const epoch = known?.value.epoch ?? this.#epochAt(index)
      next.backends.set(name, { index, counters, id, down, value: { ...value, counters, epoch } })
      return index
    })
  }

  /**
   * @param indices of its backends, in the order in which its table has them
   * @param inPlace a pool that changes keeps its index
   */
  #placePool(pool: Pool, indices: readonly number[], inPlace: boolean, undo: (() => void)[]): KnownPool {
    const { name, table } = pool
    const slots = slotsOf(table, indices)
    const known = this.#pools.get(name)
    const previous = this.#placePrevious(pool, indices, undo)
    if (known !== undefined && same(known.slots, slots)) {
      if (previous !== known.previous) return { ...known, members: indices, previous }
      // Who has no slot may have changed all the same.
      const { members } = known
      undo.push(() => {
        known.members = members
      })
      known.members = indices
      return known
    }
    const index = (inPlace ? known?.index : undefined) ?? take(this.#poolIndices, 'pools', this.#maps.pools, undo)
    return { index, run: this.#takeRun(chunksFor(slots.length), undo), slots, members: indices, previous }
  }

  /** The table before, for those who drain: the slots that they have in it, or had when they began to. */
  #placePrevious({ name, backends }: Pool, indices: readonly number[], undo: (() => void)[]): Previous | undefined {
    const known = this.#pools.get(name)
    if (this.#learn === undefined || known === undefined) return undefined
    const draining = new Set(indices.filter((_, i) => backends[i]!.state === 'draining'))
    if (draining.size === 0) return undefined
    const before = known.previous
    const ofDraining = (owner: number) => (draining.has(owner) ? owner : TableConstant.backendNone)
    const now = known.slots.map(ofDraining)
    const fresh = now.some((owner) => owner !== TableConstant.backendNone)
    const kept = before?.slots.map(ofDraining)
    // Tables of two sizes cannot be joined: then those count who have just begun.
    const joined =
      kept?.length === now.length
        ? kept.map((owner, i) => (owner === TableConstant.backendNone ? now[i]! : owner))
        : undefined
    const slots = joined ?? (fresh ? now : (kept ?? now))
    if (!slots.some((owner) => owner !== TableConstant.backendNone)) return undefined
    if (before !== undefined && same(before.slots, slots)) return before
    const until = fresh ? Date.now() + this.#learn : before?.until
    return { run: this.#takeRun(chunksFor(slots.length), undo), slots, until }
  }

  #placeService(
    service: Service,
    settings: Settings,
    pools: Map<string, KnownPool>,
    undo: (() => void)[],
  ): KnownService {
    const known = this.#services.get(service.name)
    const counters =
      known?.counters ?? take(this.#serviceCounters, 'service_counters', this.#maps.serviceCounters, undo)
    const value = serviceValue(service, settings, pools.get(service.pool)!.index, counters)
    if (known !== undefined && same(encode(ServiceLayout, known.value), encode(ServiceLayout, value))) return known
    return {
      index: take(this.#serviceIndices, 'service_table', this.#maps.serviceTable, undo),
      counters,
      value,
    }
  }

  #placeSplit(name: string, entry: EntryKey, ports: Uint16Array, undo: (() => void)[]): KnownSplit {
    const known = this.#splits.get(name)
    if (known !== undefined && same(known.ports, ports)) return known
    return { run: this.#takeRun(1, undo), ports, key: entry }
  }

  #takeRun(count: number, undo: (() => void)[]): Run {
    const run = this.#chunks.take(count)
    if (run === undefined) {
      const remedy = `A table of ${count * TableConstant.chunkSlots} slots found no room. Raise limits.slots, or make tableSize smaller`
      throw mapFull('slots', this.#maps.slots.entries, remedy)
    }
    undo.push(() => this.#chunks.giveUnused(run))
    return run
  }

  #difference(settings: Settings, next: Next): ForwarderChange {
    const names = settings.services.map(({ name }) => name)
    const pools: ForwarderChange['pools'] = {}
    for (const [name, { slots }] of next.pools) {
      const before = this.#pools.get(name)?.slots
      if (before === slots) continue
      const moved =
        before?.length === slots.length
          ? slots.reduce((sum, index, i) => sum + Number(index !== before[i]), 0)
          : slots.length
      pools[name] = { movedSlots: moved, slots: slots.length }
    }
    const changed = (name: string) => this.#services.get(name) !== next.services.get(name)
    return {
      services: {
        added: names.filter((name) => !this.#services.has(name)),
        changed: names.filter((name) => this.#services.has(name) && changed(name)),
        removed: [...this.#services.keys()].filter((name) => !next.services.has(name)),
      },
      pools,
    }
  }

  /** New ones begin at 0. Nobody counts in them yet. */
  #clearCounters(next: Next): void {
    for (const [name, counters] of next.counters) {
      if (!this.#counters.has(name)) clearCounters(this.#maps.backendCounters, counters)
    }
    for (const [name, { counters }] of next.services) {
      if (!this.#services.has(name)) clearCounters(this.#maps.serviceCounters, counters)
    }
  }

  /** From what nobody refers to yet to what packets look at first. */
  #publish(next: Next, wanted: Map<string, WantedEntry>, retired: Retired): void {
    const size = TableConstant.chunkSlots
    for (const [name, { index, value }] of next.backends) {
      const known = this.#backends.get(name)
      if (known === undefined || !sameHop(known.value, value)) {
        this.#maps.backends.update(key(index), encode(BackendLayout, value))
      }
    }
    addNamings(this.#maps.quicServers, this.#servers, next.servers)
    addNamings(this.#maps.sources, this.#sources, next.sources)
    for (const [name, pool] of next.pools) {
      const before = this.#pools.get(name)
      const { run, slots, previous } = pool
      if (before?.run !== run) this.#chunkMemory.set(slots, run.first * size)
      if (previous && before?.previous !== previous) this.#chunkMemory.set(previous.slots, previous.run.first * size)
    }
    for (const [name, split] of next.splits) {
      if (this.#splits.get(name) !== split) this.#chunkMemory.set(split.ports, split.run.first * size)
    }
    for (const [name, pool] of next.pools) {
      if (this.#pools.get(name) === pool) continue
      const words = [
        [2 * pool.index + 1, previousWord(pool)],
        [2 * pool.index, tableWord(pool)],
      ] as const
      // Who begins to drain keeps its flows before its slots are another's, and who ends gets them back first.
      for (const [place, word] of pool.previous ? words : [...words].reverse())
        Atomics.store(this.#poolMemory, place, word)
    }
    for (const [name, service] of next.services) {
      if (this.#services.get(name) === service) continue
      this.#maps.serviceTable.update(key(service.index), encode(ServiceLayout, service.value))
    }
    for (const [name, entry] of wanted) {
      const value = 'service' in entry ? entry.service : ServiceValue.split + next.splits.get(name)!.run.first
      if (this.#buckets.get(entry.key) !== value) this.#buckets.set(entry.key, value)
    }
    for (const [name, entry] of this.#entries) if (!wanted.has(name)) this.#buckets.delete(entry)
    this.#entries = new Map([...wanted].map(([name, entry]) => [name, entry.key]))
    removeNamings(this.#maps.quicServers, this.#servers, next.servers)
    removeNamings(this.#maps.sources, this.#sources, next.sources)
    // Tables do not lead there any more; now what is remembered does not, either.
    for (const [name, known] of next.backends) if (known.down && !this.#backends.get(name)?.down) this.#forget(known)
    for (const index of retired.backendIndices) this.#forgetAt(index)
  }

  /** Makes flows forget a backend. */
  #forget(known: KnownBackend): void {
    known.value = { ...known.value, epoch: known.value.epoch + 1 }
    this.#maps.backends.update(key(known.index), encode(BackendLayout, known.value))
  }

  /** The same of one that is gone. */
  #forgetAt(index: number): void {
    const value = decode(BackendLayout, this.#maps.backends.lookup(key(index))!)
    const flags = value.flags & ~BackendFlags.draining
    this.#maps.backends.update(key(index), encode(BackendLayout, { ...value, flags, epoch: value.epoch + 1 }))
  }

  #epochAt(index: number): number {
    return decode(BackendLayout, this.#maps.backends.lookup(key(index))!).epoch
  }

  /** What a change leaves behind. */
  #retiredBy(next: Next): Retired {
    const retired: Retired = {
      chunks: [],
      serviceIndices: [],
      serviceCounters: [],
      poolIndices: [],
      backendIndices: [],
      backendCounters: [],
    }
    const serviceCounters = new Set([...next.services.values()].map(({ counters }) => counters))
    for (const [name, known] of this.#services) {
      if (next.services.get(name) === known) continue
      retired.serviceIndices.push(known.index)
      if (!serviceCounters.has(known.counters)) retired.serviceCounters.push(known.counters)
    }
    for (const [name, known] of this.#pools) {
      const now = next.pools.get(name)
      if (now === known) continue
      if (now?.run !== known.run) retired.chunks.push(known.run)
      if (known.previous && now?.previous !== known.previous) retired.chunks.push(known.previous.run)
      // Its word stays: a packet may be under way with it.
      if (now?.index !== known.index) retired.poolIndices.push(known.index)
    }
    for (const [name, known] of this.#backends) if (!next.backends.has(name)) retired.backendIndices.push(known.index)
    for (const [name, counters] of this.#counters) if (!next.counters.has(name)) retired.backendCounters.push(counters)
    for (const [name, known] of this.#splits) if (next.splits.get(name) !== known) retired.chunks.push(known.run)
    return retired
  }

  /** Gives back what is not referred to any more, once no packet can be under way with it. */
  #retire(next: Next, retired: Retired): void {
    for (const run of retired.chunks) this.#chunks.give(run)
    for (const index of retired.serviceIndices) this.#serviceIndices.give(index)
    for (const index of retired.serviceCounters) this.#serviceCounters.give(index)
    for (const index of retired.poolIndices) this.#poolIndices.give(index)
    for (const index of retired.backendIndices) this.#backendIndices.give(index)
    for (const index of retired.backendCounters) this.#backendCounters.give(index)
    this.#services = next.services
    this.#pools = next.pools
    this.#backends = next.backends
    this.#counters = next.counters
    this.#splits = next.splits
    this.#servers = next.servers
    this.#sources = next.sources
    // The wait takes as long as a change does, and nobody needs what rests at once.
    if (this.#resting.some(({ resting }) => resting)) this.#timer ??= setTimeout(() => this.#rest(), REST_MS).unref()
  }

  /** What has places that rest until no packet can be under way with them. */
  get #resting() {
    return [
      this.#chunks,
      this.#serviceIndices,
      this.#serviceCounters,
      this.#poolIndices,
      this.#backendIndices,
      this.#backendCounters,
      this.#buckets,
    ]
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    waitForPackets()
    for (const pool of this.#resting) pool.rested()
  }
}

function stateOf({ backends, counters, pools, services, splits }: Next, retired: Retired): EdgeState {
  return {
    backends: [...backends].map(([name, { index, counters: counted, id, value }]) => {
      return [name, index, counted, id, Buffer.from(encode(BackendLayout, value)).toString('hex')]
    }),
    counters: [...counters],
    pools: [...pools].map(([name, { index, run, members, previous }]) => {
      if (previous === undefined) return [name, index, run.first, members]
      const slots = bytes(previous.slots).toString('base64')
      return [name, index, run.first, members, { first: previous.run.first, slots, until: previous.until }]
    }),
    services: [...services].map(([name, { index, counters: counted }]) => [name, index, counted]),
    splits: [...splits].map(([name, { run }]) => [name, run.first]),
    retired,
  }
}

/** All that packets may meet. */
function usedBy({ backends, counters, pools, services, splits }: Next, retired: Retired): Retired {
  const of = <T, U>(map: Map<string, T>, take: (known: T) => U): U[] => [...map.values()].map(take)
  const run = (known: { run: Run }) => known.run
  const index = (known: { index: number }) => known.index
  return {
    chunks: [
      ...of(pools, run),
      ...of(pools, ({ previous }) => previous?.run ?? []).flat(),
      ...of(splits, run),
      ...retired.chunks,
    ],
    serviceIndices: [...of(services, index), ...retired.serviceIndices],
    serviceCounters: [...of(services, (known) => known.counters), ...retired.serviceCounters],
    poolIndices: [...of(pools, index), ...retired.poolIndices],
    backendIndices: [...of(backends, index), ...retired.backendIndices],
    backendCounters: [...counters.values(), ...retired.backendCounters],
  }
}

/** What a map names; the indices have to be written again. */
function namingsOf(map: BpfMap): Map<string, Naming> {
  return new Map([...map.keys()].map((name) => [hex(name), { key: name, index: -1 }]))
}

/** New ones are made before old ones go. */
function checkRoom(
  name: string,
  { entries }: BpfMap,
  before: ReadonlyMap<string, Naming>,
  after: ReadonlyMap<string, Naming>,
): void {
  const together = new Set([...before.keys(), ...after.keys()])
  if (together.size > entries) throw mapFull(name, entries, 'Raise limits.backends')
}

function addNamings(map: BpfMap, before: ReadonlyMap<string, Naming>, after: ReadonlyMap<string, Naming>): void {
  for (const [name, naming] of after) {
    if (before.get(name)?.index !== naming.index) map.update(naming.key, key(naming.index))
  }
}

function removeNamings(map: BpfMap, before: ReadonlyMap<string, Naming>, after: ReadonlyMap<string, Naming>): void {
  for (const [name, naming] of before) if (!after.has(name)) map.delete(naming.key)
}

/** Whose replies are taken: anybody's who is a member, since what is down may still have something to say. */
function addSources(sources: Map<string, Naming>, { backends }: Pool, indices: readonly number[]): void {
  for (const [i, { address }] of backends.entries()) {
    const source = encode(SourceKey, { address })
    sources.set(hex(source), { key: source, index: indices[i]! })
  }
}

/** Whom connection IDs may name: who is not down. */
function addServers(
  servers: Map<string, Naming>,
  { memory, quicLb, backends }: Pool,
  indices: readonly number[],
): void {
  if (quicLb === undefined) return
  for (const [i, { serverId, state }] of backends.entries()) {
    if (serverId === undefined || state === 'down') continue
    const id = new Uint8Array(QUIC_ID_BYTES)
    id.set(serverId)
    for (const config of quicLb.configIds) {
      const server = encode(QuicServerKey, { memory, config, length: serverId.length, id })
      servers.set(hex(server), { key: server, index: indices[i]! })
    }
  }
}

const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')

function slotsOf({ slots }: Pool['table'], members: readonly number[]): Uint16Array {
  return slots.map((place) => (place === NO_BACKEND ? TableConstant.backendNone : members[place]!))
}

function serviceValue(
  { affinity, flowTable, quic, learnPorts, pool: name }: Service,
  { secret, pools }: Settings,
  pool: number,
  counters: number,
): ServiceLayout {
  const { memory, quicLb } = pools.get(name)!
  return {
    secret: { words: [secret[0] >>> 0, secret[1] >>> 0] },
    pool,
    counters,
    affinity: AFFINITIES.indexOf(affinity),
    flags:
      (flowTable ? ServiceFlags.flowTable : 0) |
      (quic ? ServiceFlags.quic : 0) |
      (learnPorts ? ServiceFlags.learnPorts : 0),
    memory,
    quicConfigBits: quic ? quicLb!.configIds.reduce((bits, id) => bits | (1 << id), 0) : 0,
    quicIdLength: quic ? quicLb!.serverIdLength : 0,
  }
}

function take(pool: IndexPool, map: string, { entries }: BpfMap, undo: (() => void)[]): number {
  const index = pool.take()
  if (index === undefined) throw mapFull(map, entries, 'Raise the limit of that name in Forwarder.attach({ limits })')
  undo.push(() => pool.giveUnused(index))
  return index
}

function tableWord({ run, slots }: Pick<KnownPool, 'run' | 'slots'>): bigint {
  return BigInt(run.first) | (BigInt(slots.length) << 32n)
}

function previousWord({ previous }: KnownPool): bigint {
  if (previous === undefined) return 0n
  const phase = previous.until === undefined ? DrainPhase.hold : DrainPhase.learn
  return tableWord(previous) | (BigInt(phase) << 56n)
}

/** As it was saved. */
function previousOf({ first, slots: text, until }: SavedPrevious): Previous {
  const saved = Uint8Array.from(Buffer.from(text, 'base64'))
  const slots = new Uint16Array(saved.buffer)
  return { run: { first, count: chunksFor(slots.length) }, slots, until }
}

const isDraining = ({ flags }: BackendLayout) => (flags & BackendFlags.draining) !== 0

/** Sets a counter to zero on each CPU. */
function same(a: Uint16Array | Uint8Array, b: Uint16Array | Uint8Array): boolean {
  return Buffer.compare(bytes(a), bytes(b)) === 0
}

const bytes = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray) => Buffer.from(buffer, byteOffset, byteLength)

/** What of a backend's entry may be changed in place. */
function hopFields(
  { ifindex, nextHop, sourceMac }: Hop,
  draining: boolean,
): Pick<BackendLayout, 'ifindex' | 'nextHop' | 'sourceMac' | 'flags'> {
  const flags = (nextHop === undefined ? BackendFlags.fib : 0) | (draining ? BackendFlags.draining : 0)
  return { ifindex, nextHop: nextHop ?? NO_MAC, sourceMac, flags }
}

function sameHop(a: BackendLayout, b: BackendLayout): boolean {
  return a.ifindex === b.ifindex && a.flags === b.flags && same(a.nextHop, b.nextHop) && same(a.sourceMac, b.sourceMac)
}

/** Backends that differ in what cannot be changed in place are different ones. */
function nameOfBackend(id: string, { address, source, vlan, mtu, port, delivery }: BackendLayout): string {
  return JSON.stringify([id, textOf(address), textOf(source), vlan, mtu, port, delivery])
}

/** What has a counter of its own: a backend by its name and address, however it is reached. */
function countedAs(id: string, { address }: { address: MappedAddress }): string {
  return JSON.stringify([id, textOf(address)])
}

/** The same for configurations whose services are the same, and their secret. */
function signatureOf({ services, secret }: Settings): string {
  return JSON.stringify([secret, services.map(({ vips, ...service }) => [vips.map(textOf), service])])
}
