import type { BackendState, PooledBackend } from './backends.js'
import type { Affinity } from './flow-key.js'
import type { TableKind } from './table.js'

/** Why a flow goes where it goes. It holds neither the secret nor the hash. */
export interface FlowExplanation {
  affinity: Affinity
  /** The bytes that are hashed, as hexadecimal digits: see `FlowKey`. */
  key: string
  /** The slot that the hash of the key leads to. */
  slot: number
  table: { kind: TableKind; size: number; digest: string }
  /** Who has the slot; undefined when no backend is up. */
  backend: PooledBackend | undefined
  /** Who had the slot before the last update that moved flows; undefined when there was none, or nobody had it. */
  previous: { id: string; state: BackendState | 'removed' } | undefined
  /** The same in words. */
  why: string
}

/** The two whom a slot belonged to, in words. */
export function reason(slot: number, { backend, previous }: Pick<FlowExplanation, 'backend' | 'previous'>): string {
  if (backend === undefined) return `no backend is up, so nobody has slot ${slot}${formerly(previous)}`
  const now = `slot ${slot} belongs to ${backend.id}`
  if (previous === undefined) return now
  if (previous.id === backend.id) return `${now}, as before the last update that moved flows`
  return `${now}; ${movedFrom(previous, backend.id)}`
}

function formerly(previous: FlowExplanation['previous']): string {
  if (previous === undefined) return ''
  return `; ${previous.id}, which had it, is ${previous.state}`
}

function movedFrom({ id, state }: NonNullable<FlowExplanation['previous']>, to: string): string {
  switch (state) {
    case 'removed':
      return `${id} had it and was removed`
    case 'down':
      return `${id} had it and is down`
    case 'draining':
      return `${id} had it and is draining: flows that it has may stay with it, new ones go to ${to}`
    case 'up':
      return `${id} had it and is still up: the last update gave ${to} a part of the others' slots, or evened out the loads`
  }
}
