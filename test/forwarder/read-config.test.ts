import { expect, it } from 'vitest'
import type { ForwarderConfig } from '../../src/forwarder/index.js'
import { readConfig, TableCache } from '../../src/forwarder/read-config.js'
import { FlowPinner } from '../../src/pinning/index.js'

const CONFIG = {
  secret: '0011223344556677',
  pools: {
    web: {
      delivery: 'ipip',
      backends: [
        { id: 'a', address: '10.0.0.7' },
        { id: 'b', address: '10.0.0.8', weight: 2 },
      ],
    },
  },
  services: [{ name: 'dns', vips: ['198.51.100.2'], ports: [53], pool: 'web' }],
} satisfies ForwarderConfig

/** The configuration with one service or pool that is otherwise. */
const service = (change: object) => ({ ...CONFIG, services: [{ ...CONFIG.services[0], ...change }] }) as ForwarderConfig
const pool = (change: object) =>
  ({ ...CONFIG, pools: { web: { ...CONFIG.pools.web, ...change } } }) as unknown as ForwarderConfig
const two = (change: object) =>
  ({
    ...CONFIG,
    services: [CONFIG.services[0], { ...CONFIG.services[0], name: 'other', ...change }],
  }) as ForwarderConfig

it('fills in what was left out', () => {
  const { pools, services } = readConfig(CONFIG)
  expect(services[0]).toMatchObject({ affinity: 'client-ip-port', fragments: false, echo: true, ports: [[53, 53]] })
  expect(pools.get('web')).toMatchObject({ port: 0, vlan: 0, mtu: undefined, source: undefined })
  expect(readConfig(pool({ delivery: 'gue' })).pools.get('web')!.port).toBe(6080)
})

it('has the tables of FlowPinner', () => {
  const { table } = readConfig(CONFIG).pools.get('web')!
  const backends = CONFIG.pools.web.backends.map(({ id, ...rest }) => ({
    id,
    weight: 'weight' in rest ? rest.weight : undefined,
  }))
  const pinner = new FlowPinner({ backends, affinity: 'client-ip-port', secret: CONFIG.secret })
  for (let port = 1; port < 500; port++) {
    const flow = { client: { address: '203.0.113.2', port } }
    const { slot, table: theirs } = pinner.explain(flow)
    expect(theirs.digest).toBe(table.digest)
    expect(table.backends[table.slots[slot]!]!.id).toBe(pinner.pick(flow)?.id)
  }
})

it('sorts ports, and joins ranges that touch', () => {
  const ports = ['20000-29999', 53, '10000-19999', '15000-16000', 54]
  expect(readConfig(service({ ports })).services[0]!.ports).toEqual([
    [53, 54],
    [10_000, 29_999],
  ])
})

it('leaves out who is not up', () => {
  const backends = [
    { id: 'a', address: '10.0.0.7', state: 'draining' },
    { id: 'b', address: '10.0.0.8' },
    { id: 'c', address: '10.0.0.9', state: 'down' },
  ]
  const { table } = readConfig(pool({ backends })).pools.get('web')!
  expect(new Set(table.slots)).toEqual(new Set([1]))
})

it('builds a table once, however many pools have it', () => {
  const many = { ...CONFIG, pools: { web: CONFIG.pools.web, other: CONFIG.pools.web } }
  const cache = new TableCache()
  const first = readConfig(many, cache)
  expect(first.pools.get('other')!.table).toBe(first.pools.get('web')!.table)
  expect(readConfig(many, cache).pools.get('web')!.table).toBe(first.pools.get('web')!.table)
})

it.each([
  { config: undefined, code: 'ERR_MISSING_ARGS', says: 'config' },
  { config: { ...CONFIG, secret: 'secret' }, code: 'ERR_INVALID_ARG_VALUE', says: 'config.secret' },
  { config: { ...CONFIG, service: [] }, code: 'ERR_UNKNOWN_OPTION', says: 'services' },
  { config: { ...CONFIG, pools: [] }, code: 'ERR_INVALID_ARG_VALUE', says: 'config.services[0].pool' },
  { config: pool({ delivery: 'ipv6' }), code: 'ERR_INVALID_ARG_VALUE', says: 'config.pools.web.delivery' },
  { config: pool({ mtu: 500 }), code: 'ERR_OUT_OF_RANGE', says: 'config.pools.web.mtu' },
  { config: pool({ tableSize: 1000 }), code: 'ERR_OUT_OF_RANGE', says: 'config.pools.web.tableSize' },
  { config: pool({ port: 5300 }), code: 'ERR_INVALID_ARG_VALUE', says: 'config.pools.web.port' },
  { config: pool({ source: '2001:db8::1' }), code: 'ERR_INVALID_ARG_VALUE', says: 'config.pools.web.source' },
  { config: pool({ backends: [{ id: 'a' }] }), code: 'ERR_MISSING_ARGS', says: 'config.pools.web.backends[0].address' },
  { config: pool({ backends: [{ id: 'a', address: '224.0.0.1' }] }), code: 'ERR_INVALID_ARG_VALUE', says: 'no group' },
  { config: service({ name: 1 }), code: 'ERR_INVALID_ARG_TYPE', says: 'config.services[0].name' },
  { config: service({ vips: ['example.com'] }), code: 'ERR_INVALID_ARG_VALUE', says: 'config.services[0].vips[0]' },
  { config: service({ ports: [0] }), code: 'ERR_OUT_OF_RANGE', says: 'config.services[0].ports[0]' },
  { config: service({ ports: [53, '2-1'] }), code: 'ERR_OUT_OF_RANGE', says: 'config.services[0].ports[1]' },
  { config: service({ ports: ['dns'] }), code: 'ERR_INVALID_ARG_VALUE', says: "'10000-19999'" },
  { config: service({ pool: 'wbe' }), code: 'ERR_INVALID_ARG_VALUE', says: "'web'" },
  { config: service({ affinity: 'ip' }), code: 'ERR_INVALID_ARG_VALUE', says: 'config.services[0].affinity' },
  { config: service({ fragments: true }), code: 'ERR_INVALID_ARG_VALUE', says: "affinity: 'client-ip'" },
  {
    config: two({}),
    code: 'ERR_INVALID_ARG_VALUE',
    says: 'port 53 of 198.51.100.2, which is that of config.services[0] ("dns")',
  },
  { config: two({ name: 'dns', ports: [54] }), code: 'ERR_INVALID_ARG_VALUE', says: 'config.services[1].name' },
])('$code: $says', ({ config, code, says }) => {
  let error: (Error & { code?: string }) | undefined
  try {
    readConfig(config as ForwarderConfig)
  } catch (thrown) {
    error = thrown as Error
  }
  expect(error?.code).toBe(code)
  expect(error?.message).toContain(says)
})

it('two services cannot both have a VIP’s fragments, nor a pool that is addressed by proxy', () => {
  const taker = { ports: [54], affinity: 'client-ip', fragments: true }
  const config = two(taker)
  expect(() =>
    readConfig({
      ...config,
      services: [{ ...config.services[0]!, affinity: 'client-ip', fragments: true }, config.services[1]!],
    }),
  ).toThrow('config.services[0] has the fragments to 198.51.100.2')
  expect(() => readConfig({ ...two(taker), pools: pool({ delivery: 'proxy' }).pools })).toThrow("'proxy'")
})
