import { interfaceByName } from '../../bpf/index.js'
import type { Address } from '../address.js'
import { type Outcome, warning } from '../finding.js'
import { wayTo } from '../host/routing.js'
import type { Delivery, Situation } from '../options.js'
import type { Check } from './check.js'

/** Bytes of IP packet that Ethernet takes. */
const ETHERNET = 1500
const IPV4_HEADER = 20
const IPV6_HEADER = 40
/** UDP's header (RFC 768). Variant 1 of GUE has none of its own (draft-ietf-intarea-gue-09 §4). */
const GUE = 8
/** A PROXY header of version 2 with the addresses of either version, without TLVs. */
const PROXY_IPV4 = 28
const PROXY_IPV6 = 52

/** What the delivery adds must fit into the MTU between edge and backend, beside the largest packet of a client. */
export const pathMtu: Check = {
  id: 'path-mtu',
  title: 'the largest packets of clients fit on the way between edge and backend',
  applies: ({ interface: on }) => on !== undefined,
  look: (situation) => {
    const { delivery } = situation
    const clientMtu = situation.clientMtu ?? usualClients(situation)
    const needed = clientMtu + overhead(situation)
    return ways(situation)
      .filter(({ mtu }) => mtu < needed)
      .map(({ mtu, name, where }): Outcome => {
        const added = needed - clientMtu
        return warning(
          `Packets of clients that have more than ${mtu - added} bytes do not get from the edge to the backend`,
          `${where}. Clients send up to ${clientMtu} bytes, and ${delivery} adds ${added}: ${needed}. Those that are too big are refused, and few ` +
            'programs over UDP follow that.',
          name === undefined ? `# raise the MTU of the way to ${needed}` : `ip link set dev ${name} mtu ${needed}`,
        )
      })
  },
}

/** What comes in on the edge's interface fits it, as does what comes to a backend as it is; behind a tunnel nothing is known. */
function usualClients({ role, delivery, interface: on }: Situation): number {
  return role === 'edge' || delivery === 'l2' ? Math.min(ETHERNET, on!.mtu) : ETHERNET
}

/** Bytes that the delivery adds at most, by the versions of the outer and of the inner addresses. */
function overhead({ delivery, vips, edges, backends }: Situation): number {
  const outer = [...edges, ...backends]
  const outerHeader = outer.some(isIPv6) ? IPV6_HEADER : IPV4_HEADER
  const [innerHeader, proxy] = vips.some(isIPv6) ? [IPV6_HEADER, PROXY_IPV6] : [IPV4_HEADER, PROXY_IPV4]
  const added: Record<Delivery, number> = {
    l2: 0,
    ipip: outerHeader,
    gue: outerHeader + GUE,
    // The outer header stands in the place of the client's.
    proxy: proxy + outerHeader - innerHeader,
  }
  return added[delivery]
}

function isIPv6({ version }: Address): boolean {
  return version === 6
}

interface Stretch {
  mtu: number
  /** Of the interface; undefined when the MTU was named. */
  name: string | undefined
  where: string
}

function ways({ mtu, role, backends, interface: on }: Situation): Stretch[] {
  if (mtu !== undefined) return [{ mtu, name: undefined, where: `The MTU that was named is ${mtu}` }]
  const names = role === 'edge' ? backends.map(interfaceTo) : []
  const used = new Set([on!.name, ...names.filter((name) => name !== undefined)])
  return [...used].map((name) => {
    const { mtu: its } = interfaceByName(name)
    return { mtu: its, name, where: `${name} has MTU ${its}` }
  })
}

function interfaceTo(backend: Address): string | undefined {
  const way = wayTo(backend)
  return way.kind === 'unicast' ? way.interface : undefined
}
