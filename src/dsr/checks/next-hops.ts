import { setTimeout as sleep } from 'node:timers/promises'
import { thread } from '../../internal/thread.js'
import type { Address } from '../address.js'
import { error, type Outcome, unknown } from '../finding.js'
import { wayTo } from '../host/routing.js'
import { clientOf, type Situation } from '../options.js'
import type { Check } from './check.js'

/** States of a neighbour in which its Ethernet address is good (NUD_VALID, linux/neighbour.h). */
const VALID = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80
const FAILED = 0x20
/** The kernel asks three times, a second apart (ip-sysctl, mcast_solicit); most answer the first. */
const PATIENCE_MS = 1500
const PAUSE_MS = 20
const ETHERNET = 1

/** The edge needs the Ethernet address of each backend or of the router to it, and a backend that of its router. */
export const nextHops: Check = {
  id: 'next-hops',
  title: 'all next hops answer',
  applies: () => true,
  look: async (situation) => (await Promise.all(targets(situation).map(ask))).flat(),
}

interface Target {
  address: Address
  what: string
}

function targets(situation: Situation): Target[] {
  const { role, backends, edges, vips } = situation
  const some = new Set(vips.map((vip) => clientOf(situation, vip)).filter((client) => client !== undefined))
  if (role === 'edge') return backends.map((address) => ({ address, what: `the backend ${address.text}` }))
  return [
    ...[...some].map((address) => ({ address, what: `clients as ${address.text}` })),
    ...edges.map((address) => ({ address, what: `the edge ${address.text}` })),
  ]
}

async function ask({ address, what }: Target): Promise<Outcome[]> {
  const { netlink } = thread().addon
  const way = wayTo(address)
  if (way.kind === 'local') return []
  if (way.kind === 'none') {
    // For clients, the check of the return route says it.
    if (what.startsWith('clients')) return []
    return [
      error(`There is no route to ${what}`, `The routing tables say "${way.reason}".`, `ip route get ${address.text}`),
    ]
  }
  const link = netlink.link(way.ifindex)
  // Tunnels and point-to-point links have no neighbours.
  if (typeof link === 'number' || link.type !== ETHERNET) return []
  const hop = way.gateway ?? address
  // Without CAP_NET_ADMIN the kernel is not asked to find it out, and only what it knows already can be said.
  const asking = netlink.askNeighbour(way.ifindex, hop.bytes) === 0
  for (let waited = 0; ; waited += PAUSE_MS) {
    const neighbour = netlink.neighbour(way.ifindex, hop.bytes)
    if (typeof neighbour !== 'number' && (neighbour.state & VALID) !== 0) return []
    if (!asking && (typeof neighbour === 'number' || neighbour.state !== FAILED)) return [notAsked(way.interface, hop)]
    if (!asking || waited >= PATIENCE_MS) break
    await sleep(PAUSE_MS)
  }
  const asked = address.version === 4 ? 'ARP' : 'neighbour solicitations'
  const who = way.gateway === undefined ? what : `the router to ${what}, ${hop.text}`
  return [
    error(
      `Nobody on ${way.interface} answers for ${who}`,
      `${hop.text} did not answer ${asked} on ${way.interface}${asking ? ` within ${PATIENCE_MS} ms` : ''}.`,
      `ip neighbour show dev ${way.interface}  # is the host up, on this segment, and is the address right?`,
    ),
  ]
}

function notAsked(name: string, hop: Address): Outcome {
  const detail = `The neighbour table has no answer of ${hop.text} on ${name}, and this process may not ask.`
  return unknown(
    `Could not see whether ${hop.text} answers on ${name}`,
    detail,
    '# run the check again as root, or ping it first',
  )
}
