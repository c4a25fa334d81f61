// Where a plan may stand: alone, or in a whole fly.toml with what Fly itself reads.
import { expect, test } from 'vitest'
import { PortPlan } from '../../../src/ports/index.js'
import { RANGES } from './forms.js'

const FLY = `
app = "calls"
primary_region = "sea"
processes = []

[build]
dockerfile = "Dockerfile"

[http_service]
internal_port = 7880
force_https = true

[[services]]
protocol = "tcp"
internal_port = 7881

  [[services.ports]]
  port = 7881
  handlers = ["tls", "http"]
  tls_options = { alpn = ["h2"] }

  [[services.ports]]
  regions = ["sea"]
  port_start = 10000
  port_end = 10999

[[services]]
protocol = "udp"
internal_port = 20000

  [[services.ports]]
  start_port = 20000
  end_port = 20999

  [[services.ports]]
  regions = ["ord"]
  port_start = 20000
  port_end = 20999

  [[services.ports]]
  regions = ["fra"]
  protocol = "tcp"
  port_start = 30000
  port_end = 30999

[[services.concurrency]]
type = "connections"

[[mounts]]
source = "data"
`

test('in a fly.toml: entries of Fly, and those for TCP, are left alone', () => {
  const plan = PortPlan.parse(FLY)
  expect(plan.entries.map(({ where, definition }) => [where, definition])).toEqual([
    ['line 35', { regions: ['ord'], protocol: 'udp', port_start: 20000, port_end: 20999 }],
  ])
})

test('in [[ports]] at the top, in inline tables, under [services], with dotted keys', () => {
  const one = '{ nodes = ["a"], port_mask = "0x2" }'
  const forms = [
    '[[ports]]\nnodes = ["a"]\nport_mask = 2',
    `ports = [${one}]`,
    `services = { ports = [${one}] }`,
    `services = [{ protocol = "udp", ports = [${one}] }]`,
    `[services]\nports = [${one}]`,
    `services.ports = [${one}]`,
    '[services.ports]\nnodes = ["a"]\nport_mask = 0b10',
    '[[services]]\n[[services.ports]]\nnodes = ["a"]\nport_mask = 0o2',
    '[["services".ports]]\r\nnodes = [\'a\']\r\nport_mask = "0b1_0"\r\n',
  ]
  for (const text of forms) expect([text, PortPlan.parse(text).windows('a')]).toEqual([text, [[1024, 2047]]])
})

test('as an object: entries, ports, services, a fly.toml as JSON, even a circular one', () => {
  const ports = [
    { nodes: ['a'], port_mask: 2n },
    { port: 443, handlers: ['tls'] },
  ]
  const circular: Record<string, unknown> = { services: { ports, protocol: undefined } }
  circular.self = circular
  for (const plan of [[ports[0]!], { ports }, { services: { ports } }, { services: [{}, { ports }] }, circular]) {
    expect(new PortPlan(plan).windows('a')).toEqual([[1024, 2047]])
  }
})

test('masks as BigInt, text and number, with bit 63', () => {
  for (const port_mask of [1n << 63n, '0x8000_0000_0000_0000', '9223372036854775808', `0b1${'0'.repeat(63)}`]) {
    expect(new PortPlan([{ nodes: ['a'], port_mask }]).windows('a')).toEqual([[64512, 65535]])
  }
  expect(PortPlan.parse('[[ports]]\nnodes=["a"]\nport_mask=0x8000_0000_0000_0000').owner(65535)?.nodes).toEqual(['a'])
  expect(new PortPlan([{ nodes: ['a'], port_mask: 5 }]).windows('a')).toEqual([
    [1, 1023],
    [2048, 3071],
  ])
})

test('no entries: all ports follow the default', () => {
  for (const plan of [PortPlan.parse(''), PortPlan.parse('app = "x"'), new PortPlan([]), new PortPlan({})]) {
    expect([plan.owner(0), plan.blocks(), plan.regions, plan.toString()]).toEqual([undefined, [], [], ''])
  }
})

test('a plan is frozen, and does not follow what it was made of', () => {
  const regions = ['sea']
  const plan = new PortPlan([{ regions, port_start: 1, port_end: 2 }])
  regions[0] = 'ord'
  expect(plan.regions).toEqual(['sea'])
  expect(plan.toString()).toContain('["sea"]')
  expect(() => (plan.entries as unknown[]).push(1)).toThrow(TypeError)
  expect(() => ((plan.owner(1)!.regions as string[])[0] = 'x')).toThrow(TypeError)
})

test('names: unknown ones are told what is near, and one for a region and a node must say which', () => {
  const plan = new PortPlan([
    { regions: ['sea'], port_start: 1000, port_end: 1999, per_node: ['sea', 'sea-2'] },
    { regions: ['ord'], port_start: 3000, port_end: 3999 },
    { nodes: ['x'], port_start: 3000, port_end: 3998 },
    { nodes: ['y'], port_start: 3000, port_end: 3997 },
  ])
  const refuse = (name: unknown, message: string, code = 'ERR_PORT_PLAN_OWNER') =>
    expect(() => plan.windows(name as never)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    )
  refuse('sea', '"sea" is a region and a node of this plan. Ask for { region: "sea" } or { node: "sea" }')
  expect(plan.windows({ region: 'sea' })).toEqual([[1000, 1999]])
  expect(plan.windows({ node: 'sea' })).toEqual([[1000, 1499]])
  refuse('odr', 'Did you mean "ord"?')
  refuse({ node: 'ord' }, '"ord" is no node of this plan. It has sea, sea-2, x, y')
  refuse('elsewhere', '"elsewhere" is neither region nor node of this plan. It has ord, sea, sea-2, x, y')
  refuse({}, 'must be a name, { region: name } or { node: name }', 'ERR_INVALID_ARG_TYPE')
  refuse({ node: 'x', region: 'ord' }, 'must be a name', 'ERR_INVALID_ARG_TYPE')
  expect(plan.windows('ord')).toEqual([[3999, 3999]])
  expect(() => plan.owner(65536)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
  expect(() => plan.owner('1' as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
})

test('the canonical text of the three ranges is that text', () => {
  expect(`\n${PortPlan.parse(RANGES)}`).toBe(RANGES)
})
