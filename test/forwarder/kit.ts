import type { edgeObject, LoadedObject } from '../../src/bpf/index.js'
import type { Hop } from '../../src/forwarder/hop.js'
import * as wire from '../bpf/packet.js'

/** How every backend is reached. */
export const HOP: Hop = {
  ifindex: 0,
  mtu: 1500,
  source: undefined,
  nextHop: new Uint8Array(6).fill(2),
  sourceMac: new Uint8Array(6).fill(4),
}

/** What the program does with a datagram from a client to a VIP. Backends are behind IPIP over IPv4. */
export function ask(
  { programs }: LoadedObject<typeof edgeObject>,
  [client, clientPort]: readonly [string, number],
  [vip, port]: readonly [string, number],
  payload: Uint8Array = new Uint8Array(20),
): { verdict: number; backend: string } {
  const ends = { source: client, destination: vip }
  const datagram = wire.udp(payload, { ...ends, sourcePort: clientPort, destinationPort: port })
  const { verdict, data } = programs.edge.testRun({ data: wire.ethernet(wire.ip(datagram, ends)) })
  return { verdict, backend: data.slice(14 + 16, 14 + 20).join('.') }
}
