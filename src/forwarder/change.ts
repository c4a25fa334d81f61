import type { Known } from './known.js'

/** What an `apply` did. */
export interface ForwarderChange {
  /** Names. */
  services: { added: string[]; changed: string[]; removed: string[] }
  /** By the names of pools whose tables are new or not as before: slots whose backend is another one, of how many. */
  pools: Record<string, { movedSlots: number; slots: number }>
}

export function changeOf(before: Known, next: Known): ForwarderChange {
  const names = [...next.services.keys()]
  const pools: ForwarderChange['pools'] = {}
  for (const [name, { slots }] of next.pools) {
    const known = before.pools.get(name)?.slots
    if (known === slots) continue
    pools[name] = { movedSlots: movedSlots(known, slots), slots: slots.length }
  }
  const changed = (name: string) => before.services.get(name) !== next.services.get(name)
  return {
    services: {
      added: names.filter((name) => !before.services.has(name)),
      changed: names.filter((name) => before.services.has(name) && changed(name)),
      removed: [...before.services.keys()].filter((name) => !next.services.has(name)),
    },
    pools,
  }
}

/** Of tables of two sizes no slot is the same. */
function movedSlots(before: Uint16Array | undefined, slots: Uint16Array): number {
  if (before?.length !== slots.length) return slots.length
  return slots.reduce((sum, index, i) => sum + Number(index !== before[i]), 0)
}
