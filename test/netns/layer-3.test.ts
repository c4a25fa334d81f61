import type { ChildProcess } from 'node:child_process'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import type { EdgePart } from '../../examples/demo/edge/edge.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import { findCommand, Namespace } from '../../examples/netns/index.js'
import type { DeliveryName, ForwarderConfig } from '../../src/forwarder/index.js'

/**
 * A backend behind a device of layer 3: a TUN whose packets go through a UDP socket, as those of a VPN do. Packets from the edge
 * reach it through the router.
 *
 * ```
 *  edge ── router ══ tun0 ══ backend
 * ```
 */

const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)
const [VIP, , VIP6] = DataCenter.vips
const PORT = 5300
const EDGES = [DataCenter.edge.address, DataCenter.edge.address6]
const BACKEND = { address: '10.1.0.2', address6: '2001:db8:11::2' }

let center: DataCenter
let remote: Namespace | undefined
const tunnels: ChildProcess[] = []
let edge: Actor<EdgePart>
let client: Actor<ClientPart>
let server: Actor<BackendPart>

function whyNot(): string | undefined {
  return whyNoDataCenter() ?? (findCommand('socat') ? undefined : 'a TUN device needs the program socat')
}

beforeEach((context) => {
  const missing = whyNot()
  if (missing) context.skip(missing)
})

beforeAll(async () => {
  if (whyNot()) return
  center = await DataCenter.create({ backends: [] })
  remote = await Namespace.create('remote')
  await Namespace.cable({ namespace: center.router, device: 'under0' }, { namespace: remote, device: 'under0' })
  await center.router.ip('address add 10.2.0.1/30 dev under0')
  await remote.ip('address add 10.2.0.2/30 dev under0')
  tunnels.push(tun(center.router, '10.2.0.1', '10.2.0.2'), tun(remote, '10.2.0.2', '10.2.0.1'))
  await Promise.all([center.router, remote].map(waitForTun))
  await center.router.ip(`
    address add 10.1.0.1/24 dev tun0
    address add 2001:db8:11::1/64 dev tun0`)
  await remote.ip(`
    address add ${BACKEND.address}/24 dev tun0
    address add ${BACKEND.address6}/64 dev tun0
    route add default via 10.1.0.1
    route add default via 2001:db8:11::1
    ${DataCenter.vips.map((vip) => `route add local ${vip} dev lo`).join('\n')}`)
  await center.edge.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
  edge = new Actor(center.edge, demo('edge'))
  client = new Actor(center.client, demo('client'))
  server = new Actor(remote, demo('backend'))
  await edge.call('attach', { returnPath: {} })
  await server.call('serve', 'PktInfoSocket', 'remote', [PORT])
  await server.call('serve', 'node:dgram', 'plain', [PORT + 1])
}, 60_000)
afterAll(() => {
  for (const actor of [edge, client, server]) actor?.kill()
  for (const tunnel of tunnels) tunnel.kill()
  remote?.remove()
  center?.remove()
})
afterEach(async () => {
  if (!whyNot()) await server.call('stopDecapsulating')
})

/** One end of a tunnel over UDP. */
function tun(namespace: Namespace, here: string, there: string): ChildProcess {
  const device = 'TUN,tun-name=tun0,tun-type=tun,iff-no-pi,iff-up'
  return namespace.spawn('socat', [device, `UDP4-DATAGRAM:${there}:9000,bind=${here}:9000`], { stdio: 'ignore' })
}

async function waitForTun(namespace: Namespace): Promise<void> {
  for (const until = Date.now() + 5000; Date.now() < until; ) {
    const { code } = await namespace.run('ip', ['link', 'show', 'tun0'])
    if (code === 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`no tun0 in ${namespace.name}`)
}

function config(delivery: DeliveryName, v6: boolean): ForwarderConfig {
  const backends = [{ id: 'remote', address: v6 ? BACKEND.address6 : BACKEND.address }]
  return {
    secret: '0011223344556677',
    pools: { servers: { delivery, backends, mtu: 1500 } },
    services: [{ name: 'who', vips: [VIP, VIP6], ports: [`${PORT}-${PORT + 1}`], pool: 'servers' }],
  }
}

async function answers(vip: string, port = PORT): Promise<Set<string | null>> {
  await client.call('close')
  await client.call('open', vip, new Array(10).fill(port))
  return new Set(await client.call('ask'))
}

const ways = (['ipip', 'gue', 'proxy'] as const).flatMap((delivery) => [false, true].map((v6) => ({ delivery, v6 })))
const deliveries = ['ipip', 'gue', 'proxy'] as const

describe.each(['direct', 'edge'] as const)('replies: %s', (back) => {
  it.each(ways)('$delivery over IPv6: $v6, for clients of either family', async ({ delivery, v6 }) => {
    const options = { interface: 'tun0', edges: EDGES, deliveries, return: back }
    expect(await server.call('decapsulate', options)).toBe('tc')
    const before = (await edge.call('stats')).reasons.returned!.packets
    await edge.call('apply', config(delivery, v6))
    for (const vip of [VIP, VIP6]) expect(await answers(vip)).toEqual(new Set(['remote']))
    const { reasons } = await edge.call('stats')
    expect(reasons.returned!.packets - before).toBe(back === 'edge' ? 20 : 0)
    const { edges, untrusted } = await server.call('decapsulated')
    expect(edges.reduce((sum, { packets }) => sum + packets, 0)).toBeGreaterThanOrEqual(20)
    expect(untrusted.packets).toBe(0)
  })
})

it('a stranger’s tunnels are dropped', async () => {
  await server.call('decapsulate', { interface: 'tun0', edges: ['10.0.0.99', '2001:db8:10::99'] })
  for (const v6 of [false, true]) {
    await edge.call('apply', config('ipip', v6))
    expect(await answers(VIP)).toEqual(new Set([null]))
  }
  expect((await server.call('decapsulated')).untrusted.packets).toBe(20)
})

it('the source of replies is changed there, too', async () => {
  await server.call('decapsulate', { interface: 'tun0', edges: EDGES })
  await edge.call('apply', config('ipip', false))
  for (const vip of [VIP, VIP6]) expect(await answers(vip, PORT + 1)).toEqual(new Set([null]))
  await server.call('rewrite', { interface: 'tun0', vips: [...DataCenter.vips] })
  try {
    for (const vip of [VIP, VIP6]) expect(await answers(vip, PORT + 1)).toEqual(new Set(['plain']))
  } finally {
    await server.call('stopRewriting')
  }
})

it('checksums of what arrived were right, whoever made them', async () => {
  await server.call('decapsulate', { interface: 'tun0', edges: EDGES })
  for (const namespace of [remote!, center.client]) {
    const { stdout } = await namespace.run('cat', ['/proc/net/snmp', '/proc/net/snmp6'])
    const [names, values] = stdout
      .split('\n')
      .filter((line) => line.startsWith('Udp: '))
      .map((line) => line.split(' '))
    expect(values![names!.indexOf('InCsumErrors')]).toBe('0')
    expect(/Udp6InCsumErrors\s+(\d+)/.exec(stdout)?.[1]).toBe('0')
  }
})

it('XDP is not for it, and says so', async () => {
  await server.call('decapsulate', { interface: 'tun0', edges: EDGES })
  const other = new Actor<BackendPart>(remote!, demo('backend'))
  try {
    await expect(other.call('decapsulate', { interface: 'tun0', edges: EDGES, mode: 'native' })).rejects.toThrow(
      "must be 'tc' on tun0",
    )
  } finally {
    other.kill()
  }
})
