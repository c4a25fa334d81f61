import { afterAll, beforeAll, beforeEach, expect, it, type TestContext } from 'vitest'
import { edgeObject, type LoadedObject, layouts, loadObject, settingsOf } from '../../src/bpf/index.js'
import type { EdgeState } from '../../src/forwarder/edge-state.js'
import { EdgeTables } from '../../src/forwarder/edge-tables.js'
import { explainFlow } from '../../src/forwarder/explain.js'
import { FlowMemory } from '../../src/forwarder/flow-memory.js'
import { type EdgeBackend, Forwarder, type ForwarderConfig } from '../../src/forwarder/index.js'
import { readConfig, type Settings, TableCache } from '../../src/forwarder/read-config.js'
import { Random } from '../bpf/edge/random.js'
import { SETTINGS } from '../bpf/edge/world.js'
import { whyNoBpf } from '../bpf/kit.js'
import { ask, HOP } from './kit.js'

/** Backends that drain, and keep their flows without a table of all flows: the program and `explain` say the same. */

const XDP_DROP = 1
const VIP = '198.51.100.2'
const SETS = 4096
const IDLE = 60
const LEARN = 60_000

let loaded: LoadedObject<typeof edgeObject>
let memory: FlowMemory
let tables: EdgeTables
const cache = new TableCache()
beforeEach((context: TestContext) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  loaded = loadObject(edgeObject, {
    entries: { services: SETTINGS.buckets, slots: 64, backends: 24, pools: 8, flows: SETS },
    settings: settingsOf(layouts.EdgeSettings, { ...SETTINGS, draining: 1, flowSets: SETS, flowIdle: IDLE }),
  })
  memory = new FlowMemory(loaded.maps.flows, IDLE)
  tables = new EdgeTables(loaded.maps, { memory, learn: LEARN })
})
afterAll(() => loaded?.close())

function kernel(port: number): string | undefined {
  const { verdict, backend } = ask(loaded, ['203.0.113.9', port], [VIP, 53])
  return verdict === XDP_DROP ? undefined : backend
}

function told(settings: Settings, port: number) {
  const flow = { client: { address: '203.0.113.9', port }, local: { address: VIP, port: 53 } }
  return explainFlow(settings, flow, undefined, undefined, (pool, hash, key) => tables.kept(pool, hash, key))
}

type States = Record<string, EdgeBackend['state']>
const backendsOf = (states: States): EdgeBackend[] =>
  Object.entries(states).map(([id, state]) => ({ id, address: `10.0.0.${id.slice(1)}`, state }))

function config(states: States, tableSize = 1024): ForwarderConfig {
  return {
    secret: '0011223344556677',
    pools: { p: { delivery: 'ipip', source: '10.0.0.250', tableSize, backends: backendsOf(states) } },
    services: [{ name: 's', vips: [VIP], ports: [53], pool: 'p' }],
  }
}

function apply(states: States, tableSize?: number): { settings: Settings; state: EdgeState } {
  const settings = readConfig(config(states, tableSize), cache)
  let state: EdgeState | undefined
  tables.apply(
    settings,
    () => HOP,
    (saved) => {
      state = JSON.parse(JSON.stringify(saved))
    },
  )
  return { settings, state: state! }
}

const PORTS = Array.from({ length: 400 }, (_, i) => 2000 + i)
const where = (ports: readonly number[]) => new Map(ports.map((port) => [port, kernel(port)]))

it('flows stay with who drains if they send while they are learned; others go to their new owners', () => {
  apply({ b1: 'up', b2: 'up', b3: 'up' })
  const before = where(PORTS)
  const [first, second] = [PORTS.filter((port) => port % 2 === 0), PORTS.filter((port) => port % 2 === 1)]
  const { settings } = apply({ b1: 'up', b2: 'draining', b3: 'up' })
  for (const port of first) expect([port, kernel(port)]).toEqual([port, before.get(port)])
  expect(first.filter((port) => before.get(port) === '10.0.0.2').length).toBeGreaterThan(20)
  for (const port of first) expect(told(settings, port).backend?.address).toBe(before.get(port))
  tables.endLearning(Date.now() + LEARN - 1000)
  const late = second[0]!
  expect(kernel(late)).toBe(before.get(late))
  tables.endLearning(Date.now() + LEARN + 1)
  // Those that were learned stay.
  for (const port of first) expect([port, kernel(port)]).toEqual([port, before.get(port)])
  for (const port of second.slice(1)) {
    const now = kernel(port)
    expect(now).not.toBe('10.0.0.2')
    if (before.get(port) !== '10.0.0.2') expect(now).toBe(before.get(port))
    expect(told(settings, port).backend?.address).toBe(now)
  }
  // When it is down its flows go where all others of its slots went.
  apply({ b1: 'up', b2: 'down', b3: 'up' })
  for (const port of PORTS) expect(kernel(port)).not.toBe('10.0.0.2')
  // Up again it has what it had.
  apply({ b1: 'up', b2: 'up', b3: 'up' })
  expect(where(PORTS)).toEqual(before)
})

it('one after the other drains, and each keeps its own', () => {
  apply({ b1: 'up', b2: 'up', b3: 'up', b4: 'up' })
  const owned = (address: string, at: Map<number, string | undefined>) =>
    [...at].filter(([, owner]) => owner === address)
  const first = owned('10.0.0.1', where(PORTS))
  apply({ b1: 'draining', b2: 'up', b3: 'up', b4: 'up' })
  expect(owned('10.0.0.1', where(PORTS))).toEqual(first)
  const second = owned('10.0.0.2', where(PORTS))
  apply({ b1: 'draining', b2: 'draining', b3: 'up', b4: 'up' })
  const both = () => [owned('10.0.0.1', where(PORTS)), owned('10.0.0.2', where(PORTS))]
  expect(both()).toEqual([first, second])
  tables.endLearning(Date.now() + LEARN + 1)
  expect(both()).toEqual([first, second])
  apply({ b2: 'draining', b3: 'up', b4: 'up' })
  expect(both()).toEqual([[], second])
  expect(first.length).toBeGreaterThan(20)
  expect(second.length).toBeGreaterThan(20)
})

it('the last one that is up may drain, too', () => {
  apply({ b1: 'up', b2: 'down' })
  const before = where(PORTS)
  apply({ b1: 'draining', b2: 'down' })
  expect(where(PORTS)).toEqual(before)
  tables.endLearning(Date.now() + LEARN + 1)
  expect(where(PORTS)).toEqual(before)
  expect(kernel(9999)).toBeUndefined()
})

it('whatever comes, the program and explain agree, and a flow leaves who drains only with it', () => {
  const seed = Number(process.env.UDP_DSR_SEED ?? Date.now() % 2 ** 31)
  const random = new Random(seed)
  const ports = PORTS.slice(0, 120)
  let states: States = {}
  let kept = 0
  let size = 1024
  /** Tables of two sizes cannot be joined. */
  let mixed = false
  for (let round = 0; round < 120; round++) {
    const before = states
    const names = [...new Set(Array.from({ length: 1 + random.below(5) }, () => `b${1 + random.below(40)}`))]
    // Mostly small steps, as a rollout makes them.
    states =
      random.below(4) > 0 && Object.keys(before).length > 0
        ? { ...before, [random.of(Object.keys(before))]: random.of(['up', 'draining', 'draining', 'down'] as const) }
        : Object.fromEntries(names.map((name) => [name, random.of(['up', 'up', 'draining'] as const)]))
    const had = where(ports)
    const next = random.below(60) === 0 ? 1536 - size : size
    mixed = (mixed || next !== size) && Object.values(states).includes('draining')
    size = next
    const { settings, state } = apply(states, size)
    if (random.below(4) === 0) tables = new EdgeTables(loaded.maps, { memory, learn: LEARN }, { settings, state })
    if (random.below(3) === 0) tables.endLearning(Date.now() + LEARN + 1)
    for (const port of ports) {
      const wanted = told(settings, port)
      const now = kernel(port)
      expect([seed, round, port, now]).toEqual([seed, round, port, wanted.backend?.address])
      const owner = had.get(port)
      const id = owner && `b${owner.split('.')[3]}`
      // It was up and drains now: who was there is learned. (After `endLearning` nobody new is.)
      if (!mixed && id && before[id] === 'draining' && states[id] === 'draining' && wanted.remembered) {
        expect(now).toBe(owner)
        kept++
      }
    }
  }
  expect(kept).toBeGreaterThan(20)
})

it('it is an option that needs another one', async () => {
  await expect(Forwarder.attach({ interface: 'lo', draining: {} })).rejects.toThrow('needs the option flowTable')
  await expect(Forwarder.attach({ interface: 'lo', flowTable: {}, draining: { learn: 0 } })).rejects.toThrow(
    'options.draining.learn',
  )
})
