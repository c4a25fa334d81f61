import { type PortRange, portsIn } from '../port-range.js'
import type { Segment } from './segments.js'
import type { PlanOwner } from './types.js'

/** A line of a legend: an owner, or the default, with all its ports. */
export interface LegendLine {
  readonly owner: PlanOwner | undefined
  /** `sea`, `sea-1 (sea)`, `sea, ord`; `default`. */
  readonly name: string
  readonly ports: number
  readonly ranges: readonly PortRange[]
}

/** Ranges that a line shows before it says how many more there are. */
const SHOWN = 3

/** The owners in the order of their first ports, and the default, when it has ports, at the end. */
export function legendOf(segments: readonly Segment[]): LegendLine[] {
  const ranges = new Map<PlanOwner | undefined, PortRange[]>()
  for (const { range, owner } of segments) {
    const known = ranges.get(owner)
    if (known === undefined) ranges.set(owner, [range])
    else known.push(range)
  }
  const lines = [...ranges].map(([owner, its]) => ({
    owner,
    name: nameOf(owner),
    ports: its.reduce((sum, range) => sum + portsIn(range), 0),
    ranges: its,
  }))
  return [...lines.filter(({ owner }) => owner !== undefined), ...lines.filter(({ owner }) => owner === undefined)]
}

/** `16,384 ports: 0–16383, 62464–65535`. */
export function legendText({ ports, ranges }: LegendLine): string {
  const shown = ranges.slice(0, SHOWN).map(([low, high]) => (low === high ? `${low}` : `${low}–${high}`))
  const more = ranges.length - shown.length
  const rest = more > 0 ? ` and ${more} more` : ''
  return `${ports.toLocaleString('en-US')} ${ports === 1 ? 'port' : 'ports'}: ${shown.join(', ')}${rest}`
}

function nameOf(owner: PlanOwner | undefined): string {
  if (owner === undefined) return 'default'
  const { regions, nodes } = owner
  if (nodes.length === 0) return regions.join(', ')
  return regions.length === 0 ? nodes.join(', ') : `${nodes.join(', ')} (${regions.join(', ')})`
}
