import { createHash } from 'node:crypto'

/**
 * Which of a pool's backends stay in service though they are down: a share of all of them is never taken out, and never the last
 * one. Where more than that fail, checks or network are the likelier fault. Those that stay are the same on every edge with the same
 * findings.
 *
 * @param floor share of all, 0 – 1
 * @returns IDs
 */
export function keptInService(all: readonly string[], down: ReadonlySet<string>, floor: number): ReadonlySet<string> {
  const up = all.filter((id) => !down.has(id)).length
  const least = Math.max(1, Math.ceil(floor * all.length - 1e-9))
  if (up >= least) return new Set()
  const order = all
    .filter((id) => down.has(id))
    .map((id) => [createHash('sha256').update(id).digest('hex'), id] as const)
  order.sort(([a], [b]) => (a < b ? -1 : 1))
  return new Set(order.slice(0, least - up).map(([, id]) => id))
}
