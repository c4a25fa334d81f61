/** What becomes of a random world with options while packets go on, and what is remembered stays. */
import { layouts } from '../../../src/bpf/index.js'
import { members, optionWorld, randomlyServed, randomMembers, randomNames } from './option-worlds.js'
import type { Random } from './random.js'
import type { PreviousTable, TestBackend, World } from './world.js'

const { BackendFlags, DrainPhase } = layouts
const NOBODY = layouts.TableConstant.backendNone

/** A list with one of its elements changed. */
const changed = <T>(list: readonly T[], at: number, change: (old: T) => T): T[] =>
  list.map((one, index) => (index === at ? change(one) : one))

/** The backend in its next epoch. */
const forgotten = (backend: TestBackend): TestBackend => ({ ...backend, epoch: (backend.epoch ?? 0) + 1 })

const withFlag = (backend: TestBackend, flag: number, on: boolean): TestBackend => ({
  ...backend,
  flags: on ? (backend.flags ?? 0) | flag : (backend.flags ?? 0) & ~flag,
})

/** The world after one change, of those that an edge sees while packets go on. */
export function nextWorld(random: Random, world: World): World {
  const learning = Object.values(world.previous ?? {}).some(({ phase }) => phase === DrainPhase.learn)
  if (learning && random.chance(0.5)) return holds(world)
  return random.of(CHANGES)(random, world)
}

/** What a change makes of a world. */
type Change = (random: Random, world: World) => World

/** A pool's table is another one. */
const otherTable: Change = (random, world) => {
  const pools = changed(world.pools, random.below(world.pools.length), (slots) =>
    Array.from({ length: random.chance(0.2) ? random.of([0, 7, 1024]) : slots.length }, () =>
      random.chance(0.05) ? NOBODY : random.of(members(world)),
    ),
  )
  return { ...world, pools }
}

/** A backend begins to drain: what a pool had is its table before, and others get the slots. */
const drains: Change = (random, world) => {
  const pool = random.below(world.pools.length)
  const before = world.pools[pool]!
  if (before.length === 0) return otherTable(random, world)
  const leaving = random.of(before)
  if (leaving === NOBODY) return otherTable(random, world)
  const previous: PreviousTable = { slots: before, phase: DrainPhase.learn }
  const size = random.chance(0.8) ? before.length : 101
  return {
    ...world,
    backends: changed(world.backends, leaving, (backend) => withFlag(backend, BackendFlags.draining, true)),
    pools: changed(world.pools, pool, () =>
      Array.from({ length: size }, (_, slot) =>
        before[slot] === leaving || slot >= before.length ? random.of(members(world)) : before[slot]!,
      ),
    ),
    previous: { ...world.previous, [pool]: previous },
  }
}

/** Nobody new is learned. */
function holds(world: World): World {
  const tables = Object.entries(world.previous ?? {})
  return {
    ...world,
    previous: Object.fromEntries(tables.map(([pool, table]) => [pool, { ...table, phase: DrainPhase.hold }])),
  }
}

/** Nobody drains any more. Some are up again, others gone. */
const endsDraining: Change = (random, world) => ({
  ...world,
  previous: {},
  backends: world.backends.map((backend) => {
    const up = withFlag(backend, BackendFlags.draining, false)
    return backend.flags !== up.flags && random.chance(0.5) ? forgotten(up) : up
  }),
})

/** A backend is down: no pool's table and no server ID leads to it, what remembers it is forgotten. */
const goesDown: Change = (random, world) => {
  const down = random.of(members(world))
  const others = members(world).filter((index) => index !== down)
  return {
    ...world,
    backends: changed(world.backends, down, forgotten),
    pools: world.pools.map((slots) => slots.map((slot) => (slot === down ? random.of(others) : slot))),
    quicServers: world.quicServers!.filter(({ backend }) => backend !== down),
  }
}

/** Another backend has the index of one that went. */
const isReplaced: Change = (random, world) => {
  const at = random.of(members(world))
  const { backends } = optionWorld(random, world.settings!)
  const successor = { ...backends[at]!, epoch: world.backends[at]!.epoch ?? 0 }
  const next = { ...world, backends: changed(world.backends, at, () => forgotten(successor)) }
  return { ...next, replies: randomMembers(random, next) }
}

/** Others have names, or may send replies. */
const otherMembers: Change = (random, world) => ({
  ...world,
  quicServers: randomNames(random, world),
  replies: randomMembers(random, world),
})

/** Services have other options or another pool. */
const otherServices: Change = (random, world) => ({
  ...world,
  services: world.services.map((service) =>
    random.chance(0.5) ? service : { ...randomlyServed(random, service), pool: random.below(world.pools.length) },
  ),
})

/** All is new, and seldom the secret, too. */
const isAnother: Change = (random, world) => {
  const next = optionWorld(random, world.settings!)
  return {
    ...next,
    secret: random.chance(0.2) ? next.secret : world.secret,
    backends: next.backends.map((backend, index) =>
      forgotten({ ...backend, epoch: world.backends[index]!.epoch ?? 0 }),
    ),
  }
}

const CHANGES: readonly Change[] = [
  otherTable,
  otherTable,
  drains,
  drains,
  drains,
  drains,
  drains,
  endsDraining,
  goesDown,
  goesDown,
  goesDown,
  isReplaced,
  otherMembers,
  otherServices,
  isAnother,
]
