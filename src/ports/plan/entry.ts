import { nearest } from '../../errors/nearest.js'
import { planEntry, planRange } from '../../errors.js'
import { type PortRange, portsIn } from '../port-range.js'
import { isList, isTable, type Located, type LocatedTable, shown } from './located.js'
import { maskRuns, readMask } from './port-mask.js'
import type { PlannedEntry, PortPlanEntry } from './types.js'

const OURS = ['regions', 'nodes', 'port_start', 'port_end', 'port_mask', 'per_node'] as const
/** What Fly itself reads in an entry (https://fly.io/docs/reference/configuration/, "services.ports"). */
const FLYS = [
  ...['port', 'start_port', 'end_port', 'handlers', 'force_https'],
  ...['tls_options', 'http_options', 'proxy_proto_options'],
]
const KNOWN: readonly string[] = [...OURS, 'protocol', ...FLYS]
const LAST_PORT = 65535
const HEAVIEST = 65535
const LONGEST_NAME = 255
/** Control characters, separators of lines, halves of surrogate pairs: no name that a configuration file could hold. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u

/** Whether a table has a key of a plan, so that it must be an entry of one. */
export function isOurs(table: LocatedTable): boolean {
  return OURS.some((key) => table.has(key))
}

/**
 * One entry; undefined when it is none of a plan for UDP.
 *
 * @param protocol of its service
 * @throws PortPlanError ERR_PORT_PLAN_ENTRY, ERR_PORT_PLAN_RANGE
 */
export function readEntry(
  index: number,
  where: string,
  table: LocatedTable,
  protocol: Located | undefined,
): PlannedEntry | undefined {
  if (isTcp(table.get('protocol') ?? protocol)) return undefined
  const ours = isOurs(table)
  for (const [key, at] of table) {
    if (KNOWN.includes(key)) continue
    const meant = nearest(key, OURS)
    if (meant !== undefined) throw planEntry(at.where, `unknown key "${key}"`, `Did you mean "${meant}"?`)
    if (ours) throw planEntry(at.where, `unknown key "${key}"`, `Keys of a plan: ${OURS.join(', ')}, protocol`)
  }
  if (!ours) return undefined
  refuseOtherProtocol(table.get('protocol') ?? protocol)
  const owner = readOwner(where, table)
  const range = readRange(where, table)
  const perNode = readPerNode(table, owner)
  const definition: PortPlanEntry = { ...owner, protocol: 'udp', ...range, ...(perNode && { per_node: perNode }) }
  const size = rangesOf(definition).reduce((sum, run) => sum + portsIn(run), 0)
  return Object.freeze({ index, where, size, definition: Object.freeze(definition) })
}

/** The runs of ports of an entry that has been read. */
export function rangesOf({ port_start, port_end, port_mask }: Readonly<PortPlanEntry>): PortRange[] {
  return port_mask === undefined ? [[Number(port_start), Number(port_end)]] : maskRuns(port_mask as bigint)
}

function isTcp(protocol: Located | undefined): boolean {
  return typeof protocol?.value === 'string' && protocol.value.toLowerCase() === 'tcp'
}

function refuseOtherProtocol(protocol: Located | undefined): void {
  if (protocol === undefined) return
  const { where, value } = protocol
  if (typeof value === 'string' && value.toLowerCase() === 'udp') return
  throw planEntry(where, `protocol ${shown(value)} is neither "udp" nor "tcp"`, 'A plan is for UDP: leave it out')
}

function readOwner(where: string, table: LocatedTable): { regions: readonly string[] } | { nodes: readonly string[] } {
  const regions = table.get('regions')
  const nodes = table.get('nodes')
  if (regions !== undefined && nodes !== undefined) {
    throw planEntry(where, 'the entry has both regions and nodes', 'Keep one of them; per_node divides a region')
  }
  if (regions !== undefined) return { regions: readNames('regions', regions) }
  if (nodes !== undefined) return { nodes: readNames('nodes', nodes) }
  throw planEntry(where, 'the entry has ports and no owner', 'Add regions = ["…"] or nodes = ["…"]')
}

function readRange(where: string, table: LocatedTable): Partial<PortPlanEntry> {
  const [start, end, mask] = [table.get('port_start'), table.get('port_end'), table.get('port_mask')]
  if (mask !== undefined) {
    if (start !== undefined || end !== undefined) {
      throw planEntry(where, 'the entry has both port_mask and port_start or port_end', 'Keep one of the two forms')
    }
    return { port_mask: readMask(mask) }
  }
  if (start === undefined && end === undefined) {
    const flys = table.has('start_port') || table.has('end_port') || table.has('port')
    const hint = flys ? '; port, start_port and end_port are read by Fly alone' : ''
    throw planEntry(where, 'the entry has an owner and no ports', `Add port_start and port_end, or port_mask${hint}`)
  }
  if (start === undefined) throw planEntry(where, 'the entry has port_end and no port_start', 'Add port_start')
  if (end === undefined) {
    throw planEntry(
      where,
      'the entry has port_start and no port_end',
      'Add port_end, the last port; for one port the same',
    )
  }
  const first = readPort('port_start', start)
  const last = readPort('port_end', end)
  if (first > last) {
    throw planRange(end.where, `port_end ${last} is below port_start ${first}`, 'Exchange the two')
  }
  return { port_start: first, port_end: last }
}

function readPort(key: string, { where, value }: Located): number {
  const port = typeof value === 'bigint' ? Number(value) : value
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= LAST_PORT) return port
  throw planRange(where, `${key} ${shown(value)} is no port`, `Write an integer from 0 to ${LAST_PORT}`)
}

function readNames(key: string, { where, value }: Located): readonly string[] {
  if (!isList(value) || value.length === 0) {
    throw planEntry(where, `${key} is no list of names`, `Write ${key} = ["…"]`)
  }
  const names = value.map((item) => readName(key, item.where, item.value))
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw planEntry(where, `${key} has "${twice}" twice`, 'Leave one out')
  return Object.freeze(names)
}

function readName(key: string, where: string, name: unknown): string {
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= LONGEST_NAME && !UNPRINTABLE.test(name)) {
    return name
  }
  const remedy = `Names are text of 1 to ${LONGEST_NAME} bytes on one line`
  throw planEntry(where, `${key} has ${shown(name)}, which is no name`, remedy)
}

function readPerNode(table: LocatedTable, owner: Partial<PortPlanEntry>): PortPlanEntry['per_node'] {
  const perNode = table.get('per_node')
  if (perNode === undefined) return undefined
  const { where, value } = perNode
  if (owner.regions?.length !== 1) {
    throw planEntry(where, 'per_node divides the range of exactly one region', 'Write regions with one name')
  }
  if (!isTable(value)) return readNames('per_node', perNode)
  if (value.size === 0) throw planEntry(where, 'per_node has no nodes', 'Write per_node = ["…"], or a weight for each')
  const weights = [...value].map(([name, weight]) => {
    const node = readName('per_node', weight.where, name)
    return [node, readWeight(node, weight)] as const
  })
  return Object.freeze(Object.fromEntries(weights.sort(([a], [b]) => (a < b ? -1 : 1))))
}

function readWeight(node: string, { where, value }: Located): number {
  const weight = typeof value === 'bigint' ? Number(value) : value
  if (typeof weight === 'number' && Number.isInteger(weight) && weight >= 1 && weight <= HEAVIEST) return weight
  throw planEntry(where, `the weight ${shown(value)} of "${node}" is none`, `Write an integer from 1 to ${HEAVIEST}`)
}
