import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import { Actor, type Part } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import { command } from '../../examples/netns/index.js'
import type { EdgeStatus } from '../../src/fleet/index.js'
import { EtcdServers, whyNoEtcd } from '../discovery/etcd-server.js'
import { eventually } from '../discovery/kit.js'
import type { FleetEdgePart } from '../fleet/parts/edge.js'
import type { ServerPart } from '../fleet/parts/server.js'

/** Two edges, four backends, an etcd, each a host; and what may happen to them while a client asks without pause. */

const [VIP] = DataCenter.vips
const PORT = 5300
const NAMES = ['a', 'b', 'c', 'd']
/** Seconds of a lease. */
const TTL = 2

let center: DataCenter
let servers: EtcdServers
let client: Actor<ClientPart>
let folder: string
let mount: string
const edges: Actor<FleetEdgePart>[] = []
const backends = new Map<string, Actor<ServerPart>>()

const part = <One extends Part>(namespace: DataCenter['client'], name: string) =>
  new Actor<One>(namespace, new URL(`../fleet/parts/${name}.ts`, import.meta.url))

const whyNot = () => whyNoDataCenter() ?? whyNoEtcd()
beforeEach((context) => {
  const missing = whyNot()
  if (missing) context.skip(missing)
})

beforeAll(async () => {
  if (whyNot()) return
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-fleet-'))
  mount = mkdtempSync(join(tmpdir(), 'udp-dsr-bpf-'))
  await command('mount', ['-t', 'bpf', 'bpf', mount])
  center = await DataCenter.create({ backends: NAMES, edges: 2, store: true })
  const { namespace, address } = center.store!
  servers = await EtcdServers.start({ at: { namespace, address } })
  client = new Actor<ClientPart>(center.client, new URL('../../examples/demo/edge/client.ts', import.meta.url))
  await Promise.all(NAMES.map((name) => startBackend(name)))
  for (const i of [0, 1]) await startEdge(i)
}, 90_000)
afterAll(async () => {
  for (const actor of [client, ...edges, ...backends.values()]) actor?.kill()
  await servers?.remove()
  center?.remove()
  if (mount !== undefined) {
    await command('umount', [mount])
    rmdirSync(mount)
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

function config(i: number, pool: object = {}): object {
  return {
    secret: '0011223344556677',
    edge: { name: `edge${i + 1}`, interface: 'eth0', pin_path: join(mount, `edge${i}`), state_dir: folder + i },
    pools: { servers: { delivery: 'l2', discover: ['store'], ...pool } },
    services: [{ name: 'who', vips: [VIP], ports: [PORT], pool: 'servers' }],
    discovery: { store: { type: 'etcd', endpoints: servers.endpoints } },
  }
}

async function startEdge(i: number): Promise<boolean> {
  await command('mkdir', ['-p', folder + i])
  edges[i] = part<FleetEdgePart>(center.edges[i]!.namespace, 'edge')
  const { adopted } = await edges[i]!.call('start', config(i))
  return adopted
}

async function startBackend(name: string): Promise<void> {
  const { namespace, address } = center.backends.find((one) => one.name === name)!
  const server = part<ServerPart>(namespace, 'server')
  backends.set(name, server)
  await server.call('serve', name, PORT)
  await server.call('register', { endpoints: servers.endpoints, pool: 'servers', id: name, address, ttl: TTL })
}

const statuses = () => Promise.all(edges.map((edge) => edge.call('status')))
const states = ({ pools }: EdgeStatus) => pools[0]!.backends.map(({ id, state }) => `${id} ${state}`).join(', ')
const kinds = ({ alarms }: EdgeStatus) => [...new Set(alarms.map(({ kind }) => kind))].sort()

/** Waits until every edge has these, with one digest. @returns milliseconds */
async function follow(wanted: string, timeout = 15_000): Promise<number> {
  const start = Date.now()
  await eventually(
    async () => {
      const [one, other] = await statuses()
      return states(one!) === wanted && states(other!) === wanted && one!.digest === other!.digest
    },
    `${wanted} on every edge`,
    timeout,
  )
  return Date.now() - start
}

const all = (state = 'up', ids = NAMES) => ids.map((id) => `${id} ${state}`).join(', ')
const quiet = () =>
  eventually(
    async () =>
      (await statuses()).every((status) => kinds(status).length === 0 && status.edges.every(({ same }) => same)),
    'no alarm on any edge',
    20_000,
  )

async function openFlows(count = 16): Promise<{ address: string; port: number }[]> {
  await client.call('close')
  return client.call('open', VIP, new Array(count).fill(PORT))
}

/** Asks without pause while something happens. */
async function lossesWhile(what: () => Promise<unknown>, least = 2000): Promise<number> {
  let done = false
  let sent = 0
  let answered = 0
  const asking = (async () => {
    for (const start = Date.now(); !done || Date.now() - start < least; ) {
      const once = await client.call('flood', 500)
      sent += once.sent
      answered += once.answered
    }
  })()
  try {
    await what()
  } finally {
    done = true
    await asking
  }
  expect(sent).toBeGreaterThan(1000)
  return sent - answered
}

describe('a fleet', () => {
  afterEach(async () => {
    if (!whyNot()) await follow(all())
  })

  it('edges follow the same members, and send each flow to the same one', async () => {
    await follow(all())
    await quiet()
    const flows = await openFlows(64)
    const answers = await client.call('ask')
    expect(new Set(answers)).toEqual(new Set(NAMES))
    for (const edge of edges) {
      const told = await edge.call(
        'explain',
        flows.map((flow) => ({ client: flow, local: { address: VIP, port: PORT } })),
      )
      expect(told).toEqual(answers)
    }
    const [one] = await statuses()
    expect(one!.edges).toEqual(['edge1', 'edge2'].map((name) => ({ name, digest: one!.digest, same: true })))
  })

  it('a change is followed by all of them within a second', async () => {
    const took: number[] = []
    for (const state of ['draining', 'up', 'down', 'up']) {
      await servers.ctl('put', '/udp-dsr/pools/servers/b', JSON.stringify({ address: '10.0.0.12', state }))
      took.push(await follow(`a up, b ${state}, c up, d up`))
    }
    expect(Math.max(...took)).toBeLessThan(1000)
  })

  it('flows stay with their backends when anycast moves them to another edge', async () => {
    await openFlows()
    const before = await client.call('ask')
    const lost = await lossesWhile(async () => {
      for (const i of [1, 0, 1, 0]) {
        await center.steer(i)
        await sleep(300)
      }
    })
    expect(lost).toBe(0)
    expect(await client.call('ask')).toEqual(before)
  })

  it('the store is killed, and comes back: nothing is lost', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      await servers.killOne(0)
      await eventually(async () => (await statuses()).every((status) => kinds(status).includes('stale')), 'the alarms')
      await sleep(1000 * TTL)
      await servers.startOne(0)
      await quiet()
    })
    expect(lost).toBe(0)
    expect(await Promise.all([...backends.values()].map((server) => server.call('state')))).toEqual(
      NAMES.map(() => 'registered'),
    )
  })

  it('the store is cut off for a minute, and all its leases have run out: nothing is lost', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      await center.store!.namespace.ip('link set eth0 down')
      await eventually(async () => (await statuses()).every((status) => kinds(status).includes('stale')), 'the alarms')
      await sleep(60_000)
      await center.store!.namespace.ip('link set eth0 up')
      await quiet()
    })
    expect(lost).toBe(0)
  }, 120_000)

  it('history is compacted under them: nothing is lost, and the next change is followed', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      const revision = /"revision":(\d+)/.exec(await servers.ctl('get', 'x', '-w', 'json'))![1]!
      await servers.ctl('compact', revision)
      await servers.ctl('put', '/udp-dsr/pools/servers/x', '{"address":"10.0.0.77","weight":0}')
      await follow(`${all()}, x up`)
      await servers.ctl('del', '/udp-dsr/pools/servers/x')
      await follow(all())
    })
    expect(lost).toBe(0)
  })

  it('a key is damaged: its backend stays, and the alarm says which', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      await servers.ctl('put', '/udp-dsr/pools/servers/b', '{"address": "10.0.')
      await eventually(
        async () => (await statuses()).every((status) => kinds(status).includes('unreadable')),
        'the alarms',
      )
      for (const status of await statuses()) {
        expect(states(status)).toBe(all())
        expect(status.alarms[0]!.message).toContain('/udp-dsr/pools/servers/b')
      }
      await servers.ctl('put', '/udp-dsr/pools/servers/b', '{"address":"10.0.0.12","state":"up"}')
      await quiet()
    })
    expect(lost).toBe(0)
  })

  it('the prefix is emptied: all stay, until somebody agrees or they are back', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      await servers.ctl('del', '--prefix', '/udp-dsr/pools/')
      await eventually(async () => (await statuses()).every((status) => kinds(status).includes('held')), 'the alarms')
      for (const status of await statuses()) {
        expect(states(status)).toBe(all())
        expect(status.held).toMatchObject([{ pool: 'servers', removed: NAMES }])
      }
      // Who registered sees to it that the key is there.
      await quiet()
    })
    expect(lost).toBe(0)
  })

  it('the process of an edge is killed: the kernel goes on, and so does the next process', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      process.kill(await edges[0]!.call('pid'), 'SIGKILL')
      await sleep(1000)
      expect(await startEdge(0)).toBe(true)
      await follow(all())
    })
    expect(lost).toBe(0)
  })

  it('an edge starts while the store is away, with what was known last', async () => {
    await edges[1]!.call('detach')
    edges[1]!.kill()
    await servers.killOne(0)
    await startEdge(1)
    await eventually(async () => states(await edges[1]!.call('status')) === all(), 'the members')
    await center.steer(1)
    await openFlows()
    expect(await client.call('ask')).not.toContain(null)
    await center.steer(0)
    await servers.startOne(0)
    await follow(all())
    await quiet()
  })

  it('all backends are replaced, one after the other: nothing is lost', async () => {
    await openFlows()
    const lost = await lossesWhile(async () => {
      for (const name of NAMES) {
        const server = backends.get(name)!
        await server.call('drain')
        await follow(NAMES.map((id) => `${id} ${id === name ? 'draining' : 'up'}`).join(', '))
        // What was under way is answered.
        await sleep(100)
        await server.call('stop')
        server.kill()
        await startBackend(name)
        await follow(all())
      }
    })
    expect(lost).toBe(0)
  })

  it('a backend is killed: its flows move when its lease ends, and those of others never notice', async () => {
    const flows = await openFlows(64)
    const before = await client.call('ask')
    const of = (name: string) => flows.filter((_, i) => before[i] === name).length
    const share = of('c') / flows.length
    backends.get('c')!.kill()
    const killed = Date.now()
    const lost = await lossesWhile(async () => {
      await follow(all('up', ['a', 'b', 'd']))
    }, 0)
    const seconds = (Date.now() - killed) / 1000
    expect(seconds).toBeLessThan(TTL + 6)
    expect(lost).toBeGreaterThan(0)
    expect(share).toBeGreaterThan(0)
    const after = await client.call('ask')
    expect(after).not.toContain('c')
    expect(after).not.toContain(null)
    expect(after.filter((name, i) => before[i] !== 'c' && name !== before[i])).toEqual([])
    await startBackend('c')
    await follow(all())
    expect(await client.call('ask')).toEqual(before)
  })
})

it('a config without sources has no alarm of theirs, and a reload that fails changes nothing', async () => {
  await servers.killOne(0)
  await eventually(async () => (await statuses()).every((status) => kinds(status).includes('stale')), 'the alarms')
  const { address } = center.backends[0]!
  const alone = { discover: [], backends: [{ id: 'a', address }] }
  await Promise.all(edges.map((edge, i) => edge.call('reload', { ...config(i, alone), discovery: {} })))
  for (const status of await statuses())
    expect([states(status), status.digest, kinds(status)]).toEqual(['a up', '', []])
  const file = join(folder, 'ca.pem')
  const store = { type: 'etcd', endpoints: ['https://10.0.0.9:2379'], tls: { ca: file } }
  for (const [i, edge] of edges.entries()) {
    writeFileSync(file, 'not read any more')
    const why = await edge.call('reloadWithout', { ...config(i), discovery: { store } }, file)
    expect(why).toContain(`ENOENT: no such file or directory, open '${file}'`)
  }
  for (const status of await statuses()) expect([states(status), kinds(status)]).toEqual(['a up', []])
  await servers.startOne(0)
  await Promise.all(edges.map((edge, i) => edge.call('reload', config(i))))
  await follow(all())
  await quiet()
})

it('health checks take a backend out long before its lease ends, and let it back', async () => {
  const checked = (i: number) =>
    config(i, { health: { check: 'udp', port: PORT, interval: 200, timeout: 100, rise: 2, fall: 2, floor: 0.25 } })
  await Promise.all(edges.map((edge, i) => edge.call('reload', checked(i))))
  await follow(all())
  await openFlows(64)
  expect(new Set(await client.call('ask'))).toEqual(new Set(NAMES))
  // It lives, and hears nobody.
  const { namespace } = center.backends[1]!
  await namespace.ip('link set eth0 mtu 1500')
  await command('ip', [
    'netns',
    'exec',
    namespace.name,
    'iptables',
    '-A',
    'INPUT',
    '-p',
    'udp',
    '--dport',
    String(PORT),
    '-j',
    'DROP',
  ])
  await follow('a up, b down, c up, d up', 5000)
  const [status] = await statuses()
  expect(status!.pools[0]!.backends[1]!.health).toMatchObject({
    state: 'down',
    reason: expect.stringContaining('no answer'),
  })
  expect(await client.call('ask')).not.toContain(null)
  await command('ip', ['netns', 'exec', namespace.name, 'iptables', '-F', 'INPUT'])
  await follow(all(), 5000)
})
