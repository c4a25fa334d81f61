import { addressesOf } from '../../bpf/index.js'
import { GUE_PORT } from '../../net/gue.js'
import { type Address, addressOf } from '../address.js'
import { wayOfArrival, wayTo } from '../host/routing.js'
import { tunnelDevices } from '../host/tunnels.js'
import { xdpProgramOf } from '../host/xdp.js'
import type { Packet } from '../netfilter/packet.js'
import { clientOf, type Situation } from '../options.js'
import { isOurs } from './data-plane.js'

const IPV4_IN_IP = 4
const UDP = 17
const IPV6_IN_IP = 41

/** Whether `Backend` undoes tunnels on the interface, before netfilter and routing see them. */
export function isUndoneByXdp({ interface: on }: Situation): boolean {
  return on !== undefined && isOurs('backend', xdpProgramOf(on.ifindex)?.name)
}

/** Requests as the network stack of a backend sees them come in. */
export function arrivals(situation: Situation): Packet[] {
  const { delivery, edges, vips, ports, interface: on } = situation
  const tunnelled = (delivery === 'ipip' || delivery === 'gue') && !isUndoneByXdp(situation)
  const base = { sourcePort: undefined, in: on?.name, out: undefined, state: 'new', toHost: true } as const
  const requests = vips.flatMap((vip) =>
    ports.map((port): Packet => {
      const to = {
        ...base,
        version: vip.version,
        protocol: UDP,
        source: undefined,
        destination: vip,
        destinationPort: port,
      }
      // What a tunnel device of the kernel has undone comes in on that.
      const device = tunnelled ? (tunnelDevices()[0] ?? on?.name) : on?.name
      return { ...to, in: device, returns: returns(situation, vip) }
    }),
  )
  if (delivery === 'l2') return requests
  const own = ownAddresses(situation)
  const outer = own.flatMap((address) =>
    edges
      .filter(({ version }) => version === address.version)
      .map(
        (edge): Packet => ({
          ...{ ...base, version: edge.version, protocol: UDP, source: edge, destination: address },
          ...{ destinationPort: undefined, returns: returnsTo(edge, on?.ifindex) },
        }),
      ),
  )
  if (delivery === 'proxy') {
    return outer.flatMap((packet) => ports.map((port) => ({ ...packet, destinationPort: port })))
  }
  if (!tunnelled) return requests
  if (delivery === 'gue') return [...requests, ...outer.map((packet) => ({ ...packet, destinationPort: GUE_PORT }))]
  const inner = new Set(vips.map(({ version }) => (version === 4 ? IPV4_IN_IP : IPV6_IN_IP)))
  return [...requests, ...outer.flatMap((packet) => [...inner].map((protocol) => ({ ...packet, protocol })))]
}

/** Replies to clients, as the network stack sends them. @param state what connection tracking takes them for */
export function replies(situation: Situation, state: Packet['state']): Packet[] {
  const { vips, ports, interface: on } = situation
  return vips.flatMap((vip) => {
    const client = clientOf(situation, vip)
    const way = client && wayTo(client, vip)
    const out = way?.kind === 'unicast' ? way.interface : on?.name
    return ports.map(
      (port): Packet => ({
        ...{ version: vip.version, protocol: UDP, source: vip, destination: undefined, sourcePort: port },
        ...{ destinationPort: undefined, in: undefined, out, state, toHost: false, returns: undefined },
      }),
    )
  })
}

/** The interface's addresses, without those that are VIPs. */
function ownAddresses({ interface: on, vips }: Situation): Address[] {
  if (on === undefined) return []
  const own = addressesOf(on.ifindex).map(addressOf)
  return own.filter(({ text }) => !text.startsWith('fe80:') && !vips.some((vip) => vip.text === text))
}

function returns(situation: Situation, vip: Address): boolean | undefined {
  const client = clientOf(situation, vip)
  return client && returnsTo(client, situation.interface?.ifindex)
}

function returnsTo(address: Address, ifindex: number | undefined): boolean | undefined {
  if (ifindex === undefined) return undefined
  const way = wayTo(address)
  return way.kind === 'unicast' && way.ifindex === ifindex
}

/** What the kernel says of a client's packet to a VIP; undefined without an interface or a client of that version. */
export function arrivalOf(situation: Situation, vip: Address) {
  const { interface: on } = situation
  const client = clientOf(situation, vip)
  return client && on && { client, way: wayOfArrival(vip, client, on.ifindex) }
}
