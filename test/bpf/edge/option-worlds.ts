/** Random worlds with options. */
import { layouts } from '../../../src/bpf/index.js'
import { EDGE, EDGE6 } from './network.js'
import type { Random } from './random.js'
import type { TestBackend, TestService, World } from './world.js'
import { MOST_BACKENDS, randomWorld } from './worlds.js'

const { BackendFlags, ServiceFlags } = layouts

/** So many that some 200 keys, which a program gets to see, never are five in one set, of which one would be pushed out. */
const FLOW_SETS = 2 ** 14

/** Units of 2³⁰ ns: days. */
const NEVER_IDLE = 2 ** 20

export const GUE_PORT = 6080

/** A subset of the options. What a loaded program has; the worlds that it is told may change. */
export function randomSettings(random: Random): Partial<layouts.EdgeSettings> {
  const some = (share: number) => (random.chance(share) ? 1 : 0)
  return {
    flowTable: some(0.5),
    draining: some(0.8),
    quic: some(0.6),
    learnedPorts: some(0.7),
    returnPath: some(0.8),
    fib: some(0.5),
    fragments: some(0.8),
    flowSets: FLOW_SETS,
    flowIdle: NEVER_IDLE,
  }
}

/** A world to begin with. It has what belongs to all options, also to those that are off. */
export function optionWorld(random: Random, settings: Partial<layouts.EdgeSettings>): World {
  // As many backends in each: an index never means nobody after it meant somebody.
  const base = randomWorld(random, MOST_BACKENDS)
  const backends = base.backends.map((backend) => randomlyRouted(random, backend, settings))
  const services = base.services.map((service) => randomlyServed(random, service))
  const world: World = { ...base, backends, services, settings }
  return { ...world, quicServers: randomNames(random, world), replies: randomMembers(random, world) }
}

/** Some are to be found in the routing table, if it is asked at all; not all of those are there. */
function randomlyRouted(random: Random, backend: TestBackend, { fib }: Partial<layouts.EdgeSettings>): TestBackend {
  if (!fib || !random.chance(0.4)) return backend
  const routed = { ...backend, flags: BackendFlags.fib }
  if (random.chance(0.8)) return routed
  const elsewhere = backend.address.includes(':') ? '2001:db8:666::' : '172.16.0.'
  return { ...routed, address: `${elsewhere}${1 + random.below(9)}` }
}

/** A service with a subset of the options that it may choose. */
export function randomlyServed(random: Random, service: TestService): TestService {
  const { flowTable, quic, learnPorts } = ServiceFlags
  // Fragments have no port, which is not the same as port 0.
  const ports = service.fragments && random.chance(0.5) ? ([0, 2] as const) : service.ports
  const flags: number[] = [flowTable, quic, learnPorts].filter(() => random.chance(0.5))
  return {
    ...service,
    ports,
    flags: flags.reduce((all, flag) => all | flag, 0),
    quic: { configBits: 1 + random.below(127), idLength: random.chance(0.2) ? 1 : 1 + random.below(8) },
  }
}

/** Indices of all backends. */
export const members = (world: World) => world.backends.map((_, index) => index)

/** Server IDs as the services have them, and some of another length. */
export function randomNames(random: Random, world: World): NonNullable<World['quicServers']> {
  const names = world.services.flatMap(({ pool, quic }) =>
    Array.from({ length: 6 }, () => {
      const length = random.chance(0.9) ? quic!.idLength : 1 + random.below(8)
      // Zeros lie in many a place where no connection ID is.
      const id = random.chance(0.1) ? '00'.repeat(length) : Buffer.from(random.bytes(length)).toString('hex')
      return { pool, config: random.below(7), id, backend: random.of(members(world)) }
    }),
  )
  // Of two of one name only one can be there.
  const byName = new Map(names.map((name) => [`${name.pool} ${name.config} ${name.id}`, name]))
  return [...byName.values()]
}

/** Where replies go, and most backends as those who may send them. */
export function randomMembers(random: Random, { backends }: World): NonNullable<World['replies']> {
  const sources = [...backends.entries()].filter(() => random.chance(0.85))
  return {
    endpoints: [EDGE, EDGE6].map((address) => ({ address, guePort: random.chance(0.9) ? GUE_PORT : 0 })),
    sources: Object.fromEntries(sources.map(([index, { address }]) => [address, index])),
  }
}
