import { planOwner } from '../../../errors.js'
import { type PortRange, portsIn } from '../../port-range.js'
import type { Named } from '../names.js'

/** What is to be said of a node's ports. */
export interface RenderInput {
  readonly named: Named
  /** Its ports, ascending. */
  readonly windows: readonly PortRange[]
  /** Ports that the plan gives to others alone. */
  readonly others: readonly PortRange[]
  /** Of a region, the nodes among which it is divided. */
  readonly nodes: readonly string[]
  /** Who else owns a window. */
  readonly sharedWith: (window: PortRange) => readonly string[]
}

/** One window and what a reader should know about it. */
export interface OneWindow {
  readonly low: number
  readonly high: number
  /** Lines for comments, without their signs. */
  readonly notes: readonly string[]
}

/** @throws PortPlanError ERR_PORT_PLAN_OWNER when it has no ports */
export function refuseEmpty({ named, windows }: RenderInput): void {
  if (windows.length > 0) return
  throw planOwner(
    named.name,
    'has no port: smaller ranges of others have taken all',
    'Give it a smaller range of its own',
  )
}

/**
 * The longest window, the lowest where several are equally long, for programs that take one range.
 *
 * @throws PortPlanError ERR_PORT_PLAN_OWNER when it has no ports, or when it is a region divided among nodes
 */
export function oneWindow(input: RenderInput): OneWindow {
  refuseEmpty(input)
  const { named, windows, nodes, sharedWith } = input
  if (nodes.length > 0) {
    throw planOwner(named.name, `is divided among ${nodes.join(', ')}`, 'Render for one of them')
  }
  const longest = windows.reduce((best, window) => (portsIn(window) > portsIn(best) ? window : best))
  const [low, high] = longest
  const others = windows.filter((window) => window !== longest)
  const sharers = sharedWith(longest)
  const kind = named.kind === 'region' ? 'Region' : 'Node'
  return {
    low,
    high,
    notes: [
      `${kind} ${named.name}: UDP ports ${span(longest)}.`,
      ...(others.length === 0 ? [] : [`It has more, which one range cannot say: ${others.map(span).join(', ')}.`]),
      ...(sharers.length === 0 ? [] : [`Shared with ${sharers.join(', ')}.`]),
      ...(named.kind === 'region' ? ['For one node: a second one needs ports of its own (per_node).'] : []),
    ],
  }
}

/** `10000-19999`, or one port alone. */
export function span([low, high]: PortRange): string {
  return low === high ? `${low}` : `${low}-${high}`
}

/** Lines as comments. */
export function comment(sign: string, notes: readonly string[]): string {
  return notes.map((note) => `${sign} ${note}\n`).join('')
}
