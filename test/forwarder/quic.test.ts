import { afterAll, beforeAll, beforeEach, expect, it, type TestContext } from 'vitest'
import { edgeObject, type LoadedObject, layouts, loadObject, settingsOf } from '../../src/bpf/index.js'
import type { EdgeState } from '../../src/forwarder/edge-state.js'
import { EdgeTables } from '../../src/forwarder/edge-tables.js'
import { explainFlow } from '../../src/forwarder/explain.js'
import type { EdgeBackend, ForwarderConfig } from '../../src/forwarder/index.js'
import { readConfig, TableCache } from '../../src/forwarder/read-config.js'
import { QuicLbEncoder } from '../../src/pinning/index.js'
import { Random } from '../bpf/edge/random.js'
import { SETTINGS } from '../bpf/edge/world.js'
import { whyNoBpf } from '../bpf/kit.js'
import { ask, HOP } from './kit.js'

/** QUIC datagrams that name their server, by the program and by `explain`. */

const XDP_DROP = 1
const VIP = '198.51.100.2'
const PORT = 443

let loaded: LoadedObject<typeof edgeObject>
let tables: EdgeTables
beforeEach((context: TestContext) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  loaded = loadObject(edgeObject, {
    entries: { services: SETTINGS.buckets, slots: 64, backends: 64, pools: 8, quicServers: 64 },
    settings: settingsOf(layouts.EdgeSettings, { ...SETTINGS, quic: 1 }),
  })
  tables = new EdgeTables(loaded.maps)
})
afterAll(() => loaded?.close())

function kernel(clientPort: number, payload: Uint8Array): string | undefined {
  const { verdict, backend } = ask(loaded, ['203.0.113.9', clientPort], [VIP, PORT], payload)
  return verdict === XDP_DROP ? undefined : backend
}

const flowFrom = (port: number) => ({
  client: { address: '203.0.113.9', port },
  local: { address: VIP, port: PORT },
})

const serverIdOf = (i: number, bytes: number) =>
  (i * 0x010307)
    .toString(16)
    .padStart(2 * bytes, '0')
    .slice(-2 * bytes)

function config(backends: EdgeBackend[], serverIdLength: number, configIds: number[], quic: boolean): ForwarderConfig {
  const pool = { delivery: 'ipip' as const, source: '10.0.0.250', tableSize: 1024, backends }
  return {
    secret: '0011223344556677',
    pools: { p: { ...pool, quicLb: { configIds, serverIdLength } } },
    services: [{ name: 's', vips: [VIP], ports: [PORT], pool: 'p', quic }],
  }
}

/** A datagram with a connection ID, behind a header of either form. */
function datagram(random: Random, id: Uint8Array): Uint8Array {
  const long = random.below(2) === 0
  const head = long ? Uint8Array.of(0xc0 | random.below(64), 0, 0, 0, 1, id.length) : Uint8Array.of(random.below(128))
  return Buffer.concat([head, id, random.bytes(random.below(40))])
}

it('a datagram goes to whom its connection ID names, others as ever, whatever came before', () => {
  const seed = Number(process.env.UDP_DSR_SEED ?? Date.now() % 2 ** 31)
  const random = new Random(seed)
  const cache = new TableCache()
  let named = 0
  for (let round = 0; round < 60; round++) {
    const bytes = 1 + random.below(8)
    const members = [...new Set(Array.from({ length: 1 + random.below(8) }, () => 1 + random.below(30)))]
    const backends = members.map(
      (i): EdgeBackend => ({
        id: `b${i}`,
        address: `10.0.0.${i}`,
        state: random.of(['up', 'up', 'draining', 'down']),
        ...(random.below(5) > 0 ? { serverId: serverIdOf(i, bytes) } : {}),
      }),
    )
    const configIds = [0, 1, 2, 3, 4, 5, 6].filter(() => random.below(3) === 0)
    const settings = readConfig(
      config(backends, bytes, configIds.length > 0 ? configIds : [3], random.below(8) > 0),
      cache,
    )
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
      tables = new EdgeTables(loaded.maps, undefined, { settings, state: JSON.parse(JSON.stringify(state)) })
    }
    for (let i = 0; i < 100; i++) {
      const id = Buffer.concat([
        Uint8Array.of((random.of([0, 1, 2, 3, 4, 5, 6, 7]) << 5) | random.below(32)),
        Buffer.from(serverIdOf(random.below(4) === 0 ? 1 + random.below(40) : random.of(members), bytes), 'hex'),
        random.bytes(random.below(10)),
      ])
      const payload = datagram(random, random.below(10) === 0 ? id.subarray(0, random.below(id.length)) : id)
      const port = 1024 + random.below(60_000)
      const told = explainFlow(settings, flowFrom(port), undefined, payload)
      if (told.named) named++
      expect([seed, round, i, kernel(port, payload)]).toEqual([seed, round, i, told.backend?.address])
    }
  }
  expect(named).toBeGreaterThan(200)
  expect([...loaded.maps.quicServers.keys()].length).toBeLessThanOrEqual(64)
})

it('QuicLbEncoder makes such connection IDs', () => {
  const backends = [1, 2, 3].map((i) => ({ id: `b${i}`, address: `10.0.0.${i}`, serverId: serverIdOf(i, 3) }))
  tables.apply(readConfig(config(backends, 3, [2], true)), () => HOP)
  for (const { address, serverId } of backends) {
    const encoder = new QuicLbEncoder({ configId: 2, serverIdLength: 3, nonceLength: 5, serverId })
    const id = encoder.next()
    for (const port of [1024, 2048, 4096]) {
      expect(kernel(port, Buffer.concat([Uint8Array.of(0x40), id, new Uint8Array(20)]))).toBe(address)
    }
  }
})

it('what is wrong is named', () => {
  const wrong = (change: object, service: object = {}) => {
    const { pools, services, ...rest } = config([{ id: 'a', address: '10.0.0.1', serverId: 'c4' }], 1, [0], true)
    return () =>
      readConfig({ ...rest, pools: { p: { ...pools.p!, ...change } }, services: [{ ...services[0]!, ...service }] })
  }
  expect(wrong({ quicLb: undefined, backends: [] })).toThrow('config.services[0].quic')
  expect(wrong({ quicLb: { configIds: [7], serverIdLength: 1 } })).toThrow('config.pools.p.quicLb.configIds[0]')
  expect(wrong({ quicLb: { configIds: [0], serverIdLength: 9 } })).toThrow('config.pools.p.quicLb.serverIdLength')
  expect(wrong({ quicLb: { configIds: [0], serverIdLength: 2 } })).toThrow('must have 4 hexadecimal digits')
  const twice = ['a', 'b'].map((id, i) => ({ id, address: `10.0.0.${i + 1}`, serverId: 'C4' }))
  expect(wrong({ backends: twice })).toThrow('a and b have the same')
})
