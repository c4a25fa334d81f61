import { afterAll, beforeAll, beforeEach, expect, it, type TestContext } from 'vitest'
import { edgeObject, type LoadedObject, layouts, loadObject, settingsOf } from '../../src/bpf/index.js'
import type { EdgeState } from '../../src/forwarder/edge-state.js'
import { EdgeTables } from '../../src/forwarder/edge-tables.js'
import { explainFlow } from '../../src/forwarder/explain.js'
import { FlowMemory } from '../../src/forwarder/flow-memory.js'
import type { EdgeBackend, ForwarderConfig } from '../../src/forwarder/index.js'
import { readConfig, TableCache } from '../../src/forwarder/read-config.js'
import { Random } from '../bpf/edge/random.js'
import { SETTINGS } from '../bpf/edge/world.js'
import { whyNoBpf } from '../bpf/kit.js'
import { ask, HOP } from './kit.js'

/** What the program remembers while configurations come and go; `explain` says the same. */

const XDP_DROP = 1
const VIP = '198.51.100.2'
const SETS = 4096
const IDLE = 60

let loaded: LoadedObject<typeof edgeObject>
let memory: FlowMemory
let tables: EdgeTables
beforeEach((context: TestContext) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  loaded = loadObject(edgeObject, {
    entries: { services: SETTINGS.buckets, slots: 64, backends: 24, pools: 8, flows: SETS },
    settings: settingsOf(layouts.EdgeSettings, { ...SETTINGS, flowTable: 1, flowSets: SETS, flowIdle: IDLE }),
  })
  memory = new FlowMemory(loaded.maps.flows, IDLE)
  tables = new EdgeTables(loaded.maps, { memory })
})
afterAll(() => loaded?.close())

function kernel(port: number): string | undefined {
  const { verdict, backend } = ask(loaded, ['203.0.113.9', port], [VIP, 53])
  return verdict === XDP_DROP ? undefined : backend
}

function config(backends: EdgeBackend[], flowTable = true): ForwarderConfig {
  return {
    secret: '0011223344556677',
    pools: { p: { delivery: 'ipip', source: '10.0.0.250', tableSize: 1024, backends } },
    services: [{ name: 's', vips: [VIP], ports: [53], pool: 'p', flowTable }],
  }
}

it('flows stay with whom they have until it is down or gone, and nobody inherits them', () => {
  const seed = Number(process.env.UDP_DSR_SEED ?? Date.now() % 2 ** 31)
  const random = new Random(seed)
  const cache = new TableCache()
  const ports = Array.from({ length: 200 }, (_, i) => 1024 + i)
  /** What each flow had, as the program should remember it. */
  const had = new Map<number, string>()
  for (let round = 0; round < 60; round++) {
    // More members over time than the map `backends` has room for, so that indices come again.
    const members = Array.from({ length: 1 + random.below(6) }, () => 1 + random.below(60))
    const backends = [...new Set(members)].map(
      (i): EdgeBackend => ({
        id: `b${i}`,
        address: `10.0.0.${i}`,
        state: random.of(['up', 'up', 'draining', 'down']),
      }),
    )
    const settings = readConfig(config(backends, random.below(8) > 0), cache)
    const usable = new Set(backends.filter(({ state }) => state !== 'down').map(({ address }) => address))
    let state: EdgeState | undefined
    tables.apply(
      settings,
      () => HOP,
      (saved) => {
        state = saved
      },
    )
    // Now and then another process takes over.
    if (random.below(4) === 0) {
      tables = new EdgeTables(loaded.maps, { memory }, { settings, state: JSON.parse(JSON.stringify(state)) })
    }
    for (const [port, address] of had) if (!usable.has(address)) had.delete(port)
    const [{ flowTable }] = settings.services as unknown as [{ flowTable: boolean }]
    for (const port of ports.filter(() => random.below(3) > 0)) {
      const flow = { client: { address: '203.0.113.9', port }, local: { address: VIP, port: 53 } }
      const told = explainFlow(settings, flow, (key) => tables.remembered(key))
      const answer = kernel(port)
      expect([seed, round, port, answer]).toEqual([seed, round, port, told.backend?.address])
      if (!flowTable) continue
      const kept = had.get(port)
      expect([seed, round, port, told.remembered, kept ?? answer]).toEqual([
        seed,
        round,
        port,
        kept !== undefined,
        answer,
      ])
      if (answer !== undefined) had.set(port, answer)
    }
  }
})
