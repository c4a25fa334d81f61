/** Random frames, the same for the same seed. */
import * as wire from '../packet.js'
import type { Random } from './random.js'
import type { World } from './world.js'
import { VIPS } from './worlds.js'

const OTHERS = ['192.0.2.9', '2001:db8:9::9']
export const isV6 = (address: string) => address.includes(':')

/** A flow to a VIP, by its addresses as texts. */
export interface Flow {
  client: string
  clientPort: number
  vip: string
  port: number
}

/** A frame that is likely to be for a service of the world, and often odd. */
export function randomFrame(random: Random, world: World): Uint8Array {
  return framed(random, randomPacket(random, randomFlow(random, world)))
}

/** A flow that is likely to be for a service, and seldom one that was there before. */
export function randomFlow(random: Random, world: World): Flow {
  const service = random.of(world.services)
  const vip = random.chance(0.9) ? service.vip : random.of([...VIPS, ...OTHERS])
  const client = random.chance(0.95)
    ? isV6(vip)
      ? `2001:db8:113::${random.below(0xffff).toString(16)}`
      : `203.0.113.${random.below(256)}`
    : random.of(
        isV6(vip) ? ['::', '::1', 'ff02::1', 'fe80::1'] : ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255'],
      )
  const port = random.chance(0.9)
    ? service.ports[0] + random.below(service.ports[1] - service.ports[0] + 1)
    : random.below(65_536)
  return { client, clientPort: random.below(65_536), vip, port }
}

/** A packet in a frame, with tags or without, and one time in five with a fault. */
export function framed(random: Random, packet: Uint8Array): Uint8Array {
  const vlans = Array.from({ length: random.chance(0.8) ? 0 : 1 + random.below(3) }, () => ({
    tci: random.below(65_536),
    protocol: random.of([0x8100, 0x88a8]),
  }))
  const frame = wire.ethernet(packet, { vlans })
  return random.chance(0.2) ? mutated(random, frame) : frame
}

/** What an IP header may have in it beside addresses. */
export const randomHeader = (random: Random) => ({
  ttl: random.of([64, 64, 64, 2, 1, 0, 255]),
  tos: random.below(256),
  id: random.below(65_536),
})

/** A packet about a flow: mostly a datagram of it. */
export function randomPacket(random: Random, flow: Flow): Uint8Array {
  const { client, vip } = flow
  const payload = random.bytes(random.of([0, 1, 7, 64, 64, 512, 1180, 1232, 1400, 1452, 1472]))
  const ends = { source: client, destination: vip }
  const common = { ...ends, ...randomHeader(random) }
  const v6 = isV6(vip)
  switch (random.below(8)) {
    case 0: {
      // Echo requests, and other ICMP.
      const type = random.of(v6 ? [128, 129, 1, 135] : [8, 0, 3, 13])
      return wire.ip(wire.icmp(type, 0, random.below(2 ** 32), payload.subarray(0, 64), v6 ? ends : undefined), {
        ...common,
        protocol: v6 ? wire.ICMPV6 : wire.ICMP,
      })
    }
    case 1:
      return randomError(random, flow, payload)
    case 2:
      return randomFragment(random, flow, payload)
    default:
      return randomDatagram(random, flow, payload)
  }
}

/** An ICMP error about what a backend sent to the client of a flow. */
export function randomError(random: Random, { client, clientPort, vip, port }: Flow, payload: Uint8Array): Uint8Array {
  const v6 = isV6(vip)
  const router = v6 ? '2001:db8:7::1' : '192.0.2.1'
  const about = {
    source: random.chance(0.9) ? vip : random.of(VIPS.filter((other) => isV6(other) === v6)),
    destination: client,
  }
  const datagram = wire.udp(payload.subarray(0, 512), { ...about, sourcePort: port, destinationPort: clientPort })
  const part = () => ({
    options: wire.fragmentHeader(random.of([17, 17, 17, 58]), random.of([0, 0, 0, 2]), random.chance(0.8)),
    firstExtension: 44,
  })
  const quoted = v6
    ? wire.ipv6(datagram, { ...about, ...(random.chance(0.4) && part()) })
    : wire.ipv4(datagram, { ...about, fragment: random.of([0, 0x4000, 0x2000, 5]) })
  const cut = quoted.subarray(0, random.of([quoted.length, ...(v6 ? [56, 55, 48, 47, 41] : [28, 27]), 20]))
  const type = random.of(v6 ? [1, 2, 3, 4] : [3, 11, 12])
  const error = { source: router, destination: vip }
  return wire.ip(wire.icmp(type, random.below(5), random.below(1500), cut, v6 ? error : undefined), {
    ...randomHeader(random),
    ...error,
    protocol: v6 ? wire.ICMPV6 : wire.ICMP,
  })
}

/** A part of a datagram of a flow, mostly; with IPv6 seldom of something else, or whole after all. */
export function randomFragment(random: Random, flow: Flow, payload: Uint8Array): Uint8Array {
  const ends = { source: flow.client, destination: flow.vip }
  const common = { ...ends, ...randomHeader(random) }
  const datagram = wire.udp(payload, { ...ends, sourcePort: flow.clientPort, destinationPort: flow.port })
  if (!isV6(flow.vip)) return wire.ipv4(datagram, { ...common, fragment: random.of([0x2000, 0x2001, 1, 100, 0x4000]) })
  const header = wire.fragmentHeader(random.of([17, 17, 60, 58]), random.below(3), random.chance(0.5))
  return wire.ipv6(datagram, { ...common, options: header, firstExtension: 44 })
}

/** A datagram of a flow, with options or extension headers now and then. */
export function randomDatagram(random: Random, flow: Flow, payload: Uint8Array): Uint8Array {
  const ends = { source: flow.client, destination: flow.vip }
  const common = { ...ends, ...randomHeader(random) }
  const v6 = isV6(flow.vip)
  const datagram = wire.udp(payload, {
    ...ends,
    sourcePort: flow.clientPort,
    destinationPort: flow.port,
    checksum: random.chance(0.85),
  })
  // What UDP says of its length may be less than there is (RFC 9868), or wrong.
  if (random.chance(0.05)) new DataView(datagram.buffer).setUint16(4, random.of([0, 7, 8, 9, datagram.length + 1]))
  if (random.chance(0.8)) return wire.ip(datagram, { ...common, fragment: v6 ? 0 : random.of([0, 0x4000]) })
  if (!v6) return wire.ipv4(datagram, { ...common, options: random.bytes(4 * (1 + random.below(10))) })
  const kinds = Array.from({ length: 1 + random.below(5) }, () => random.of([0, 43, 60, 44]))
  const headers = kinds.map((kind, i) => {
    const next = kinds[i + 1] ?? 17
    return kind === 44 ? wire.fragmentHeader(next, 0, false) : wire.extension(next, 1 + random.below(2))
  })
  return wire.ipv6(datagram, {
    ...common,
    options: new Uint8Array(Buffer.concat(headers)),
    firstExtension: kinds[0]!,
  })
}

/** A frame with bytes changed, cut off or added. */
function mutated(random: Random, frame: Uint8Array): Uint8Array {
  const changed = frame.slice()
  switch (random.below(3)) {
    case 0:
      for (let i = 0; i <= random.below(4); i++)
        changed[random.below(Math.min(changed.length, 100))] = random.below(256)
      return changed
    case 1:
      return changed.subarray(0, 14 + random.below(changed.length - 13))
    default:
      return new Uint8Array(Buffer.concat([changed, random.bytes(random.below(40))]))
  }
}
