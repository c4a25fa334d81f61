import { type Address, inNetwork, sameAddress } from '../address.js'
import { error, type Outcome, warning } from '../finding.js'
import { largerOfAll } from '../host/files.js'
import { type InterfaceAddress, interfaceAddresses } from '../host/interface-addresses.js'
import { isLocal } from '../host/routing.js'
import type { Situation } from '../options.js'
import type { Check } from './check.js'

/** `arp_ignore`: answer only for addresses of the interface itself. `arp_announce`: never ask in the name of another one. */
const OWN_ONLY = 1
const BEST_SOURCE = 2

/**
 * Edge and backends of a segment have the same VIP, and only the edge may answer for it. Linux answers ARP for every local
 * address on every interface, those of `local` routes too (arp_process, net/ipv4/arp.c); NDP only for an interface's own
 * (ndisc_recv_ns, net/ipv6/ndisc.c).
 */
export const vipAnnounced: Check = {
  id: 'vip-announced',
  title: 'this backend does not claim the VIPs on the segment that it shares with the edge',
  applies: ({ role, delivery, interface: on }) => role === 'backend' && delivery === 'l2' && on !== undefined,
  look: (situation) => {
    const all = interfaceAddresses()
    return situation.vips.filter(isLocal).flatMap((vip) => claims(situation, vip, all))
  },
}

function claims({ interface: on }: Situation, vip: Address, all: readonly InterfaceAddress[]): Outcome[] {
  const name = on!.name
  const here = all.filter(({ interface: its, address }) => its === name && address.version === vip.version)
  const assigned = here.find(({ address }) => sameAddress(address, vip))
  const network = here.find(({ address, bits }) => !sameAddress(address, vip) && inNetwork(vip, address, bits))
  if (assigned !== undefined) {
    const move = `ip address del ${vip.text}/${assigned.bits} dev ${name} && ip route add local ${vip.text} dev lo`
    const seen = `${name} has the address ${vip.text}/${assigned.bits}, so this host answers ${resolution(vip)} for it there`
    if (network === undefined) {
      return [
        warning(`The VIP ${vip.text} is an address of ${name}`, `${seen}, when somebody on the segment asks.`, move),
      ]
    }
    const where = `${network.address.text}/${network.bits} is the segment's network: everybody there asks for it.`
    return [error(`The VIP ${vip.text} is claimed on ${name}, past the edge`, `${seen}. ${where}`, move)]
  }
  if (vip.version === 6 || network === undefined) return []
  const ignore = largerOfAll(name, 'arp_ignore')
  const announce = largerOfAll(name, 'arp_announce')
  const where = `The VIP is in ${network.address.text}/${network.bits}, the network of ${name}: everybody there asks for it by ARP.`
  return [
    ...(ignore !== undefined && ignore.value < OWN_ONLY
      ? [
          error(
            `This host answers ARP for the VIP ${vip.text} on ${name}, past the edge`,
            `${ignore.where}. ${where}`,
            `sysctl -w net.ipv4.conf.${name}.arp_ignore=1`,
          ),
        ]
      : []),
    ...(announce !== undefined && announce.value < BEST_SOURCE
      ? [
          error(
            `This host's own ARP requests on ${name} claim the VIP ${vip.text}`,
            `${announce.where}. With less than 2 they carry the source of the packet that they are for, a reply's VIP. ${where}`,
            `sysctl -w net.ipv4.conf.${name}.arp_announce=2`,
          ),
        ]
      : []),
  ]
}

function resolution({ version }: Address): string {
  return version === 4 ? 'ARP' : 'neighbour solicitations'
}
