import { error, type Outcome, warning } from '../finding.js'
import { largerOfAll } from '../host/files.js'
import { isLocal, wayText, wayTo } from '../host/routing.js'
import { tunnelDevices } from '../host/tunnels.js'
import type { Check } from './check.js'
import { arrivalOf, isUndoneByXdp } from './packets.js'

/** `rp_filter`: 2 is loose, and wants a route back through any interface. */
const OFF = 0
const STRICT = 1

/**
 * What the kernel says of a client's packet that comes in, by a question to its routing tables: the reverse path filter
 * (`rp_filter`, RFC 3704) wants the route back through the same interface, and an own address is no client's. The kernel's answer is the same
 * for both since Linux 6.13 (EINVAL), before that EXDEV for the filter.
 */
export const reversePath: Check = {
  id: 'reverse-path',
  title: "clients' packets pass the reverse path filter",
  applies: ({ role, delivery, interface: on }) => role === 'backend' && delivery !== 'proxy' && on !== undefined,
  look: (situation) => {
    const name = situation.interface!.name
    const found = situation.vips.filter(isLocal).flatMap((vip): Outcome[] => {
      const arrival = arrivalOf(situation, vip)
      if (arrival === undefined || arrival.way.kind !== 'none') return []
      const { client, way } = arrival
      const filter = largerOfAll(name, 'rp_filter')
      const back = `The route back to ${client.text} is "${wayText(wayTo(client))}"`
      if (isLocal(client)) {
        return [
          warning(
            `Packets from ${client.text} are dropped: it is an address of this host itself`,
            `The kernel takes a packet from an own address for forged. ${client.text} is one of the clients that were named.`,
            `sysctl -w net.ipv4.conf.${name}.accept_local=1`,
          ),
        ]
      }
      if (filter === undefined || filter.value === OFF) {
        const seen = `Asked for a packet from ${client.text} that comes in on ${name}, the routing tables say "${way.reason}". ${back}.`
        return [error(`The kernel drops clients' packets for ${vip.text}`, seen)]
      }
      return [
        error(
          `The reverse path filter of ${name} drops clients' packets for ${vip.text}`,
          `${filter.where}. ${back}, and packets come in on ${name}.`,
          `sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.${name}.rp_filter=0`,
        ),
      ]
    })
    const tunnelled = (situation.delivery === 'ipip' || situation.delivery === 'gue') && !isUndoneByXdp(situation)
    return tunnelled ? [...found, ...tunnelDevices().flatMap(tunnelFilter)] : found
  },
}

/** Nobody's route leads through a device that only takes packets out of tunnels. */
function tunnelFilter(device: string): Outcome[] {
  const filter = largerOfAll(device, 'rp_filter')
  if (filter?.value !== STRICT) return []
  return [
    error(
      `The reverse path filter of ${device} drops what comes out of tunnels`,
      `${filter.where}. The routes to clients do not leave through ${device}.`,
      `sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.${device}.rp_filter=0`,
    ),
  ]
}
