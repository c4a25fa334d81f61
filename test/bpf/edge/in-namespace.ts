// Packets that need routes: `routed.test.ts` runs this in a network namespace that is gone with it.
//
//   unshare --net node --import tsx test/bpf/edge/in-namespace.ts
//
// Prints what became of each case, as JSON: { name: { verdict, frame } }, and what was counted.
import { layouts } from '../../../src/bpf/index.js'
import * as wire from '../packet.js'
import { EDGE, EDGE6, makeNetwork } from './network.js'
import { LoadedEdge, type World } from './world.js'

const { BackendFlags, Reason, ServiceFlags } = layouts
const CLIENT = '203.0.113.2'
const CLIENT6 = '2001:db8:113::2'
const VIP = '198.51.100.2'
const VIP6 = '2001:db8:51::2'

const service = {
  ports: [53, 53] as const,
  affinity: 'client-ip-port' as const,
  pool: 0,
  flags: ServiceFlags.learnPorts,
}
const backend = { delivery: 'ipip' as const, address: '10.0.0.12', source: EDGE, flags: 0 }
const world: World = {
  secret: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
  services: [
    { vip: VIP, ...service },
    { vip: VIP6, ...service },
  ],
  pools: [[1]],
  backends: [{ ...backend, address: '10.0.0.11' }, backend],
  echo: [],
  settings: { fib: 1, returnPath: 1, learnedPorts: 1, flowSets: 64 },
  replies: {
    endpoints: [EDGE, EDGE6].map((address) => ({ address, guePort: 6080 })),
    sources: { '10.0.0.11': 0, '2001:db8:10::11': 0 },
  },
}

interface Reply {
  v6?: boolean
  ttl?: number
  tos?: number
  sourcePort?: number
  source?: string
  fragment?: number
}

/** What a backend answers. */
function reply({ v6 = false, ttl = 64, tos = 0, sourcePort = 53, source, fragment = 0 }: Reply = {}): Uint8Array {
  const ends = v6 ? { source: source ?? VIP6, destination: CLIENT6 } : { source: source ?? VIP, destination: CLIENT }
  const datagram = wire.udp(new Uint8Array(20), { ...ends, sourcePort, destinationPort: 40_695 })
  return wire.ip(datagram, { ...ends, ttl, tos, fragment })
}

interface Tunnel {
  source?: string
  destination?: string
  gue?: number
  tos?: number
}

/** In a tunnel from a backend to the edge. */
function tunnelled(packet: Uint8Array, { source = '10.0.0.11', destination = EDGE, gue, tos = 0 }: Tunnel = {}) {
  const ends = { source, destination, tos }
  if (gue) {
    const datagram = wire.udp(packet, { ...ends, sourcePort: 50_000, destinationPort: gue, checksum: false })
    return wire.ethernet(wire.ip(datagram, ends))
  }
  const protocol = packet[0]! >> 4 === 4 ? wire.IPIP : wire.IPV6
  return wire.ethernet(wire.ip(packet, { ...ends, protocol }))
}

function query(): Uint8Array {
  const ends = { source: CLIENT, destination: VIP }
  return wire.ethernet(
    wire.ip(wire.udp(new Uint8Array(20), { ...ends, sourcePort: 40_695, destinationPort: 53 }), ends),
  )
}

const six = { source: '2001:db8:10::11', destination: EDGE6 }
const cases: Record<string, Uint8Array> = {
  'ipip 4 in 4': tunnelled(reply()),
  'ipip 6 in 4': tunnelled(reply({ v6: true })),
  'ipip 4 in 6': tunnelled(reply(), six),
  'ipip 6 in 6': tunnelled(reply({ v6: true }), six),
  'gue 4 in 4': tunnelled(reply(), { gue: 6080 }),
  'gue 6 in 6': tunnelled(reply({ v6: true }), { ...six, gue: 6080 }),
  'a fragment': tunnelled(reply({ fragment: 185 })),
  'gue to another port': tunnelled(reply(), { gue: 6081 }),
  'to another address': tunnelled(reply(), { destination: '10.0.0.3' }),
  'from a stranger': tunnelled(reply(), { source: '10.0.0.66' }),
  'another source': tunnelled(reply({ source: '192.0.2.9' })),
  'a port of no service': tunnelled(reply({ sourcePort: 54 })),
  'no hop left': tunnelled(reply({ ttl: 1 })),
  'congestion is told': tunnelled(reply({ tos: 2 }), { tos: 3 }),
  'congestion cannot be told': tunnelled(reply(), { tos: 3 }),
}

makeNetwork()
const edge = new LoadedEdge(world)
const run = (frame: Uint8Array) => {
  const { verdict, data } = edge.run(frame)
  return { verdict, frame: Buffer.from(data).toString('hex') }
}
const beforeLearning = run(query())
const replies = Object.fromEntries(Object.entries(cases).map(([name, frame]) => [name, run(frame)]))
const afterLearning = run(query())
edge.fill({ ...world, backends: world.backends.map((one) => ({ ...one, flags: BackendFlags.fib })) })
const routed = run(query())
edge.fill({
  ...world,
  backends: [{ ...backend, address: '172.16.0.1', flags: BackendFlags.fib, epoch: 1 }],
  pools: [[0]],
})
const noRoute = run(query())
const counted = Object.fromEntries(
  (['returned', 'untrusted', 'notOurs', 'ttl', 'malformed', 'noRoute', 'passed'] as const).map((name) => [
    name,
    edge.count('reasonCounters', Reason[name]),
  ]),
)
edge.close()
console.log(JSON.stringify({ replies, beforeLearning, afterLearning, routed, noRoute, counted }))
