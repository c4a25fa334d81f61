import fc from 'fast-check'
import type { PinningTable, TableKind } from 'udp-dsr/pinning'

/** Both ways to fill a table. */
export const KINDS: readonly TableKind[] = ['maglev', 'bounded-rendezvous']

export interface Entry {
  id: string
  weight: number
}

/** So many backends of one weight, or of these weights in turn. */
export function pool(count: number, weights: readonly number[] = [1]): Entry[] {
  return Array.from({ length: count }, (_, i) => ({ id: `backend-${i}`, weight: weights[i % weights.length]! }))
}

/** Backends with ids of all kinds of characters. */
export const anyPool = (most: number, weight: fc.Arbitrary<number> = fc.integer({ min: 0, max: 300 })) =>
  fc.uniqueArray(fc.record({ id: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }), weight }), {
    maxLength: most,
    selector: ({ id }) => id,
  })

/** Slots of each backend, by index. */
export function counts({ backends, slots }: PinningTable): number[] {
  const found = backends.map(() => 0)
  for (const index of slots) found[index]!++
  return found
}

/** Largest number of slots as a multiple of what the weight asks for. */
export function unevenness(table: PinningTable): number {
  const total = table.backends.reduce((sum, { weight }) => sum + weight, 0)
  return Math.max(...counts(table).map((had, i) => had / ((table.size * table.backends[i]!.weight) / total)))
}

/** Share of the slots that went from a backend that is in both tables to another that is in both. */
export function needlessMoves(before: PinningTable, after: PinningTable): number {
  const then = new Set(before.backends.map(({ id }) => id))
  const now = new Set(after.backends.map(({ id }) => id))
  let moved = 0
  for (const [slot, index] of after.slots.entries()) {
    const from = before.backends[before.slots[slot]!]!.id
    const to = after.backends[index]!.id
    if (from !== to && now.has(from) && then.has(to)) moved++
  }
  return moved / after.size
}
