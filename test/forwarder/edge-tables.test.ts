import { afterAll, beforeAll, beforeEach, expect, it, type TestContext, vi } from 'vitest'
import { BpfMap, edgeObject, type LoadedObject, layouts, loadObject, settingsOf } from '../../src/bpf/index.js'
import { EdgeTables } from '../../src/forwarder/edge-tables.js'
import { explainFlow } from '../../src/forwarder/explain.js'
import type { EdgeBackend, ForwarderConfig, PoolConfig, ServiceConfig } from '../../src/forwarder/index.js'
import { kernelAnswer } from '../../src/forwarder/kernel-tables.js'
import { readConfig, TableCache } from '../../src/forwarder/read-config.js'
import { Random } from '../bpf/edge/random.js'
import { SETTINGS } from '../bpf/edge/world.js'
import { whyNoBpf } from '../bpf/kit.js'
import { ask, HOP } from './kit.js'

/** One configuration after another in the maps of the real program, and what it makes of packets then. */

const BUCKETS = 4096
const XDP_DROP = 1
const XDP_PASS = 2
const VIPS = ['198.51.100.2', '198.51.100.3', '2001:db8:51::2']
const NOBODY = 'dropped'
const HOST = 'host'

let loaded: LoadedObject<typeof edgeObject>
let tables: EdgeTables
beforeEach((context: TestContext) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  const entries = {
    services: BUCKETS,
    serviceTable: 4096,
    serviceCounters: 4096,
    slots: 2048,
    backends: 512,
    pools: 64,
  }
  loaded = loadObject(edgeObject, {
    entries,
    settings: settingsOf(layouts.EdgeSettings, { ...SETTINGS, buckets: BUCKETS }),
  })
  tables = new EdgeTables(loaded.maps)
})
afterAll(() => loaded?.close())

/** Address of the backend that the program sends a datagram to; all of them are behind IPIP over IPv4. */
function kernel(client: string, clientPort: number, vip: string, port: number): string {
  const { verdict, backend } = ask(loaded, [client, clientPort], [vip, port])
  if (verdict === XDP_PASS) return HOST
  return verdict === XDP_DROP ? NOBODY : backend
}

function randomConfig(random: Random): ForwarderConfig {
  const member = (i: number): EdgeBackend => ({
    id: `b${i}`,
    address: `10.0.0.${i + 1}`,
    weight: random.below(3),
    state: random.of(['up', 'up', 'draining', 'down']),
  })
  const pool = (): PoolConfig => ({
    delivery: 'ipip',
    source: '10.0.0.250',
    table: random.of(['maglev', 'bounded-rendezvous']),
    tableSize: random.of([64, 127, 1024, 2053]),
    backends: Array.from({ length: random.below(12) }, (_, i) => member(i)),
  })
  const names = ['x', 'y', 'z'].slice(0, 1 + random.below(3))
  const taken = new Set<string>()
  const services = Array.from({ length: 1 + random.below(6) }, (_, i): ServiceConfig | undefined => {
    const vip = random.of(VIPS)
    const low = random.of([53, 1000, 1024, 5000, 9999])
    const high = low + random.of([0, 1, 24, 2048, 6000])
    for (let port = low; port <= high; port++) if (taken.has(`${vip} ${port}`)) return undefined
    for (let port = low; port <= high; port++) taken.add(`${vip} ${port}`)
    const affinity = random.of(['client-ip', 'client-ip-port', 'flow'] as const)
    return { name: `s${i}`, vips: [vip], ports: [`${low}-${high}`], pool: random.of(names), affinity }
  })
  return {
    secret: random.bytes(8),
    pools: Object.fromEntries(names.map((name) => [name, pool()])),
    services: services.filter((service) => service !== undefined),
  }
}

it('the program does what explain() says, whatever came before', () => {
  const seed = Date.now() % 2 ** 31
  const random = new Random(seed)
  const cache = new TableCache()
  for (let round = 0; round < 60; round++) {
    const settings = readConfig(randomConfig(random), cache)
    tables.apply(settings, () => HOP)
    for (let i = 0; i < 100; i++) {
      const vip = random.of(VIPS)
      const client = vip.includes(':') ? `2001:db8:113::${random.below(999) + 1}` : `203.0.113.${1 + random.below(250)}`
      const [clientPort, port] = [
        1 + random.below(65_535),
        random.of([53, 54, 999, 1000, 1024, 1048, 3072, 5000, 9999, 12_000, 15_999]),
      ]
      const told = explainFlow(settings, {
        client: { address: client, port: clientPort },
        local: { address: vip, port },
      })
      const wanted = told.service === undefined ? HOST : (told.backend?.address ?? NOBODY)
      expect([seed, round, kernel(client, clientPort, vip, port)]).toEqual([seed, round, wanted])
      const flow = { client: { address: client, port: clientPort }, local: { address: vip, port } }
      const { service, backend } = kernelAnswer(loaded.maps, flow)
      const read = service === undefined ? HOST : (backend?.address ?? NOBODY)
      expect([seed, round, read]).toEqual([seed, round, wanted])
    }
  }
})

/** What ends a process in the middle of a change. */
class Crash extends Error {}

it.each([
  ['change', false],
  ['change that is broken off, and is carried out by the next process', true],
])('at every moment of a %s each flow has its old or its new backend', (_, crashes) => {
  const seed = Number(process.env.UDP_DSR_SEED ?? Date.now() % 2 ** 31)
  const random = new Random(seed)
  const cache = new TableCache()
  tables.apply(readConfig(randomConfig(random), cache), () => HOP)
  const real = { store: Atomics.store.bind(Atomics), update: BpfMap.prototype.update }
  for (let round = 0; round < 25; round++) {
    const settings = readConfig(randomConfig(random), cache)
    const flows = Array.from({ length: 25 }, () => {
      const vip = random.of(VIPS)
      const client = vip.includes(':') ? `2001:db8:113::${random.below(999) + 1}` : `203.0.113.${1 + random.below(250)}`
      return [client, 1 + random.below(65_535), vip, random.of([53, 1000, 1024, 3072, 5000, 9999, 12_000])] as const
    })
    const before = flows.map((flow) => kernel(...flow))
    const after = flows.map(([client, clientPort, vip, port]) => {
      const told = explainFlow(settings, {
        client: { address: client, port: clientPort },
        local: { address: vip, port },
      })
      return told.service === undefined ? HOST : (told.backend?.address ?? NOBODY)
    })
    let writes = 0
    let last = crashes ? 1 + random.below(12) : Number.POSITIVE_INFINITY
    let saved: string | undefined
    const look = () => {
      if (saved === undefined && crashes) return // counters of nobody are cleared

      writes++
      for (const [i, flow] of flows.entries()) {
        const now = kernel(...flow)
        if (now !== before[i] && now !== after[i])
          throw new Error(
            `seed ${seed}, round ${round}, write ${writes}: ${flow} has ${now}, had ${before[i]}, is to have ${after[i]}`,
          )
      }
      if (writes >= last) throw new Crash()
    }
    // Everything that is written passes here.
    vi.spyOn(Atomics, 'store').mockImplementation(((array: BigUint64Array, at: number, value: bigint) => {
      const stored = real.store(array, at, value)
      look()
      return stored
    }) as typeof Atomics.store)
    vi.spyOn(BpfMap.prototype, 'update').mockImplementation(function (this: BpfMap, ...args) {
      const updated = real.update.apply(this, args)
      look()
      return updated
    })
    try {
      try {
        tables.apply(
          settings,
          () => HOP,
          (state) => {
            saved = JSON.stringify(state)
          },
        )
      } catch (error) {
        if (!(error instanceof Crash)) throw error
      }
      last = Number.POSITIVE_INFINITY
      if (crashes) tables = new EdgeTables(loaded.maps, undefined, { settings, state: JSON.parse(saved!) })
    } finally {
      vi.restoreAllMocks()
    }
    expect(writes).toBeGreaterThan(0)
    expect(flows.map((flow) => kernel(...flow))).toEqual(after)
  }
})

/** A thousand services of a pool of a hundred. */
const many = (down: number): ForwarderConfig => ({
  secret: '0011223344556677',
  pools: {
    all: {
      delivery: 'ipip',
      source: '10.0.0.250',
      backends: Array.from({ length: 100 }, (_, i) => ({
        id: `b${i}`,
        address: `10.0.0.${i + 1}`,
        state: i === down ? 'down' : 'up',
      })),
    },
  },
  services: Array.from({ length: 1000 }, (_, i) => ({
    name: `s${i}`,
    vips: [`198.18.${i >> 8}.${i & 255}`],
    ports: [53],
    pool: 'all',
  })),
})

it('1,000 services × 100 backends: a change of the pool is one word', () => {
  const cache = new TableCache()
  tables.apply(readConfig(many(-1), cache), () => HOP)
  const change = tables.apply(readConfig(many(7), cache), () => HOP)
  expect(change.services).toEqual({ added: [], changed: [], removed: [] })
  expect(Object.keys(change.pools)).toEqual(['all'])
  // A hundredth of the slots, and hardly more (udp-dsr/pinning).
  expect(change.pools.all!.movedSlots / change.pools.all!.slots).toBeLessThan(0.015)
  for (let i = 0; i < 1000; i += 37)
    expect(kernel('203.0.113.9', i + 1, `198.18.${i >> 8}.${i & 255}`, 53)).toMatch(/^10\.0\.0\./)
})

it('what does not fit changes nothing', () => {
  const settings = readConfig(many(-1))
  tables.apply(settings, () => HOP)
  const flows = Array.from({ length: 50 }, (_, i) => [`203.0.113.${i + 1}`, 1000 + i, '198.18.0.7', 53] as const)
  const before = flows.map((flow) => kernel(...flow))
  const config = many(-1)
  const tooMany = Array.from({ length: 600 }, (_, i) => ({ id: `c${i}`, address: `10.1.${i >> 8}.${i & 255}` }))
  const wrong = { ...config, pools: { all: { ...config.pools.all!, backends: tooMany } } }
  for (let i = 0; i < 3; i++)
    expect(() => tables.apply(readConfig(wrong), () => HOP)).toThrow('backends has all of its 512 entries in use')
  expect(flows.map((flow) => kernel(...flow))).toEqual(before)
  expect(tables.apply(settings, () => HOP)).toEqual({ services: { added: [], changed: [], removed: [] }, pools: {} })
})

it('what could not be saved leaves no place taken', () => {
  using few = loadObject(edgeObject, {
    entries: { services: 2, slots: 2048 },
    settings: settingsOf(layouts.EdgeSettings, { ...SETTINGS, buckets: 2 }),
  })
  const small = new EdgeTables(few.maps)
  const of = (last: number): ForwarderConfig => {
    const { pools, secret } = many(-1)
    const vips = [`198.18.0.${last}`, `198.18.1.${last}`]
    return { secret, pools, services: [{ name: 's', vips, ports: [53], pool: 'all' }] }
  }
  const full = () => {
    throw new Error('the disk is full')
  }
  // Two VIPs take most of the eight places.
  for (let i = 1; i <= 3; i++) expect(() => small.apply(readConfig(of(i)), () => HOP, full)).toThrow('the disk is full')
  expect(small.apply(readConfig(of(4)), () => HOP).services.added).toEqual(['s'])
  small.close()
})

it('a service that goes leaves its packets to the host, and its counters to others', () => {
  tables.apply(readConfig(many(-1)), () => HOP)
  expect(kernel('203.0.113.9', 1, '198.18.0.7', 53)).not.toBe(HOST)
  const { services, ...rest } = many(-1)
  tables.apply(readConfig({ ...rest, services: services.filter(({ name }) => name !== 's7') }), () => HOP)
  expect(kernel('203.0.113.9', 1, '198.18.0.7', 53)).toBe(HOST)
  expect(tables.services.has('s7')).toBe(false)
  tables.apply(readConfig({ ...rest, services: [] }), () => HOP)
  expect(kernel('203.0.113.9', 1, '198.18.0.8', 53)).toBe(HOST)
  expect([...tables.services.keys()]).toEqual([])
})
