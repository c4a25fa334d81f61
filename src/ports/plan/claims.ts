import type { PortRange } from '../port-range.js'
import { rangesOf } from './entry.js'
import { divide } from './shares.js'
import type { PlannedEntry, PlanOwner, PortOwner } from './types.js'

/** One run of ports that an entry gives to an owner. */
export interface Claim {
  readonly range: PortRange
  readonly owner: PortOwner
  /** The same text for the same owner. */
  readonly key: string
}

/**
 * What the entries claim, each divided among its nodes where it says so.
 *
 * @throws PortPlanError ERR_PORT_PLAN_SHARES
 */
export function claimsOf(entries: readonly PlannedEntry[]): Claim[] {
  return entries.flatMap((entry) => {
    const { regions = [], nodes = [], per_node: perNode } = entry.definition
    const ranges = rangesOf(entry.definition)
    if (perNode === undefined) return claim(entry, regions, nodes, ranges)
    return divide(entry.where, ranges, perNode).flatMap((share) => claim(entry, regions, [share.node], share.ranges))
  })
}

function claim(
  entry: PlannedEntry,
  regions: readonly string[],
  nodes: readonly string[],
  ranges: readonly PortRange[],
): Claim[] {
  const owner = Object.freeze({
    regions: Object.freeze([...regions].sort()),
    nodes: Object.freeze([...nodes].sort()),
    entry,
  })
  const key = ownerKey(owner)
  return ranges.map((range) => ({ range, owner, key }))
}

/** The same text for the same owner, by whichever entry. */
export function ownerKey({ regions, nodes }: PlanOwner): string {
  return JSON.stringify([regions, nodes])
}

/** An owner as the plan writes it. */
export function ownerText({ regions, nodes }: PlanOwner): string {
  const list = (names: readonly string[]) => `[${names.map((name) => JSON.stringify(name)).join(', ')}]`
  if (regions.length === 0) return `nodes ${list(nodes)}`
  return nodes.length === 0
    ? `regions ${list(regions)}`
    : `node ${JSON.stringify(nodes[0])} of regions ${list(regions)}`
}
