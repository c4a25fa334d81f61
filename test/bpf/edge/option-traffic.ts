/** Random frames that options are about: flows that come again, connection IDs, replies of backends. */
import * as wire from '../packet.js'
import { EDGE, EDGE6 } from './network.js'
import { GUE_PORT } from './option-worlds.js'
import type { Random } from './random.js'
import {
  type Flow,
  framed,
  isV6,
  randomDatagram,
  randomError,
  randomFlow,
  randomFragment,
  randomHeader,
  randomPacket,
} from './traffic.js'
import type { TestService, World } from './world.js'
import { VIPS } from './worlds.js'

/** A frame that is likely to meet an option. */
export function optionFrame(random: Random, world: World): Uint8Array {
  const service = random.of(world.services)
  const flow = random.chance(0.95) ? knownFlow(random, service) : randomFlow(random, world)
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      return framed(random, randomReply(random, world))
    case 3:
    case 4:
    case 5: {
      const quic = randomQuic(random, world, service)
      return framed(
        random,
        random.chance(0.9) ? randomDatagram(random, flow, quic) : randomFragment(random, flow, quic),
      )
    }
    case 6:
    case 7:
      return framed(random, randomError(random, flow, random.bytes(64)))
    default:
      return framed(random, randomPacket(random, flow))
  }
}

/** A flow of one of few clients to one of few ports, so that it was there before, and will be. */
function knownFlow(random: Random, { vip, ports }: TestService): Flow {
  return {
    vip,
    port: Math.min(ports[1], ports[0] + random.below(3)),
    client: `${isV6(vip) ? '2001:db8:113::' : '203.0.113.'}${1 + random.below(5)}`,
    clientPort: 40_000 + random.below(3),
  }
}

/** What begins like QUIC, mostly with a connection ID that names a server. */
function randomQuic(random: Random, world: World, { pool }: TestService): Uint8Array {
  const servers = world.quicServers!.filter((server) => server.pool === pool)
  const { config, id } = servers.length > 0 ? random.of(servers) : { config: 0, id: '00' }
  const known = random.chance(0.8)
  const rotation = known ? config : random.below(8)
  const name = random.chance(0.9) ? Buffer.from(id, 'hex') : random.bytes(1 + random.below(8))
  const connectionId = Buffer.concat([
    Buffer.of((rotation << 5) | random.below(32)),
    name,
    random.bytes(random.below(8)),
  ])
  const long = random.chance(0.5)
  const length = random.chance(0.9) ? connectionId.length : random.below(256)
  const header = long
    ? Buffer.concat([Buffer.of(0x80 | random.below(128)), random.bytes(4), Buffer.of(length)])
    : Buffer.of(random.below(128))
  const packet = Buffer.concat([header, connectionId, random.bytes(random.of([0, 0, 20, 200]))])
  return random.chance(0.9) ? packet : packet.subarray(0, random.below(packet.length + 1))
}

/** Where replies go: clients behind a router, behind one that is not known yet, and nowhere. */
const DESTINATIONS = {
  v4: ['203.0.113.5', '203.0.113.5', '203.0.113.7', '203.0.114.5', '198.18.0.1'],
  v6: ['2001:db8:113::5', '2001:db8:113::5', '2001:db8:113::7', '2001:db8:114::5', '2001:db8:777::1'],
}

/** A packet in a tunnel to the edge: mostly a reply that a backend sends from a VIP and port of a service. */
function randomReply(random: Random, world: World): Uint8Array {
  const inner = randomAnswer(random, world)
  const members = Object.keys(world.replies!.sources)
  const strangers = ['10.0.0.66', '2001:db8:10::66']
  const source = members.length > 0 && random.chance(0.93) ? random.of(members) : random.of(strangers)
  const v6 = isV6(source)
  const here = v6 ? EDGE6 : EDGE
  const destination = random.chance(0.95) ? here : random.of(v6 ? ['2001:db8:10::3', VIPS[2]!] : ['10.0.0.3', VIPS[0]!])
  // Of all marks of congestion the one that changes most is seldom.
  const tos = (random.below(64) << 2) | random.of([0, 0, 0, 0, 1, 2, 3])
  const common = { ...randomHeader(random), source, destination, tos }
  const mangled = random.chance(0.05)
  if (random.chance(0.5)) {
    const fits = inner[0]! >> 4 === 4 ? wire.IPIP : wire.IPV6
    const protocol = mangled ? random.of([wire.IPIP, wire.IPV6, 47]) : fits
    return wire.ip(inner, { ...common, protocol, fragment: v6 || !mangled ? 0 : 0x2000 })
  }
  const destinationPort = random.chance(0.93) ? GUE_PORT : random.of([GUE_PORT + 1, 0])
  const ends = { source, destination, sourcePort: 0xc000 + random.below(0x4000), destinationPort }
  const datagram = wire.udp(mangled ? random.bytes(random.below(60)) : inner, { ...ends, checksum: random.chance(0.5) })
  return wire.ip(datagram, common)
}

/** What a backend sends through the edge. */
function randomAnswer(random: Random, world: World): Uint8Array {
  const service = random.of(world.services)
  const source = random.chance(0.95) ? service.vip : random.of([...VIPS, '192.0.2.9', '2001:db8:9::9'])
  const v6 = isV6(source)
  const last = Math.min(service.ports[1], service.ports[0] + 2)
  const sourcePort = random.chance(0.95)
    ? service.ports[0] + random.below(last - service.ports[0] + 1)
    : random.below(65_536)
  const destination = random.of(v6 ? DESTINATIONS.v6 : DESTINATIONS.v4)
  const ends = { source, destination }
  const payload = random.bytes(random.of([0, 1, 64, 512, 1300, 1452, 1480]))
  const header = { ...randomHeader(random), ...ends, ttl: random.of([64, 64, 64, 64, 2, 1, 0]) }
  const datagram = wire.udp(payload, { ...ends, sourcePort, destinationPort: 40_000 + random.below(3) })
  if (random.chance(0.03)) return wire.ip(datagram, { ...header, protocol: random.of([1, 6, 58]) })
  if (random.chance(0.85)) return wire.ip(datagram, header)
  if (!v6)
    return wire.ipv4(datagram, {
      ...header,
      fragment: random.of([0x2000, 0x4000, 100]),
      options: random.bytes(4 * random.below(3)),
    })
  const extension = random.of([60, 44])
  const options =
    extension === 44
      ? wire.fragmentHeader(wire.UDP, random.below(3), random.chance(0.5))
      : wire.extension(wire.UDP, 1 + random.below(2))
  return wire.ipv6(datagram, { ...header, options, firstExtension: extension })
}
