/** Random worlds, the same for the same seed. */
import type { Affinity } from '../../../src/pinning/index.js'
import type { Random } from './random.js'
import { AFFINITIES, type DeliveryName, type TestBackend, type TestService, type World } from './world.js'

export const VIPS = ['198.51.100.2', '198.51.100.3', '2001:db8:51::2', '2001:db8:51::3']
const DELIVERIES: readonly DeliveryName[] = ['l2', 'ipip', 'gue', 'proxy']

/** Most backends of a world. */
export const MOST_BACKENDS = 6

/** @param size number of its backends */
export function randomWorld(random: Random, size = 1 + random.below(MOST_BACKENDS)): World {
  const backends: TestBackend[] = Array.from({ length: size }, (_, i) => {
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
    ...(random.chance(0.2) && { usualSecret: random.bytes(8) }),
    services,
    pools,
    backends,
    echo: VIPS.filter(() => random.chance(0.5)),
    settings: { fragments: random.chance(0.8) ? 1 : 0 },
  }
}
