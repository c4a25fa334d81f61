import { hostname } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { ArgumentTypeError } from '../../../src/errors.js'
import { checkParts } from '../../../src/fleet/config/check/check.js'
import { withSecret } from '../../../src/fleet/config/forwarder.js'
import { Problems } from '../../../src/fleet/config/problems.js'
import { configSchema } from '../../../src/fleet/config/schema/config.js'
import {
  backendOptions,
  ConfigError,
  forwarderConfig,
  forwarderOptions,
  membersOf,
  parseConfig,
  placeRefusal,
  readConfig,
  rewriteOptions,
} from '../../../src/fleet/index.js'
import { readConfig as readAsForwarder, TableCache } from '../../../src/forwarder/read-config.js'

const TEXT = `secret = "0123456789abcdef"
[edge]
interface = "eth0"
pin_path = "/sys/fs/bpf/edge"
limits = { backends = 100 }
flow_table = { idle = 30 }
quic = true
events = {}

[backend]
interface = "eth1"
edges = ["10.0.0.2"]
gue_port = 6081

[rewrite]
interface = "eth2"
idle = 60

[pools."web.dns"]
delivery = "gue"
table = "maglev"
table_size = 251
source = "10.0.0.2"
mtu = 1400
port = 6081
vlan = 7
quic_lb = { config_ids = [1], server_id_length = 1 }
backends = [{ id = "a", address = "10.0.0.7", weight = 3, state = "draining", server_id = "c4" }]

[[services]]
name = "web"
vips = ["198.51.100.2"]
ports = [443, "10000-19999"]
pool = "web.dns"
flow_table = true
quic = true
echo = false

[[services]]
name = "dns"
vips = ["198.51.100.2", "198.51.100.3"]
ports = [53]
pool = "web.dns"
affinity = "client-ip"
fragments = true`

describe('what the classes of udp-dsr/forwarder take', () => {
  const config = parseConfig(TEXT, { file: 'udp-dsr.toml' })

  it('Forwarder', () => {
    expect(forwarderOptions(config)).toEqual({
      interface: 'eth0',
      mode: 'auto',
      pinPath: '/sys/fs/bpf/edge',
      limits: { services: 16_384, slots: 16_384, backends: 100, pools: 1024 },
      flowTable: { flows: 2 ** 20, idle: 30 },
      quic: true,
      events: { sample: 1024, bytes: 2 ** 18 },
    })
    expect(forwarderConfig(config)).toEqual({
      secret: '0123456789abcdef',
      pools: {
        'web.dns': {
          delivery: 'gue',
          table: 'maglev',
          tableSize: 251,
          source: '10.0.0.2',
          mtu: 1400,
          port: 6081,
          vlan: 7,
          quicLb: { configIds: [1], serverIdLength: 1 },
          backends: [{ id: 'a', address: '10.0.0.7', weight: 3, state: 'draining', serverId: 'c4' }],
        },
      },
      services: [
        {
          name: 'web',
          vips: ['198.51.100.2'],
          ports: [443, '10000-19999'],
          pool: 'web.dns',
          affinity: 'client-ip-port',
          fragments: false,
          flowTable: true,
          learnPorts: false,
          quic: true,
          echo: false,
        },
        {
          name: 'dns',
          vips: ['198.51.100.2', '198.51.100.3'],
          ports: [53],
          pool: 'web.dns',
          affinity: 'client-ip',
          fragments: true,
          flowTable: false,
          learnPorts: false,
          quic: false,
          echo: true,
        },
      ],
    })
    expect(readAsForwarder(forwarderConfig(config)).pools.get('web.dns')?.table.size).toBe(251)
  })

  it('members stand in place of a pool’s backends', () => {
    const members = [...membersOf(config.pools['web.dns']!), { id: 'b', address: '10.0.0.8' }]
    expect(forwarderConfig(config, { 'web.dns': members }).pools['web.dns']!.backends.map(({ id }) => id)).toEqual([
      'a',
      'b',
    ])
    expect(forwarderConfig(config, { 'web.dns': [] }).pools['web.dns']!.backends).toEqual([])
    expect(forwarderConfig(config, { other: members }).pools['web.dns']!.backends.map(({ id }) => id)).toEqual(['a'])
  })

  it('Backend and SourceRewrite', () => {
    expect(backendOptions(config)).toEqual({
      interface: 'eth1',
      edges: ['10.0.0.2'],
      deliveries: ['ipip', 'gue'],
      guePort: 6081,
      mode: 'auto',
      return: 'direct',
      clients: 262_144,
      idle: 120,
    })
    expect(rewriteOptions(config)).toEqual({
      interface: 'eth2',
      vips: ['198.51.100.2', '198.51.100.3'],
      rules: [],
      hook: 'auto',
      learn: true,
      flows: 65_536,
      idle: 60,
    })
  })

  it('a section that is not there is named with the file', () => {
    const empty = parseConfig('', { file: 'udp-dsr.toml' })
    expect(() => forwarderOptions(empty)).toThrow(/^udp-dsr\.toml:1:1: edge is missing, and must be there on an edge\./)
    expect(() => backendOptions(empty)).toThrow(/^udp-dsr\.toml:1:1: backend is missing/)
    expect(() => rewriteOptions(empty)).toThrow(/^udp-dsr\.toml:1:1: rewrite is missing/)
    expect(() => forwarderConfig(empty)).toThrow(/^udp-dsr\.toml:1:1: secret is missing/)
  })

  it('an edge is named like its host', () => {
    expect(config.edge?.name).toBe(hostname())
    expect(parseConfig(TEXT.replace('[edge]', '[edge]\nname = "fra-1"')).edge?.name).toBe('fra-1')
  })
})

describe('placeRefusal', () => {
  const config = parseConfig(TEXT, { file: 'udp-dsr.toml' })

  /** What the edge says of members that discovery found. */
  function refusal(members: Parameters<typeof forwarderConfig>[1]): unknown {
    try {
      readAsForwarder(forwarderConfig(config, members))
    } catch (error) {
      return placeRefusal(config, error)
    }
    throw new Error('they were taken')
  }

  it('tells where in the file it is what the edge refuses', () => {
    const error = refusal({ 'web.dns': [{ id: 'a', address: '2001:db8::7' }] }) as ConfigError
    expect(error).toBeInstanceOf(ConfigError)
    expect(error.message).toMatch(
      /^udp-dsr\.toml:23:10: pools\."web\.dns"\.source is refused: .* must be of the family of all backends/,
    )
    expect(error.cause).toBeInstanceOf(ArgumentTypeError)
  })

  it('names the pool where a member is in no file', () => {
    const members = [0, 1, 2].map((i) => ({ id: `${i}`, address: i === 2 ? 'nowhere' : '10.0.0.1' }))
    expect((refusal({ 'web.dns': members }) as Error).message).toMatch(
      /^udp-dsr\.toml:28:1: pools\."web\.dns"\.backends\[2\]\.address is refused/,
    )
  })

  test.each([
    ['options.flowTable.idle', 'edge', '6:23'],
    ['options.guePort', 'backend', '13:12'],
    ['options.idle', 'rewrite', '17:8'],
    ['config.services[1].ports[0]', 'edge', '42:10'],
    ['config.pools.web.dns.tableSize', 'edge', '22:14'],
  ] as const)('%s of %s is at %s', (argument, section, place) => {
    const error = placeRefusal(config, new ArgumentTypeError('ERR_INVALID_ARG_VALUE', 'It is wrong', argument), section)
    expect((error as Error).message).toContain(`udp-dsr.toml:${place}: `)
  })

  it('gives back what is about nothing in the config', () => {
    for (const error of [
      new Error('x'),
      new ArgumentTypeError('ERR_INVALID_ARG_VALUE', 'x', 'address'),
      new ArgumentTypeError('ERR_INVALID_ARG_VALUE', 'x'),
      5,
    ]) {
      expect(placeRefusal(config, error)).toBe(error)
    }
  })
})

const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

/** Configs whose parts are right by themselves, and meet in few names, addresses and ports. */
const clashing = fc.record({
  pools: fc.dictionary(
    fc.constantFrom('a', 'b'),
    fc.record({
      delivery: fc.constantFrom('l2', 'ipip', 'gue', 'proxy'),
      backends: fc.array(
        fc.record({
          id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
          address: fc.constantFrom('10.0.0.1', '10.0.0.2', '2001:db8::1'),
          weight: fc.nat(1),
          server_id: rarely(fc.constantFrom('01', '02', '0002', 'AA', 'aa')),
        }),
        { maxLength: 3 },
      ),
      port: rarely(fc.constant(6080)),
      source: rarely(fc.constantFrom('10.0.0.9', '2001:db8::9')),
      table_size: fc.constantFrom(2, 256, 256, 256),
      quic_lb: fc.option(fc.record({ config_ids: fc.constant([0]), server_id_length: fc.constantFrom(1, 2) }), {
        nil: undefined,
      }),
    }),
    { minKeys: 1 },
  ),
  services: fc.array(
    fc.record({
      name: fc.constantFrom('u', 'v', 'w', 'x', 'y', 'z'),
      vips: fc.array(fc.constantFrom('198.51.100.1', '198.51.100.2', '198.51.100.3', '::ffff:198.51.100.3'), {
        minLength: 1,
        maxLength: 2,
      }),
      ports: fc.array(fc.constantFrom(1, 2, 3, '1-2', '5-9', '7-12', '20-30', '40-50', 60, 70), {
        minLength: 1,
        maxLength: 3,
      }),
      pool: fc.constantFrom('a', 'b'),
      affinity: fc.constantFrom('client-ip', 'flow'),
      fragments: rarely(fc.constant(true)),
      quic: rarely(fc.constant(true)),
    }),
    { maxLength: 3 },
  ),
})

/** What the edge itself says, one problem at most. */
function edgeSays(sections: ReturnType<typeof configSchema.parse>): string | undefined {
  try {
    readAsForwarder(
      withSecret({ ...sections, secret: undefined, edge: undefined, discovery: {}, warnings: [] }, '0'.repeat(16)),
      new TableCache(),
    )
  } catch (error) {
    return (error as Error).message
  }
  return undefined
}

it('finds something wrong with a config exactly when the edge does', () => {
  const counts = { taken: 0, refused: 0 }
  fc.assert(
    fc.property(clashing, (written) => {
      const sections = configSchema.parse(written)
      const problems = new Problems({ file: undefined, root: undefined })
      checkParts(sections, problems)
      const edge = edgeSays(sections)
      expect([problems.any, problems.any && problems.error().message, edge]).toEqual([
        edge !== undefined,
        expect.anything(),
        edge,
      ])
      counts[problems.any ? 'refused' : 'taken']++
      if (problems.any) expect(() => readConfig(written)).toThrow(ConfigError)
      else expect(readConfig(written).services).toHaveLength(written.services.length)
    }),
    { numRuns: 1500 },
  )
  expect(counts.taken).toBeGreaterThan(50)
  expect(counts.refused).toBeGreaterThan(50)
})

it('names every service that has a port of another one', () => {
  const port = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(6)).map(([low, more]) => `${low}-${low + more}`)
  const services = fc.array(fc.array(port, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 })
  fc.assert(
    fc.property(services, (all) => {
      const sections = configSchema.parse({
        pools: { a: { delivery: 'l2' } },
        services: all.map((ports, i) => ({ name: `${i}`, vips: ['198.51.100.1'], ports, pool: 'a' })),
      })
      const problems = new Problems({ file: undefined, root: undefined })
      checkParts(sections, problems)
      const sets = all.map((ports) => new Set(ports.flatMap((range) => portsOf(range))))
      const clash = sets.map((set, i) => sets.some((other, j) => j !== i && [...set].some((port) => other.has(port))))
      // A problem stands at the later of two services, and names the earlier one.
      const named = new Set<number>()
      for (const { path, expected } of problems.any ? problems.error().problems : []) {
        named.add(Number(/services\[(\d+)\]/.exec(path)![1]))
        named.add(Number(/services\[(\d+)\]/.exec(expected)![1]))
      }
      for (const i of named) expect(clash[i]).toBe(true)
      expect(named.size > 0).toBe(clash.includes(true))
    }),
    { numRuns: 1000 },
  )
})

function portsOf(range: string): number[] {
  const [low, high] = range.split('-').map(Number) as [number, number]
  return Array.from({ length: high - low + 1 }, (_, i) => low + i)
}
