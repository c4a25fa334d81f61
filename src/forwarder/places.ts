import { ServiceValue, TableConstant } from '../bpf/layouts.js'
import { mapFull } from '../errors.js'
import { NO_BACKEND } from '../pinning/backends.js'
import type { EdgeMaps } from './edge-maps.js'
import { IndexPool } from './index-pool.js'
import { type Run, RunPool } from './run-pool.js'

/** Places in the maps of an edge, by their kinds. */
export interface PlaceLists {
  /** Of the map `slots`. */
  chunks: Run[]
  serviceIndices: number[]
  serviceCounters: number[]
  poolIndices: number[]
  backendIndices: number[]
  backendCounters: number[]
}

type IndexKind = Exclude<keyof PlaceLists, 'chunks'>

/** Which map of edge.bpf.c a kind of index is of, and how many of its entries can be named. */
const INDEXED: Record<IndexKind, { map: keyof EdgeMaps; name: string; most: number }> = {
  serviceIndices: { map: 'serviceTable', name: 'service_table', most: ServiceValue.none },
  serviceCounters: { map: 'serviceCounters', name: 'service_counters', most: Number.POSITIVE_INFINITY },
  poolIndices: { map: 'pools', name: 'pools', most: Number.POSITIVE_INFINITY },
  backendIndices: { map: 'backends', name: 'backends', most: NO_BACKEND },
  backendCounters: { map: 'backendCounters', name: 'backend_counters', most: Number.POSITIVE_INFINITY },
}
const KINDS = Object.keys(INDEXED) as IndexKind[]

/** Steps that take back what was done, to be taken from the last to the first. */
export type Undo = (() => void)[]

/** The places in the maps of an edge: who needs one takes it here. What is given back rests until `rested` is called. */
export class Places {
  readonly #maps: EdgeMaps
  readonly #chunks: RunPool
  readonly #indices: Record<IndexKind, IndexPool>

  /** @param used places that are taken already */
  constructor(maps: EdgeMaps, used: readonly PlaceLists[] = []) {
    const poolOf = (kind: IndexKind) => {
      const { map, most } = INDEXED[kind]
      const taken = used.flatMap((places) => places[kind])
      return new IndexPool(Math.min(maps[map].entries, most), taken)
    }
    const runs = used.flatMap(({ chunks }) => chunks)
    this.#maps = maps
    this.#chunks = new RunPool(maps.slots.entries, runs)
    this.#indices = {
      serviceIndices: poolOf('serviceIndices'),
      serviceCounters: poolOf('serviceCounters'),
      poolIndices: poolOf('poolIndices'),
      backendIndices: poolOf('backendIndices'),
      backendCounters: poolOf('backendCounters'),
    }
  }

  /** @throws BpfError ERR_BPF_MAP_FULL */
  takeIndex(kind: IndexKind, undo: Undo): number {
    const pool = this.#indices[kind]
    const index = pool.take()
    if (index === undefined) {
      const { map, name } = INDEXED[kind]
      const remedy = 'Raise the limit of that name in Forwarder.attach({ limits })'
      throw mapFull(name, this.#maps[map].entries, remedy)
    }
    undo.push(() => pool.giveUnused(index))
    return index
  }

  /** @throws BpfError ERR_BPF_MAP_FULL */
  takeChunks(count: number, undo: Undo): Run {
    const run = this.#chunks.take(count)
    if (run === undefined) {
      const remedy = `A table of ${count * TableConstant.chunkSlots} slots found no room. Raise limits.slots, or make tableSize smaller`
      throw mapFull('slots', this.#maps.slots.entries, remedy)
    }
    undo.push(() => this.#chunks.giveUnused(run))
    return run
  }

  give(places: PlaceLists): void {
    for (const run of places.chunks) this.#chunks.give(run)
    for (const kind of KINDS) for (const index of places[kind]) this.#indices[kind].give(index)
  }

  get resting(): boolean {
    return this.#chunks.resting || KINDS.some((kind) => this.#indices[kind].resting)
  }

  /** To be called when no packet can be under way with what was given back. */
  rested(): void {
    this.#chunks.rested()
    for (const kind of KINDS) this.#indices[kind].rested()
  }
}
