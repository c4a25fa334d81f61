import { decode, encode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import { Backend as BackendLayout } from '../bpf/layouts.js'
import { countedAs, nameOfBackend, readBackend } from './backend-entries.js'
import { asBytes } from './bytes.js'
import type { ForwarderConfig } from './config.js'
import { entriesOf } from './entries.js'
import { type Known, nothingKnown } from './known.js'
import { addServers, addSources } from './namings.js'
import type { PlaceLists } from './places.js'
import { chunksFor, type Previous, slotsOf } from './pool-tables.js'
import type { Settings } from './read-config.js'
import { serviceValue, signatureOf } from './service-entries.js'

/** A pool's table before, while somebody drains. */
interface SavedPrevious {
  first: number
  /** Base64 of the slots. */
  slots: string
  until: number | undefined
}

/** Where in the maps of an edge things are: what the maps themselves do not say. */
export interface EdgeState {
  /** The last is a `struct backend` in hexadecimal digits. */
  backends: [name: string, index: number, counters: number, id: string, value: string][]
  counters: [name: string, index: number][]
  pools: [name: string, index: number, firstChunk: number, members: readonly number[], previous?: SavedPrevious][]
  services: [name: string, index: number, counters: number][]
  splits: [name: string, chunk: number][]
  /** What the change leaves behind: free once no packet can be under way with it. */
  retired: PlaceLists
}

/** A configuration as it can be written down. */
export function writable(config: ForwarderConfig): ForwarderConfig {
  const { secret } = config
  return { ...config, secret: typeof secret === 'string' ? secret : Buffer.from(secret).toString('hex') }
}

/** What is to be saved of a configuration, for `knownFrom`. */
export function stateOf({ backends, counters, pools, services, splits }: Known, retired: PlaceLists): EdgeState {
  return {
    backends: [...backends].map(([name, { index, counters: counted, id, value }]) => {
      return [name, index, counted, id, Buffer.from(encode(BackendLayout, value)).toString('hex')]
    }),
    counters: [...counters],
    pools: [...pools].map(([name, { index, run, members, previous }]) => {
      if (previous === undefined) return [name, index, run.first, members]
      const slots = asBytes(previous.slots).toString('base64')
      return [name, index, run.first, members, { first: previous.run.first, slots, until: previous.until }]
    }),
    services: [...services].map(([name, { index, counters: counted }]) => [name, index, counted]),
    splits: [...splits].map(([name, { run }]) => [name, run.first]),
    retired,
  }
}

/**
 * What was known when `state` was saved.
 *
 * @param settings the configuration that it was saved of
 * @param backends the map of that name
 * @param returnPath whether backends are named in `sources`
 */
export function knownFrom(state: EdgeState, settings: Settings, backends: BpfMap, returnPath: boolean): Known {
  const known = nothingKnown()
  known.signature = signatureOf(settings)
  known.counters = new Map(state.counters)
  const down = downOf(settings)
  for (const [name, index, counters, id, bytes] of state.backends) {
    const saved = decode(BackendLayout, Buffer.from(bytes, 'hex'))
    // The way to it may have changed since.
    const found = readBackend(backends, index)
    const value = nameOfBackend(id, found) === name && found.counters === counters ? found : saved
    known.backends.set(name, { index, counters, id, down: down.has(countedAs(id, value)), value })
  }
  for (const [name, index, first, members, previous] of state.pools) {
    const slots = slotsOf(settings.pools.get(name)!.table, members)
    const run = { first, count: chunksFor(slots.length) }
    known.pools.set(name, { index, run, slots, members, previous: previous && previousOf(previous) })
  }
  const places = new Map(state.services.map(([name, ...place]) => [name, place]))
  for (const service of settings.services) {
    const [index, counters] = places.get(service.name)!
    const value = serviceValue(service, settings, known.pools.get(service.pool)!.index, counters)
    known.services.set(service.name, { index, counters, value })
  }
  for (const pool of settings.pools.values()) {
    const { members } = known.pools.get(pool.name)!
    addServers(known.servers, pool, members)
    if (returnPath) addSources(known.sources, pool, members)
  }
  known.entries = entriesOf(settings.services, ({ name }) => known.services.get(name)!.index)
  const firsts = new Map(state.splits)
  for (const [name, entry] of known.entries) {
    if ('ports' in entry) known.splits.set(name, { run: { first: firsts.get(name)!, count: 1 }, ports: entry.ports })
  }
  return known
}

/** Who is down in every pool that has it, by `countedAs`. */
function downOf({ pools }: Settings): Set<string> {
  const members = [...pools.values()].flatMap((pool) => pool.backends)
  const down = new Set(members.map((one) => countedAs(one.id, one)))
  for (const one of members) if (one.state !== 'down') down.delete(countedAs(one.id, one))
  return down
}

function previousOf({ first, slots: text, until }: SavedPrevious): Previous {
  const saved = Uint8Array.from(Buffer.from(text, 'base64'))
  const slots = new Uint16Array(saved.buffer)
  return { run: { first, count: chunksFor(slots.length) }, slots, until }
}
