import { DrainPhase, TableConstant } from '../bpf/layouts.js'
import { NO_BACKEND } from '../pinning/backends.js'
import type { Pool } from './read-config.js'
import type { Run } from './run-pool.js'

/** A pool's table as the maps `pools` and `slots` have it. */
export interface KnownPool {
  index: number
  run: Run
  /** While somebody drains. */
  previous: Previous | undefined
  /** Indices of its backends, in the order in which its table has them. */
  members: readonly number[]
  /** Indices of backends. */
  slots: Uint16Array
}

/** The table that a pool had before, as far as it leads to backends that drain now. */
export interface Previous {
  run: Run
  /** Indices of backends that drain; all else is nobody's. */
  slots: Uint16Array
  /** When flows stop to be learned: milliseconds since 1970; undefined: it was before. */
  until: number | undefined
}

/** How many chunks of the map `slots` a table takes. */
export function chunksFor(slots: number): number {
  return Math.ceil(slots / TableConstant.chunkSlots)
}

/** @param members indices of the pool's backends, in the order in which its table has them */
export function slotsOf({ slots }: Pool['table'], members: readonly number[]): Uint16Array {
  return slots.map((place) => (place === NO_BACKEND ? TableConstant.backendNone : members[place]!))
}

/** The words of an entry of `pools` are one behind the other: where the pool's table is, and where the one before is. */
export function tablePlace(index: number): number {
  return 2 * index
}

export function previousPlace(index: number): number {
  return 2 * index + 1
}

export function tableWord({ run, slots }: Pick<KnownPool, 'run' | 'slots'>): bigint {
  return BigInt(run.first) | (BigInt(slots.length) << 32n)
}

export function previousWord(previous: Previous | undefined): bigint {
  if (previous === undefined) return 0n
  const phase = previous.until === undefined ? DrainPhase.hold : DrainPhase.learn
  return tableWord(previous) | (BigInt(phase) << 56n)
}
