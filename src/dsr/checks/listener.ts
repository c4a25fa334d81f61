import { type Address, sameAddress } from '../address.js'
import { error, type Outcome, unknown } from '../finding.js'
import { type BoundSocket, udpSockets } from '../host/udp-sockets.js'
import type { Check } from './check.js'

/** A datagram for a port that no socket has is answered with an ICMP error, or, with a firewall, not at all. */
export const listener: Check = {
  id: 'listener',
  title: 'a program listens on each port, for each VIP',
  applies: ({ role, ports }) => role === 'backend' && ports.length > 0,
  look: ({ vips, ports }) => {
    const sockets = udpSockets()
    if (sockets === undefined) return [unknown('Could not see which programs listen', '/proc/net/udp cannot be read.')]
    return vips.flatMap((vip) => ports.flatMap((port) => heard(sockets, vip, port)))
  },
}

function heard(sockets: readonly BoundSocket[], vip: Address, port: number): Outcome[] {
  const there = sockets.filter((socket) => socket.port === port)
  if (there.some((socket) => !socket.connected && takes(socket, vip))) return []
  const bound = [...new Set(there.map(({ address }) => address.text))]
  const seen =
    bound.length === 0
      ? `No socket has UDP port ${port}`
      : `UDP port ${port} is bound to ${bound.join(', ')}${there.every(({ connected }) => connected) ? ', connected to one peer,' : ''} only`
  return [
    error(
      `Nobody listens on ${vip.text} port ${port}`,
      `${seen} (/proc/net/udp, udp6).`,
      `ss -ulpn 'sport = :${port}'  # start the program, or bind it to the wildcard address or to ${vip.text}`,
    ),
  ]
}

/** A socket of the IPv6 wildcard takes IPv4, too, unless its program said otherwise, which /proc does not tell. */
function takes({ address, wildcard }: BoundSocket, vip: Address): boolean {
  if (wildcard) return address.version === 6 || vip.version === 4
  return sameAddress(address, vip) || address.text === `::ffff:${vip.text}`
}
