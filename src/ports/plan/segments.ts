import type { PortRange } from '../port-range.js'
import type { PlanBlock, PlanOwner } from './types.js'

/** How many ports there are, port 0 included. */
export const PORTS = 65536

/** A longest run of ports with one owner; undefined is the default. */
export interface Segment {
  readonly range: PortRange
  readonly owner: PlanOwner | undefined
}

/** The longest runs over which `same` holds, in order. */
export function runsOf(same: (port: number, before: number) => boolean): PortRange[] {
  const runs: PortRange[] = []
  let from = 0
  for (let port = 1; port <= PORTS; port++) {
    if (port < PORTS && same(port, port - 1)) continue
    runs.push([from, port - 1])
    from = port
  }
  return runs
}

/** The fewest aligned power-of-two blocks that make up the owned segments. */
export function blocksOf(segments: readonly Segment[]): PlanBlock[] {
  const blocks: PlanBlock[] = []
  for (const { range, owner } of segments) {
    if (owner === undefined) continue
    for (let start = range[0]; start <= range[1]; ) {
      let length = 1
      // Twice as long as long as it stays aligned and within: taking the largest each time leaves the fewest.
      while (start % (length * 2) === 0 && start + length * 2 - 1 <= range[1]) length *= 2
      blocks.push(Object.freeze({ start, length, owner }))
      start += length
    }
  }
  return blocks
}
