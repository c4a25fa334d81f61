import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import type { EdgePart } from '../../examples/demo/edge/edge.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import type { DeliveryName, ForwarderConfig } from '../../src/forwarder/index.js'
import { eventually } from '../discovery/kit.js'

/** A whole edge on a real network: clients that take answers only from the VIP, and servers that answer past the edge. */

const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)
const [VIP, , VIP6] = DataCenter.vips
const PORT = 5300
const NAMES = ['a', 'b', 'c']

let center: DataCenter
let edge: Actor<EdgePart>
let client: Actor<ClientPart>
let servers: Actor<BackendPart>[]

beforeEach((context) => {
  const missing = whyNoDataCenter()
  if (missing) context.skip(missing)
})

beforeAll(async () => {
  if (whyNoDataCenter()) return
  center = await DataCenter.create({ backends: NAMES })
  edge = new Actor(center.edge, demo('edge'))
  client = new Actor(center.client, demo('client'))
  servers = center.backends.map(({ namespace }) => new Actor<BackendPart>(namespace, demo('backend')))
  await edge.call('attach')
  await Promise.all(servers.map((server, i) => server.call('serve', 'PktInfoSocket', NAMES[i]!, [PORT])))
})
afterAll(() => {
  for (const actor of [edge, client, ...(servers ?? [])]) actor?.kill()
  center?.remove()
})

interface Change {
  delivery?: DeliveryName
  v6?: boolean
  states?: Record<string, 'up' | 'draining' | 'down'>
  names?: readonly string[]
}

function config({ delivery = 'l2', v6 = false, states = {}, names = NAMES }: Change = {}): ForwarderConfig {
  const members = center.backends.filter(({ name }) => names.includes(name))
  const backends = members.map(({ name, address, address6 }) => ({
    id: name,
    address: v6 ? address6 : address,
    state: states[name] ?? 'up',
  }))
  return {
    secret: '0011223344556677',
    pools: { servers: { delivery, backends } },
    services: [{ name: 'who', vips: [VIP, VIP6], ports: [PORT], pool: 'servers' }],
  }
}

describe('l2', () => {
  it.each([VIP, VIP6])('every flow to %s is answered, by the backend that explain() names', async (vip) => {
    await edge.call('apply', config())
    await client.call('close')
    const flows = await client.call('open', vip, new Array(60).fill(PORT))
    const answers = await client.call('ask')
    const told = await edge.call(
      'explain',
      flows.map((flow) => ({ client: flow, local: { address: vip, port: PORT } })),
    )
    expect(answers).toEqual(told)
    expect(new Set(answers)).toEqual(new Set(NAMES))
    expect(await client.call('ask')).toEqual(answers)
  })

  it('a backend that drains or goes takes only its own flows along, and gets them back', async () => {
    await edge.call('apply', config())
    await client.call('close')
    await client.call('open', VIP, new Array(90).fill(PORT))
    const before = await client.call('ask')
    for (const change of [
      { states: { b: 'draining' as const } },
      { states: { b: 'down' as const } },
      { names: ['a', 'c'] },
    ]) {
      await edge.call('apply', config(change))
      const after = await client.call('ask')
      expect(after.filter((name) => name === 'b' || name === null)).toEqual([])
      const moved = after.filter((name, i) => name !== before[i] && before[i] !== 'b').length
      expect(moved).toBe(0)
    }
    await edge.call('apply', config())
    expect(await client.call('ask')).toEqual(before)
  })

  it('a configuration that is wrong changes nothing', async () => {
    await edge.call('apply', config())
    await client.call('close')
    await client.call('open', VIP, new Array(20).fill(PORT))
    const before = await client.call('ask')
    const wrong = { ...config({ names: ['a'] }), services: [] as unknown as ForwarderConfig['services'], secret: 'no' }
    await expect(edge.call('apply', wrong)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
    expect(await client.call('ask')).toEqual(before)
  })

  it('nor does one that finds no room, also when the ways to the backends are looked up again', async () => {
    await edge.call('apply', config())
    await client.call('close')
    await client.call('open', VIP, new Array(20).fill(PORT))
    const before = await client.call('ask')
    const { pools, ...rest } = config()
    const large = { ...pools.servers!, tableSize: 2 ** 20, backends: [{ id: 'x', address: '10.0.0.99' }] }
    const tooMuch = {
      ...rest,
      pools: { ...pools, ...Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`p${i}`, large])) },
    }
    await expect(edge.call('apply', tooMuch)).rejects.toMatchObject({ code: 'ERR_BPF_MAP_FULL' })
    expect(await client.call('ask')).toEqual(before)
    await new Promise((resolve) => setTimeout(resolve, 5500))
    expect(await client.call('ask')).toEqual(before)
  })

  it('not one datagram is lost while pools change', async () => {
    await edge.call('apply', config())
    await client.call('close')
    await client.call('open', VIP, new Array(16).fill(PORT))
    const flood = client.call('flood', 3000)
    const pools = [
      ['a', 'b'],
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['c', 'a'],
    ]
    for (let i = 0; i < 40; i++) await edge.call('apply', config({ names: pools[i % pools.length]! }))
    const { sent, answered } = await flood
    expect(sent).toBeGreaterThan(1000)
    expect(sent - answered).toBe(0)
  })
})

it('a backend whose host answers late has its packets as soon as it does', async () => {
  await client.call('close')
  await client.call('open', VIP, new Array(8).fill(PORT))
  const { namespace, address } = center.backends[0]!
  for (let i = 0; i < 3; i++) {
    await edge.call('apply', config({ names: ['b'] }))
    await namespace.sysctl({ 'net.ipv4.conf.eth0.arp_ignore': 8 })
    await center.edge.ip('neighbour flush dev eth0')
    expect((await edge.call('apply', config({ names: ['a'] }))).unreachable).toEqual([address])
    expect(new Set(await client.call('ask'))).toEqual(new Set([null]))
    await namespace.sysctl({ 'net.ipv4.conf.eth0.arp_ignore': 0 })
    // The kernel asks once a second.
    await eventually(async () => !(await client.call('ask')).includes(null), 'the answers', 2000)
  }
  await edge.call('apply', config())
}, 30_000)

it('events tell of packets', async () => {
  await edge.call('detach')
  await edge.call('attach', { events: { sample: 1 } })
  await edge.call('apply', config())
  await client.call('close')
  const flows = await client.call('open', VIP, [PORT])
  const told = edge.call('events', 1)
  const [answer] = await client.call('ask')
  const backend = center.backends.find(({ name }) => name === answer)!
  const [event] = await told
  expect(event).toEqual({
    time: expect.any(Number),
    client: flows[0],
    local: { address: VIP, port: PORT },
    service: 'who',
    backend: { id: answer, address: backend.address },
    length: 20 + 8 + 'who are you?'.length,
    reason: 'forwarded',
    protocol: 'udp',
  })
  expect(Math.abs(event!.time - Date.now())).toBeLessThan(5000)
  await edge.call('detach')
  await edge.call('attach')
  await edge.call('apply', config())
  await expect(edge.call('events', 1)).rejects.toMatchObject({ code: 'ERR_FORWARDER_NO_EVENTS' })
})

describe('a flow table', () => {
  beforeAll(async () => {
    if (whyNoDataCenter()) return
    await edge.call('detach')
    await edge.call('attach', { flowTable: { flows: 4096 } })
  })
  afterAll(async () => {
    if (whyNoDataCenter()) return
    await edge.call('detach')
    await edge.call('attach')
  })
  const remembering = (change: Change = {}): ForwarderConfig => {
    const { services, ...rest } = config(change)
    return { ...rest, services: [{ ...services[0]!, flowTable: true }] }
  }

  it('keeps flows where they are while one drains, and not when it is down', async () => {
    await edge.call('apply', remembering())
    await client.call('close')
    const flows = await client.call('open', VIP, new Array(60).fill(PORT))
    const explained = () =>
      edge.call(
        'explain',
        flows.map((flow) => ({ client: flow, local: { address: VIP, port: PORT } })),
      )
    const before = await client.call('ask')
    expect(new Set(before)).toEqual(new Set(NAMES))
    await edge.call('apply', remembering({ states: { b: 'draining' } }))
    expect(await client.call('ask')).toEqual(before)
    expect(await explained()).toEqual(before)
    const late = await client.call('open', VIP, new Array(30).fill(PORT))
    expect((await client.call('ask')).slice(flows.length)).not.toContain('b')
    expect(late).toHaveLength(30)
    await edge.call('apply', remembering({ states: { b: 'down' } }))
    const after = (await client.call('ask')).slice(0, flows.length)
    expect(
      after.filter((name, i) => name === 'b' || name === null || (before[i] !== 'b' && name !== before[i])),
    ).toEqual([])
    expect(await explained()).toEqual(after)
    // Flows that moved stay where they are now.
    await edge.call('apply', remembering())
    expect((await client.call('ask')).slice(0, flows.length)).toEqual(after)
  })

  it('is refused where the edge was attached without', async () => {
    await edge.call('detach')
    await edge.call('attach')
    await expect(edge.call('apply', remembering())).rejects.toThrow('config.services[0].flowTable')
  })
})

describe('proxy', () => {
  const PROXIED = 5301

  it.each([VIP, VIP6])('clients of %s are known by the header, and answered from the VIP', async (vip) => {
    const proxied = (v6: boolean): ForwarderConfig => {
      const { services, ...rest } = config({ delivery: 'proxy', v6 })
      return { ...rest, services: [{ ...services[0]!, ports: [PROXIED] }] }
    }
    const trusted = [DataCenter.edge.address, DataCenter.edge.address6]
    if (vip === VIP) {
      await Promise.all(servers.map((server, i) => server.call('serveProxied', NAMES[i]!, PROXIED, trusted)))
    }
    // Backends of either family serve clients of both.
    for (const v6 of [false, true]) {
      await edge.call('apply', proxied(v6))
      await client.call('close')
      await client.call('open', vip, new Array(40).fill(PROXIED))
      const answers = await client.call('ask')
      expect(answers).not.toContain(null)
      expect(new Set(answers)).toEqual(new Set(NAMES))
    }
  })
})

describe('tunnels', () => {
  const edges = [DataCenter.edge.address, DataCenter.edge.address6]

  it('are undone by Backend: IPIP and GUE, of either family, for clients of either', async () => {
    const modes = await Promise.all(servers.map((server) => server.call('decapsulate', { interface: 'eth0', edges })))
    expect(new Set(modes)).toEqual(new Set(['native']))
    for (const delivery of ['ipip', 'gue'] as const) {
      for (const v6 of [false, true]) {
        await edge.call('apply', config({ delivery, v6 }))
        for (const vip of [VIP, VIP6]) {
          await client.call('close')
          await client.call('open', vip, new Array(30).fill(PORT))
          const answers = await client.call('ask')
          expect(answers).not.toContain(null)
          expect(new Set(answers)).toEqual(new Set(NAMES))
        }
      }
    }
    for (const { edges: counts, untrusted } of await Promise.all(
      servers.map((server) => server.call('decapsulated')),
    )) {
      expect(counts.map(({ packets }) => packets > 20)).toEqual([true, true])
      expect(untrusted.packets).toBe(0)
    }
  })

  it('are refused from anybody else: with other edges named nothing arrives', async () => {
    await Promise.all(servers.map((server) => server.call('stopDecapsulating')))
    await Promise.all(servers.map((server) => server.call('decapsulate', { interface: 'eth0', edges: ['10.0.0.99'] })))
    await edge.call('apply', config({ delivery: 'ipip' }))
    await client.call('close')
    await client.call('open', VIP, new Array(30).fill(PORT))
    expect(new Set(await client.call('ask'))).toEqual(new Set([null]))
    const dropped = (await Promise.all(servers.map((server) => server.call('decapsulated')))).map(
      ({ untrusted }) => untrusted.packets,
    )
    expect(dropped.reduce((a, b) => a + b)).toBe(30)
  })
})

it('checksums of what arrived were right, whoever made them', async () => {
  for (const { namespace } of center.backends) {
    const { stdout } = await namespace.run('cat', ['/proc/net/snmp', '/proc/net/snmp6'])
    const [names, values] = stdout
      .split('\n')
      .filter((line) => line.startsWith('Udp: '))
      .map((line) => line.split(' '))
    expect(values![names!.indexOf('InCsumErrors')]).toBe('0')
    expect(/Udp6InCsumErrors\s+(\d+)/.exec(stdout)?.[1]).toBe('0')
  }
})
