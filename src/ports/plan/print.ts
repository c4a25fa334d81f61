import { written } from './port-mask.js'
import type { PlannedEntry, PortPlanEntry } from './types.js'

const BARE = /^[A-Za-z0-9_-]+$/

/** The plan as TOML: the same keys in the same order for the same plan. */
export function print(entries: readonly PlannedEntry[]): string {
  return entries.map(({ definition }) => `[[services.ports]]\n${lines(definition).join('\n')}\n`).join('\n')
}

function lines(definition: Readonly<PortPlanEntry>): string[] {
  const { regions, nodes, port_start, port_end, port_mask, per_node } = definition
  return [
    regions === undefined ? `nodes = ${list(nodes ?? [])}` : `regions = ${list(regions)}`,
    'protocol = "udp"',
    ...(port_mask === undefined
      ? [`port_start = ${port_start}`, `port_end = ${port_end}`]
      : [`port_mask = ${written(port_mask as bigint)}`]),
    ...(per_node === undefined ? [] : [`per_node = ${shares(per_node)}`]),
  ]
}

function shares(perNode: NonNullable<PortPlanEntry['per_node']>): string {
  if (Array.isArray(perNode)) return list(perNode)
  const weights = Object.entries(perNode).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{ ${weights.map(([node, weight]) => `${BARE.test(node) ? node : JSON.stringify(node)} = ${weight}`).join(', ')} }`
}

/** JSON's escapes are TOML's too, for names that can be printed. */
function list(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(name)).join(', ')}]`
}
