import { planShares } from '../../errors.js'
import { type PortRange, portsIn } from '../port-range.js'
import type { PortPlanEntry } from './types.js'

/** A node's part of a range. */
export interface Share {
  node: string
  ranges: PortRange[]
}

/**
 * Divides ports among nodes by weight, in order and with nothing left over: each gets one run of them, or, where the
 * ranges have gaps, what lies in its part. Shares begin on even ports, so that an RTP port and the RTCP port above it
 * (RFC 3550 §11) belong to the same node, unless there are too few ports for that.
 *
 * @throws PortPlanError ERR_PORT_PLAN_SHARES
 */
export function divide(
  where: string,
  ranges: readonly PortRange[],
  perNode: NonNullable<PortPlanEntry['per_node']>,
): Share[] {
  const weights = isNames(perNode) ? perNode.map((node) => [node, 1] as const) : sortedWeights(perNode)
  const ports = ranges.reduce((sum, range) => sum + portsIn(range), 0)
  const counts = inPairs(ranges, ports, weights) ?? apportion(ports, weights)
  const without = counts.indexOf(0)
  if (without >= 0) throw planShares(where, ports, counts.length, (weights[without] as readonly [string, number])[0])
  let from = 0
  return weights.map(([node], i) => {
    const count = counts[i] as number
    const share = { node, ranges: slice(ranges, from, count) }
    from += count
    return share
  })
}

function isNames(perNode: NonNullable<PortPlanEntry['per_node']>): perNode is readonly string[] {
  return Array.isArray(perNode)
}

function sortedWeights(perNode: Readonly<Record<string, number | bigint>>): (readonly [string, number])[] {
  // Object.entries puts keys that look like integers first.
  return Object.entries(perNode)
    .map(([node, weight]) => [node, Number(weight)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Ports for each when shares begin on even ports; undefined when somebody would get none so. */
function inPairs(
  ranges: readonly PortRange[],
  ports: number,
  weights: readonly (readonly [string, number])[],
): number[] | undefined {
  // Only a range can begin on an odd port or end on an even one, and it has no gaps: blocks of a mask are even throughout.
  const [first] = ranges[0] as PortRange
  const odd = first % 2
  const pairs = apportion(Math.ceil((ports - odd) / 2), weights)
  if (pairs.includes(0)) return undefined
  const counts = pairs.map((count) => count * 2)
  counts[0] = (counts[0] as number) + odd
  const beyond = counts.reduce((sum, count) => sum + count) - ports
  counts[counts.length - 1] = (counts.at(-1) as number) - beyond
  return counts
}

/** Largest remainders (Hamilton's method); who comes first wins where they are equal. */
function apportion(total: number, weights: readonly (readonly [string, number])[]): number[] {
  const sum = weights.reduce((all, [, weight]) => all + weight, 0)
  const counts = weights.map(([, weight]) => Math.floor((total * weight) / sum))
  const remainders = weights.map(([, weight], i) => [i, (total * weight) % sum] as const)
  const left = total - counts.reduce((all, count) => all + count, 0)
  remainders.sort(([i, a], [j, b]) => b - a || i - j)
  for (const [i] of remainders.slice(0, left)) counts[i] = (counts[i] as number) + 1
  return counts
}

/** `count` ports of the ranges after the first `from` of them. */
function slice(ranges: readonly PortRange[], from: number, count: number): PortRange[] {
  const parts: PortRange[] = []
  let before = 0
  for (const range of ranges) {
    const low = Math.max(from, before)
    const high = Math.min(from + count, before + portsIn(range))
    if (low < high) parts.push([range[0] + low - before, range[0] + high - 1 - before])
    before += portsIn(range)
  }
  return parts
}
