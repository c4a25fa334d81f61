/** Random worlds and frames, the same for the same seed. */
import type { Affinity } from '../../../src/pinning/index.js'
import * as wire from '../packet.js'
import { AFFINITIES, type DeliveryName, type TestBackend, type TestService, type World } from './world.js'

/** Numbers from a seed (mulberry32). */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** 0 to `limit` − 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
  chance(share: number): boolean {
    return this.below(1_000_000) < share * 1_000_000
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
  bytes(length: number): Uint8Array {
    if (length <= 64) return Uint8Array.from({ length }, () => this.below(256))
    const from = this.below(NOISE.length - length)
    return NOISE.slice(from, from + length)
  }
}

/** Where longer runs of random bytes are cut from. */
const NOISE = new Uint8Array(4096)
for (let i = 0, state = 1; i < NOISE.length; i++) {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
  NOISE[i] = state >>> 16
}

const VIPS = ['198.51.100.2', '198.51.100.3', '2001:db8:51::2', '2001:db8:51::3']
const OTHERS = ['192.0.2.9', '2001:db8:9::9']
const DELIVERIES: readonly DeliveryName[] = ['l2', 'ipip', 'gue', 'proxy']
const isV6 = (address: string) => address.includes(':')

export function randomWorld(random: Random): World {
  const backends: TestBackend[] = Array.from({ length: 1 + random.below(6) }, (_, i) => {
    const v6 = random.chance(0.5)
    return {
      delivery: random.of(DELIVERIES),
      address: v6 ? `2001:db8:10::${11 + i}` : `10.0.0.${11 + i}`,
      source: v6 ? '2001:db8:10::2' : '10.0.0.2',
      port: random.chance(0.5) ? 6080 : 0,
      vlan: random.chance(0.2) ? 1 + random.below(4094) : 0,
      mtu: random.of([1500, 1500, 1600, 1280, 576]),
      ifindex: random.chance(0.2) ? 7 : 0,
    }
  })
  const pools = Array.from({ length: 1 + random.below(3) }, () =>
    Array.from({ length: random.of([0, 2, 3, 101, 1024, 1031, 4099]) }, () =>
      random.chance(0.05) ? 0xffff : random.below(backends.length),
    ),
  )
  const services: TestService[] = Array.from({ length: 1 + random.below(5) }, () => {
    const fragments = random.chance(0.4)
    const first = random.of([0, 53, 1000, 1024, 5000, 9999, 60_000, 65_535])
    const affinity: Affinity = fragments ? 'client-ip' : random.of(AFFINITIES)
    return {
      vip: random.of(VIPS),
      ports: [first, Math.min(65_535, first + random.of([0, 1, 23, 1023, 5000]))] as const,
      affinity,
      pool: random.below(pools.length),
      fragments,
    }
  })
  return {
    secret: random.bytes(8),
    services,
    pools,
    backends,
    echo: VIPS.filter(() => random.chance(0.5)),
    settings: { fragments: random.chance(0.8) ? 1 : 0 },
  }
}

/** A frame that is likely to be for a service of the world, and often odd. */
export function randomFrame(random: Random, world: World): Uint8Array {
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
  const packet = randomPacket(random, vip, client, port)
  const vlans = Array.from({ length: random.chance(0.8) ? 0 : 1 + random.below(3) }, () => ({
    tci: random.below(65_536),
    protocol: random.of([0x8100, 0x88a8]),
  }))
  const frame = wire.ethernet(packet, { vlans })
  return random.chance(0.2) ? mutated(random, frame) : frame
}

function randomPacket(random: Random, vip: string, client: string, port: number): Uint8Array {
  const length = random.of([0, 1, 7, 64, 64, 512, 1180, 1232, 1400, 1452, 1472])
  const payload = random.bytes(length)
  const clientPort = random.below(65_536)
  const ends = { source: client, destination: vip }
  const common = {
    ...ends,
    ttl: random.of([64, 64, 64, 2, 1, 0, 255]),
    tos: random.below(256),
    id: random.below(65_536),
  }
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
    case 1: {
      // Errors about what a backend sent.
      const router = v6 ? '2001:db8:7::1' : '192.0.2.1'
      const about = {
        source: random.chance(0.9) ? vip : random.of(VIPS.filter((other) => isV6(other) === v6)),
        destination: client,
      }
      const datagram = wire.udp(payload.subarray(0, 512), { ...about, sourcePort: port, destinationPort: clientPort })
      const quoted = wire.ip(datagram, { ...about, fragment: v6 ? 0 : random.of([0, 0x4000, 0x2000, 5]) })
      const cut = quoted.subarray(0, random.of([quoted.length, v6 ? 48 : 28, v6 ? 47 : 27, 20]))
      const type = random.of(v6 ? [1, 2, 3, 4] : [3, 11, 12])
      const error = { source: router, destination: vip }
      return wire.ip(wire.icmp(type, random.below(5), random.below(1500), cut, v6 ? error : undefined), {
        ...common,
        ...error,
        protocol: v6 ? wire.ICMPV6 : wire.ICMP,
      })
    }
    case 2: {
      const datagram = wire.udp(payload, { ...ends, sourcePort: clientPort, destinationPort: port })
      if (!v6) return wire.ipv4(datagram, { ...common, fragment: random.of([0x2000, 0x2001, 1, 100, 0x4000]) })
      const header = wire.fragmentHeader(random.of([17, 17, 60, 58]), random.below(3), random.chance(0.5))
      return wire.ipv6(datagram, { ...common, options: header, firstExtension: 44 })
    }
    default: {
      const datagram = wire.udp(payload, {
        ...ends,
        sourcePort: clientPort,
        destinationPort: port,
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
  }
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
