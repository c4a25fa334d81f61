import { getSystemErrorName } from 'node:util'
import { thread } from '../../internal/thread.js'
import { type Address, addressOf } from '../address.js'

/** Types of routes (RTN_…, rtnetlink(7)). */
const UNICAST = 1
const LOCAL = 2
const REFUSALS: Record<number, string> = { 6: 'blackhole', 7: 'unreachable', 8: 'prohibit' }

/** What the kernel does with a packet. */
export type Way =
  | { kind: 'unicast'; ifindex: number; interface: string; gateway: Address | undefined; source: Address | undefined }
  | { kind: 'local' }
  /** `reason`: the name of an errno, as `ENETUNREACH`, or the type of the route, as `blackhole`. */
  | { kind: 'none'; reason: string }

/** The way of a packet that this host sends. @param from its source; without one the kernel takes the route's */
export function wayTo(address: Address, from?: Address): Way {
  return way(address, from)
}

/** The way of a packet that comes in; none when the reverse path filter drops it, or because of its source. */
export function wayOfArrival(address: Address, from: Address, ifindex: number): Way {
  return way(address, from, ifindex)
}

/** Whether the host takes packets to an address for itself. */
export function isLocal(address: Address): boolean {
  return wayTo(address).kind === 'local'
}

function way(address: Address, from: Address | undefined, ifindex?: number): Way {
  const { netlink, interfaceName } = thread().addon
  const route = netlink.route(address.bytes, from?.bytes, ifindex)
  if (typeof route === 'number') return { kind: 'none', reason: getSystemErrorName(route) }
  if (route.type === LOCAL) return { kind: 'local' }
  if (route.type !== UNICAST || route.ifindex === undefined) {
    return { kind: 'none', reason: REFUSALS[route.type] ?? `a route of type ${route.type}` }
  }
  return {
    kind: 'unicast',
    ifindex: route.ifindex,
    interface: interfaceName(route.ifindex),
    gateway: route.gateway && addressOf(route.gateway),
    source: route.source && addressOf(route.source),
  }
}

/** `via 10.0.0.1 dev eth0`, as ip-route(8) says it. */
export function wayText(way: Way): string {
  if (way.kind === 'local') return 'local'
  if (way.kind === 'none') return way.reason
  return `${way.gateway ? `via ${way.gateway.text} ` : ''}dev ${way.interface}`
}
