import { NO_BACKEND } from './backends.js'

/** What became of one backend's flows. Shares are of all flows: 0–1. */
export interface BackendChange {
  id: string
  /** Its share before and after. */
  before: number
  after: number
  /** What came to it from others, and what went from it to others: `after = before + gained − lost`. */
  gained: number
  lost: number
}

/** What an update did. */
export interface PoolChange {
  /** Share of all flows that reach another backend than before: 0–1. */
  moved: number
  /** Those of the pool in the order of their indices, then those that left it. */
  backends: BackendChange[]
  /** Digest of the table that counts now. */
  digest: string
}

/** A table without what made it. */
export interface Slots {
  readonly backends: readonly { readonly id: string }[]
  readonly slots: Uint16Array
}

/** Where each backend of one list is in another; `NO_BACKEND` for those that are not in it, and at the end for none. */
export function placesIn(
  list: readonly { readonly id: string }[],
  other: readonly { readonly id: string }[],
): Uint16Array {
  const place = new Map(other.map(({ id }, index) => [id, index]))
  const places = new Uint16Array(NO_BACKEND + 1).fill(NO_BACKEND)
  for (const [index, { id }] of list.entries()) places[index] = place.get(id) ?? NO_BACKEND
  return places
}

/**
 * Compares two tables of the same size, backend by backend.
 *
 * @returns `backends`: those of the table after, in its order, then those that it no longer has
 */
export function compareTables(before: Slots, after: Slots): Omit<PoolChange, 'digest'> {
  const known = new Set(after.backends.map(({ id }) => id))
  const all = [...after.backends, ...before.backends.filter(({ id }) => !known.has(id))]
  const place = placesIn(before.backends, all)
  const [had, has, gained, lost] = Array.from({ length: 4 }, () => new Uint32Array(NO_BACKEND + 1)) as Counts
  let moved = 0
  for (const [slot, now] of after.slots.entries()) {
    const then = place[before.slots[slot]!]!
    had[then]!++
    has[now]!++
    if (then === now) continue
    moved++
    lost[then]!++
    gained[now]!++
  }
  const size = after.slots.length
  const backends = all.map(({ id }, i) => ({
    id,
    before: had[i]! / size,
    after: has[i]! / size,
    gained: gained[i]! / size,
    lost: lost[i]! / size,
  }))
  return { moved: moved / size, backends }
}

type Counts = [Uint32Array, Uint32Array, Uint32Array, Uint32Array]
