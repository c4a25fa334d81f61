// What a plan may not say, and how it is told: the value, the line, the remedy.
import { describe, expect, test } from 'vitest'
import { PortPlan, PortPlanError, type PortPlanObject } from '../../../src/ports/index.js'

/** An entry on lines 1 to 5, whose owner and ports are good unless they are replaced. */
function entry({ owner = 'regions = ["sea"]', ports = 'port_start = 10000\nport_end = 19999', more = '' }): string {
  return `[[services.ports]]\n${owner}\n${ports}\n${more}\n`
}

function refusal(plan: () => unknown): PortPlanError {
  try {
    plan()
  } catch (error) {
    if (error instanceof PortPlanError) return error
    throw error
  }
  throw new Error('it was taken')
}

describe('an entry of TOML', () => {
  const ENTRY = 'ERR_PORT_PLAN_ENTRY'
  const RANGE = 'ERR_PORT_PLAN_RANGE'
  test.each([
    [
      'ports and no owner',
      entry({ owner: '' }),
      ENTRY,
      'Line 1: the entry has ports and no owner. Add regions = ["…"]',
    ],
    [
      'an owner and no ports',
      entry({ ports: '' }),
      ENTRY,
      'Line 1: the entry has an owner and no ports. Add port_start',
    ],
    [
      'the ports of Fly',
      entry({ ports: 'start_port = 1\nend_port = 2' }),
      ENTRY,
      'start_port and end_port are read by Fly',
    ],
    [
      'both kinds of ports',
      entry({ more: 'port_mask = 1' }),
      ENTRY,
      'both port_mask and port_start or port_end. Keep one',
    ],
    ['both kinds of owner', entry({ more: 'nodes = ["a"]' }), ENTRY, 'both regions and nodes. Keep one'],
    ['no first port', entry({ ports: 'port_end = 2' }), ENTRY, 'port_end and no port_start. Add port_start'],
    ['no last port', entry({ ports: 'port_start = 2' }), ENTRY, 'port_start and no port_end. Add port_end'],
    [
      'a misspelt owner',
      entry({ owner: 'region = ["sea"]' }),
      ENTRY,
      'Line 2: unknown key "region". Did you mean "regions"?',
    ],
    [
      'a misspelt port',
      entry({ ports: 'port_strat = 1' }),
      ENTRY,
      'Line 3: unknown key "port_strat". Did you mean "port_start"?',
    ],
    [
      'an unknown key',
      entry({ more: 'colour = "red"' }),
      ENTRY,
      'Line 5: unknown key "colour". Keys of a plan: regions',
    ],
    [
      'an owner that is no list',
      entry({ owner: 'regions = "sea"' }),
      ENTRY,
      'Line 2: regions is no list of names. Write regions = ["…"]',
    ],
    ['nobody', entry({ owner: 'nodes = []' }), ENTRY, 'Line 2: nodes is no list of names'],
    ['a number for a name', entry({ owner: 'nodes = [\n  7]' }), ENTRY, 'Line 3: nodes has 7, which is no name'],
    ['a name of two lines', entry({ owner: 'nodes = ["a\\nb"]' }), ENTRY, "nodes has 'a\\nb', which is no name"],
    ['an empty name', entry({ owner: 'nodes = [""]' }), ENTRY, "nodes has '', which is no name"],
    ['a name twice', entry({ owner: 'nodes = ["a", "a"]' }), ENTRY, 'nodes has "a" twice. Leave one out'],
    [
      'an odd protocol',
      entry({ more: 'protocol = "sctp"' }),
      ENTRY,
      `Line 5: protocol 'sctp' is neither "udp" nor "tcp"`,
    ],
    [
      'a reversed range',
      entry({ ports: 'port_start = 2\nport_end = 1' }),
      RANGE,
      'Line 4: port_end 1 is below port_start 2',
    ],
    [
      'a port beyond the last',
      entry({ ports: 'port_start = 1\nport_end = 65536' }),
      RANGE,
      'Line 4: port_end 65536 is no port. Write an integer from 0 to 65535',
    ],
    ['a negative port', entry({ ports: 'port_start = -1\nport_end = 1' }), RANGE, 'Line 3: port_start -1 is no port'],
    ['half a port', entry({ ports: 'port_start = 1.5\nport_end = 2' }), RANGE, 'port_start 1.5 is no port'],
    ['a port as text', entry({ ports: 'port_start = "1"\nport_end = 2' }), RANGE, "port_start '1' is no port"],
    [
      'a mask of nothing',
      entry({ ports: 'port_mask = 0' }),
      RANGE,
      'Line 3: port_mask 0 has no ports. Write one of 64 bits',
    ],
    [
      'a mask beyond 64 bits',
      entry({ ports: 'port_mask = 0x1_0000_0000_0000_0000' }),
      RANGE,
      'port_mask 0x1_0000_0000_0000_0000 has bits beyond the 64',
    ],
    ['a negative mask', entry({ ports: 'port_mask = -1' }), RANGE, 'port_mask -1 has bits beyond the 64'],
    [
      'a mask that is none',
      entry({ ports: 'port_mask = "0xfg"' }),
      RANGE,
      "port_mask '0xfg' is no mask. Write one of 64 bits",
    ],
    [
      'shares of two regions',
      entry({ owner: 'regions = ["a", "b"]', more: 'per_node = ["c"]' }),
      ENTRY,
      'Line 5: per_node divides the range of exactly one region',
    ],
    [
      'shares of a node',
      entry({ owner: 'nodes = ["a"]', more: 'per_node = ["c"]' }),
      ENTRY,
      'per_node divides the range of exactly one region',
    ],
    ['shares of nobody', entry({ more: 'per_node = {}' }), ENTRY, 'per_node has no nodes'],
    ['a number of shares', entry({ more: 'per_node = 3' }), ENTRY, 'per_node is no list of names'],
    [
      'a weight of 0',
      entry({ more: 'per_node = { a = 0 }' }),
      ENTRY,
      'the weight 0 of "a" is none. Write an integer from 1 to 65535',
    ],
    ['a broken weight', entry({ more: 'per_node = { a = 0.5 }' }), ENTRY, 'the weight 0.5 of "a" is none'],
    ['an array of no tables', 'ports = [1]', ENTRY, 'Line 1: the entry is no table. Write it under [[services.ports]]'],
    ['services that are none', 'services = 1', ENTRY, 'Line 1: services is no table'],
    ['ports that are none', 'ports = 1', ENTRY, 'Line 1: ports is no array of tables'],
    [
      'a misspelt table',
      entry({}).replace('services', 'service'),
      ENTRY,
      '"service" is read by nobody. Did you mean "services"?',
    ],
    [
      'a misspelt table within',
      entry({}).replace('ports', 'port'),
      ENTRY,
      '"port" is read by nobody. Did you mean "ports"?',
    ],
    ['no TOML', 'a = ', 'ERR_PORT_PLAN_SYNTAX', 'line 1, column 5: Unspecified values are invalid'],
    [
      'too many nodes',
      entry({ ports: 'port_start = 1\nport_end = 2', more: 'per_node = ["a", "b", "c"]' }),
      'ERR_PORT_PLAN_SHARES',
      'Line 1: 2 ports divided among 3 nodes leave none for "c"',
    ],
  ])('with %s', (_, text, code, message) => {
    const error = refusal(() => PortPlan.parse(text))
    expect(error.message).toContain(message)
    expect([error.code, error.where]).toEqual([code, [expect.stringMatching(/^line \d$/)]])
  })

  test('with a tie names both, with their lines', () => {
    const text = `${entry({})}\n${entry({ owner: 'nodes = ["a"]', ports: 'port_start = 19999\nport_end = 29998' })}`
    const error = refusal(() => PortPlan.parse(text))
    expect(error.code).toBe('ERR_PORT_PLAN_CONFLICT')
    expect(error.where).toEqual(['line 1', 'line 7'])
    expect(error.message).toContain(
      'Line 1 (regions ["sea"]) and line 7 (nodes ["a"]) both claim port 19999, each with a range of 10000 ports',
    )
  })
})

describe('an entry of an object is named by its place', () => {
  test.each<[PortPlanObject, string]>([
    [
      { services: [{ ports: [{ port: 1 }, { handlers: [] }, { nodes: ['a'] }] }] },
      'services[0].ports[2]: the entry has an owner',
    ],
    [
      { services: { ports: [{ nodes: ['a'], port_start: 7, port_end: 1.5 }] } },
      'services.ports[0].port_end: port_end 1.5 is no port',
    ],
    [
      { ports: [{ nodes: ['a'], port_mask: 2 ** 60 }] },
      'ports[0].port_mask: port_mask 1152921504606846976 is a number beyond 2⁵³ − 1',
    ],
    [{ ports: [{ nodes: ['a'], port_mask: 1.5 }] }, 'port_mask 1.5 is no mask'],
    [{ ports: [null as never] }, 'ports[0]: the entry is no table'],
    [{ ports: [{ nodes: ['a', null] }] }, 'ports[0].nodes[1]: nodes has null, which is no name'],
  ])('%o', (plan, message) => {
    expect(refusal(() => new PortPlan(plan)).message).toContain(message)
  })

  test('in an array of entries too', () => {
    expect(refusal(() => new PortPlan([{ port_start: 1, port_end: 2 }])).where).toEqual(['plan[0]'])
  })
})

test.each([undefined, null, 5, () => {}])('%o is no plan', (plan) => {
  expect(() => new PortPlan(plan as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  expect(() => PortPlan.parse(plan as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
})
