import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import type { EdgePart } from '../../examples/demo/edge/edge.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import type { ForwarderConfig } from '../../src/forwarder/index.js'

/** An edge whose process comes and goes, while its data plane stays. */

const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)
const [VIP] = DataCenter.vips
const PORT = 5300
const NAMES = ['a', 'b', 'c']

let mount: string
let pinPath: string
let center: DataCenter
let client: Actor<ClientPart>
let servers: Actor<BackendPart>[]
const edges: Actor<EdgePart>[] = []

beforeEach((context) => {
  const missing = whyNoDataCenter()
  if (missing) context.skip(missing)
})

beforeAll(async () => {
  if (whyNoDataCenter()) return
  // `ip netns exec` gives its programs another /sys.
  mount = mkdtempSync(join(tmpdir(), 'udp-dsr-'))
  execFileSync('mount', ['-t', 'bpf', 'bpf', mount])
  pinPath = join(mount, 'edge')
  center = await DataCenter.create({ backends: NAMES })
  client = new Actor(center.client, demo('client'))
  servers = center.backends.map(({ namespace }) => new Actor<BackendPart>(namespace, demo('backend')))
  await Promise.all(servers.map((server, i) => server.call('serve', 'PktInfoSocket', NAMES[i]!, [PORT])))
  await client.call('open', VIP, new Array(16).fill(PORT))
})
afterAll(() => {
  for (const actor of [...edges, client, ...(servers ?? [])]) actor?.kill()
  center?.remove()
  if (mount === undefined) return
  execFileSync('umount', [mount])
  rmdirSync(mount)
})

function newEdge(): Actor<EdgePart> {
  const edge = new Actor<EdgePart>(center.edge, demo('edge'))
  edges.push(edge)
  return edge
}

function config(names: readonly string[] = NAMES): ForwarderConfig {
  const members = center.backends.filter(({ name }) => names.includes(name))
  return {
    secret: '0011223344556677',
    pools: { servers: { delivery: 'l2', backends: members.map(({ name, address }) => ({ id: name, address })) } },
    services: [{ name: 'who', vips: [VIP], ports: [PORT, '6000-6099'], pool: 'servers' }],
  }
}

const packets = async (edge: Actor<EdgePart>) => (await edge.call('stats')).services[0]!.packets

it('an edge is killed, another takes over, with another configuration: not one datagram is lost', async () => {
  const first = newEdge()
  expect(await first.call('attach', { pinPath })).toEqual({ mode: 'native', adopted: false })
  await first.call('apply', config())
  const before = await client.call('ask')
  expect(new Set(before)).toEqual(new Set(NAMES))

  const flood = client.call('flood', 5000)
  const seen = await packets(first)
  await first.kill()
  const second = newEdge()
  expect(await second.call('attach', { pinPath })).toEqual({ mode: 'native', adopted: true })
  expect(await second.call('config')).toEqual(config())
  expect(await packets(second)).toBeGreaterThan(seen)
  // The program of the first is exchanged for that of the second; what follows are changes.
  for (const names of [['a', 'b'], ['b', 'c'], NAMES]) await second.call('apply', config(names))
  await second.call('close')
  const third = newEdge()
  expect((await third.call('attach', { pinPath })).adopted).toBe(true)
  await third.call('apply', config())
  const { sent, answered } = await flood
  expect(sent).toBeGreaterThan(1000)
  expect(sent - answered).toBe(0)
  expect(await client.call('ask')).toEqual(before)
})

it('a second instance is refused, and harms nothing', async () => {
  await expect(newEdge().call('attach', { pinPath })).rejects.toMatchObject({ code: 'ERR_BPF_LOCKED' })
  await expect(newEdge().call('attach', { pinPath: join(mount, 'other') })).rejects.toMatchObject({
    code: 'ERR_BPF_BUSY',
  })
  expect(existsSync(join(mount, 'other'))).toBe(false)
  expect(await client.call('ask')).not.toContain(null)
})

it('detach() takes all of it away', async () => {
  await edges[2]!.call('detach')
  expect(existsSync(pinPath)).toBe(false)
  // The host knows nobody of that address.
  expect(new Set(await client.call('ask'))).toEqual(new Set([null]))
  const next = newEdge()
  expect((await next.call('attach', { pinPath })).adopted).toBe(false)
  await next.call('detach')
})

it('an attach that fails half way leaves nothing', async () => {
  const ip = (verb: string) =>
    center.edge.run('sh', ['-c', `for i in $(seq 64); do ip addr ${verb} 10.9.0.$i/32 dev eth0; done`])
  await ip('add')
  const edge = newEdge()
  const returning = { pinPath, returnPath: {} }
  await expect(edge.call('attach', returning)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
    message: expect.stringMatching(/options.returnPath.endpoints.+ must name .+ at most 64: eth0 has 6\d/),
  })
  expect(existsSync(pinPath)).toBe(false)
  await ip('del')
  expect((await edge.call('attach', returning)).adopted).toBe(false)
  await edge.call('detach')
})

it('tunnels are undone when the process of Backend is gone; the next one goes on counting', async () => {
  const edge = newEdge()
  await edge.call('attach')
  const { pools, ...rest } = config(['a'])
  await edge.call('apply', { ...rest, pools: { servers: { ...pools.servers!, delivery: 'ipip' } } })
  const [{ namespace }] = center.backends as unknown as [{ namespace: ConstructorParameters<typeof Actor>[0] }]
  const path = join(mount, 'backend')
  const options = { interface: 'eth0', edges: [DataCenter.edge.address], pinPath: path }
  const first = new Actor<BackendPart>(namespace, demo('backend'))
  servers.push(first)
  await first.call('decapsulate', options)
  expect(new Set(await client.call('ask'))).toEqual(new Set(['a']))
  await first.kill()
  expect(new Set(await client.call('ask'))).toEqual(new Set(['a']))
  const second = new Actor<BackendPart>(namespace, demo('backend'))
  servers.push(second)
  await second.call('decapsulate', { ...options, edges: ['10.0.0.99', ...options.edges] })
  expect(new Set(await client.call('ask'))).toEqual(new Set(['a']))
  const { edges: counts } = await second.call('decapsulated')
  expect(counts.map(({ packets }) => packets)).toEqual([0, 3 * 16])
  // What is pinned is another interface's: that is said, and nothing is changed.
  await namespace.ip('link add other0 type veth peer name other1')
  await second.call('closeDecapsulating')
  const lost = second.call('decapsulate', { ...options, interface: 'other0', edges: ['10.0.0.99'] })
  await expect(lost).rejects.toMatchObject({ code: 'ERR_BPF_INCOMPATIBLE' })
  expect(new Set(await client.call('ask'))).toEqual(new Set(['a']))
  await second.call('decapsulate', options)
  await second.call('stopDecapsulating')
  expect(existsSync(path)).toBe(false)
  expect(new Set(await client.call('ask'))).toEqual(new Set([null]))
  await edge.call('detach')
})
