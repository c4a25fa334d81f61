import { encode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import {
  BackendFlags,
  type Backend as BackendLayout,
  Delivery,
  Service as ServiceLayout,
  TableConstant,
} from '../bpf/layouts.js'
import { isIPv4, type MappedAddress } from './address.js'
import { countedAs, nameOfBackend, readBackend } from './backend-entries.js'
import { sameBytes } from './bytes.js'
import { entriesOf } from './entries.js'
import { type Hop, hopFields } from './hop.js'
import { type Known, type KnownSplit, nothingKnown } from './known.js'
import { addServers, addSources } from './namings.js'
import type { Places, Undo } from './places.js'
import { chunksFor, type KnownPool, type Previous, slotsOf } from './pool-tables.js'
import type { Pool, Service, Settings } from './read-config.js'
import { type KnownService, serviceValue, signatureOf } from './service-entries.js'

/** What a placement depends on beside the configuration. */
export interface PlacementContext {
  /** The configuration in force. */
  before: Known
  places: Places
  /** The map of that name. */
  backends: BpfMap
  /** How to reach a backend's address. */
  hopTo: (address: MappedAddress) => Hop
  /** Milliseconds for which flows of a backend that drains are learned; undefined: its flows move. */
  learn: number | undefined
  /** Whether backends are named in `sources`. */
  returnPath: boolean
}

const HIGHEST_MTU = 65_535

/**
 * Finds places for a configuration beside the one in force. What stays as it is keeps its place, and its object in `Known`; for all
 * else free places are taken. Nothing is written to maps.
 */
export class Placement {
  readonly #context: PlacementContext
  readonly #next = nothingKnown()
  readonly #undo: Undo = []

  constructor(context: PlacementContext) {
    this.#context = context
  }

  /** @throws BpfError ERR_BPF_MAP_FULL; then, too, `undo` is to be called */
  place(settings: Settings): Known {
    const next = this.#next
    next.signature = signatureOf(settings)
    for (const pool of settings.pools.values()) {
      const indices = this.#placeBackends(pool)
      next.pools.set(pool.name, this.#placePool(pool, indices))
      addServers(next.servers, pool, indices)
      if (this.#context.returnPath) addSources(next.sources, pool, indices)
    }
    for (const service of settings.services) next.services.set(service.name, this.#placeService(service, settings))
    next.entries = entriesOf(settings.services, ({ name }) => next.services.get(name)!.index)
    for (const [name, entry] of next.entries) {
      if ('ports' in entry) next.splits.set(name, this.#placeSplit(name, entry.ports))
    }
    return next
  }

  /** Gives back what was taken. */
  undo(): void {
    for (const step of this.#undo.splice(0).reverse()) step()
  }

  /** @returns the indices of the pool's backends, in their order */
  #placeBackends(pool: Pool): number[] {
    const { before, places, backends, hopTo, learn } = this.#context
    const next = this.#next
    return pool.backends.map(({ id, address, state }) => {
      const down = state === 'down'
      const draining = state === 'draining' && learn !== undefined
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
      const known = before.backends.get(name)
      const counted = countedAs(id, value)
      // One that only moves to another index goes on counting where it counted.
      const counters =
        before.counters.get(counted) ?? next.counters.get(counted) ?? places.takeIndex('backendCounters', this.#undo)
      next.counters.set(counted, counters)
      const index = known?.index ?? places.takeIndex('backendIndices', this.#undo)
      // Whoever had the index before left its epoch there.
      const epoch = known?.value.epoch ?? readBackend(backends, index).epoch
      next.backends.set(name, { index, counters, id, down, value: { ...value, counters, epoch } })
      return index
    })
  }

  /** @param indices of its backends, in the order in which its table has them */
  #placePool(pool: Pool, indices: readonly number[]): KnownPool {
    const { before, places } = this.#context
    const slots = slotsOf(pool.table, indices)
    const known = before.pools.get(pool.name)
    const previous = this.#placePrevious(pool, indices)
    if (known !== undefined && sameBytes(known.slots, slots)) {
      if (previous !== known.previous) return { ...known, members: indices, previous }
      // Who has no slot may have changed all the same.
      const { members } = known
      this.#undo.push(() => {
        known.members = members
      })
      known.members = indices
      return known
    }
    // Where services stay as they are, a table changes by its pool's word alone. Otherwise packets of a service that is still
    // the old one would meet a new table: then what changes is a new pool, and its services are new with it.
    const kept = this.#next.signature === before.signature ? known?.index : undefined
    const index = kept ?? places.takeIndex('poolIndices', this.#undo)
    const run = places.takeChunks(chunksFor(slots.length), this.#undo)
    return { index, run, slots, members: indices, previous }
  }

  /** The table before, for those who drain: the slots that they have in it, or had when they began to. */
  #placePrevious({ name, backends }: Pool, indices: readonly number[]): Previous | undefined {
    const { before, places, learn } = this.#context
    const known = before.pools.get(name)
    if (learn === undefined || known === undefined) return undefined
    const draining = new Set(indices.filter((_, i) => backends[i]!.state === 'draining'))
    if (draining.size === 0) return undefined
    const ofDraining = (owner: number) => (draining.has(owner) ? owner : TableConstant.backendNone)
    const now = known.slots.map(ofDraining)
    const fresh = now.some((owner) => owner !== TableConstant.backendNone)
    const kept = known.previous?.slots.map(ofDraining)
    // Tables of two sizes cannot be joined: then those count who have just begun.
    const joined =
      kept?.length === now.length
        ? kept.map((owner, i) => (owner === TableConstant.backendNone ? now[i]! : owner))
        : undefined
    const slots = joined ?? (fresh ? now : (kept ?? now))
    if (!slots.some((owner) => owner !== TableConstant.backendNone)) return undefined
    if (known.previous !== undefined && sameBytes(known.previous.slots, slots)) return known.previous
    const until = fresh ? Date.now() + learn : known.previous?.until
    return { run: places.takeChunks(chunksFor(slots.length), this.#undo), slots, until }
  }

  #placeService(service: Service, settings: Settings): KnownService {
    const { before, places } = this.#context
    const known = before.services.get(service.name)
    const counters = known?.counters ?? places.takeIndex('serviceCounters', this.#undo)
    const value = serviceValue(service, settings, this.#next.pools.get(service.pool)!.index, counters)
    if (known !== undefined && sameBytes(encode(ServiceLayout, known.value), encode(ServiceLayout, value))) return known
    return { index: places.takeIndex('serviceIndices', this.#undo), counters, value }
  }

  #placeSplit(name: string, ports: Uint16Array): KnownSplit {
    const known = this.#context.before.splits.get(name)
    if (known !== undefined && sameBytes(known.ports, ports)) return known
    return { run: this.#context.places.takeChunks(1, this.#undo), ports }
  }
}
