import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import type { EdgePart } from '../../examples/demo/edge/edge.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import { findCommand } from '../../examples/netns/index.js'
import type { DeliveryName, ForwarderConfig } from '../../src/forwarder/index.js'

/** Replies through the edge, on a network that lets no backend send from a VIP. */

const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)
const [VIP, , VIP6] = DataCenter.vips
const PORT = 5300
const PROXIED = 5301
const SEGMENTS = 5302
const LATE = 5303
const OPEN = [20_000, 20_009] as const
const NAMES = ['a', 'b', 'c']
const EDGES = [DataCenter.edge.address, DataCenter.edge.address6]

let center: DataCenter
let edge: Actor<EdgePart>
let client: Actor<ClientPart>
let servers: Actor<BackendPart>[]

function whyNot(): string | undefined {
  return whyNoDataCenter() ?? (findCommand('nft') ? undefined : 'the network that refuses needs the program nft')
}

beforeEach((context) => {
  const missing = whyNot()
  if (missing) context.skip(missing)
})

beforeAll(async () => {
  if (whyNot()) return
  center = await DataCenter.create({ backends: NAMES })
  edge = new Actor(center.edge, demo('edge'))
  client = new Actor(center.client, demo('client'))
  servers = center.backends.map(({ namespace }) => new Actor<BackendPart>(namespace, demo('backend')))
  await center.edge.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
  // XDP at the edge sees frames as they lie in memory, and a veth would leave checksums to it.
  await Promise.all(center.backends.map(({ namespace }) => namespace.run('ethtool', ['-K', 'eth0', 'tx', 'off'])))
  await refuseForeignSources()
  await edge.call('attach', { returnPath: {}, flowTable: { flows: 4096 } })
  const ports = [PORT, ...Array.from({ length: OPEN[1] - OPEN[0] + 1 }, (_, i) => OPEN[0] + i)]
  await Promise.all(
    servers.map(async (server, i) => {
      await server.call('serve', 'PktInfoSocket', NAMES[i]!, ports)
      await server.call('serve', 'PktInfoSocket', NAMES[i]!, [PROXIED])
      await server.call('serveSegments', SEGMENTS, { reply: true })
    }),
  )
}, 60_000)
afterAll(() => {
  for (const actor of [edge, client, ...(servers ?? [])]) actor?.kill()
  center?.remove()
})

/** The router takes packets with a VIP as source from the edge alone. */
async function refuseForeignSources(): Promise<void> {
  const { stdout } = await center.edge.run('cat', ['/sys/class/net/eth0/address'])
  const vips = (v6: boolean) => DataCenter.vips.filter((vip) => vip.includes(':') === v6).join(', ')
  const rules = `
    table inet network {
      chain forward {
        type filter hook forward priority 0
        iifname "br0" ether saddr != ${stdout.trim()} ip saddr { ${vips(false)} } counter drop
        iifname "br0" ether saddr != ${stdout.trim()} ip6 saddr { ${vips(true)} } counter drop
      }
    }`
  const { code, stderr } = await center.router.run('nft', ['-f', '-'], { input: rules })
  if (code !== 0) throw new Error(`nft: ${stderr}`)
}

function config(delivery: DeliveryName, v6: boolean, learnPorts = false): ForwarderConfig {
  const backends = center.backends.map(({ name, address, address6 }) => ({
    id: name,
    address: v6 ? address6 : address,
  }))
  const ports = [PORT, PROXIED, SEGMENTS, LATE]
  return {
    secret: '0011223344556677',
    pools: { servers: { delivery, backends } },
    services: [
      { name: 'who', vips: [VIP, VIP6], ports, pool: 'servers' },
      { name: 'open', vips: [VIP, VIP6], ports: [OPEN.join('-')], pool: 'servers', learnPorts },
    ],
  }
}

async function attachBackends(back: 'direct' | 'edge', deliveries: ('ipip' | 'gue' | 'proxy')[] = ['ipip', 'gue']) {
  await Promise.all(
    servers.map((server) => server.call('decapsulate', { interface: 'eth0', edges: EDGES, return: back, deliveries })),
  )
}
const detachBackends = () => Promise.all(servers.map((server) => server.call('stopDecapsulating')))

async function answers(vip: string, port: number, flows = 30): Promise<(string | null)[]> {
  await client.call('close')
  await client.call('open', vip, new Array(flows).fill(port))
  return client.call('ask')
}

it('directly nothing arrives there', async () => {
  await attachBackends('direct')
  await edge.call('apply', config('ipip', false))
  for (const vip of [VIP, VIP6]) expect(new Set(await answers(vip, PORT))).toEqual(new Set([null]))
  await detachBackends()
})

describe('through the edge', () => {
  beforeAll(async () => {
    if (!whyNot()) await attachBackends('edge', ['ipip', 'gue', 'proxy'])
  })
  afterAll(async () => {
    if (!whyNot()) await detachBackends()
  })

  const ways = (['ipip', 'gue', 'proxy'] as const).flatMap((delivery) => [false, true].map((v6) => ({ delivery, v6 })))
  it.each(ways)('$delivery to backends over IPv6: $v6, for clients of either family', async ({ delivery, v6 }) => {
    const before = (await edge.call('stats')).reasons.returned!.packets
    await edge.call('apply', config(delivery, v6))
    for (const vip of [VIP, VIP6]) {
      const heard = await answers(vip, delivery === 'proxy' ? PROXIED : PORT)
      expect(heard).not.toContain(null)
      expect(new Set(heard)).toEqual(new Set(NAMES))
    }
    const { reasons } = await edge.call('stats')
    expect(reasons.returned!.packets - before).toBe(60)
    expect(reasons.untrusted!.packets).toBe(0)
  })

  it('a backend owns the port that it sends from, until another pool says otherwise', async () => {
    await edge.call('apply', config('ipip', false, true))
    const owners: (string | null)[] = []
    for (let port: number = OPEN[0]; port <= OPEN[1]; port++) {
      const [owner] = await answers(VIP, port, 1)
      owners.push(owner!)
      const flows = await client.call('open', VIP, new Array(12).fill(port))
      expect(new Set(await client.call('ask'))).toEqual(new Set([owner]))
      const told = await edge.call(
        'explain',
        flows.map((flow) => ({ client: flow, local: { address: VIP, port } })),
      )
      expect(new Set(told)).toEqual(new Set([owner]))
    }
    expect(new Set(owners).size).toBeGreaterThan(1)
    // Without it the table decides again.
    await edge.call('apply', config('ipip', false))
    expect(new Set(await answers(VIP, OPEN[0]))).toEqual(new Set(NAMES))
  })

  it.each([VIP, VIP6])(
    'a way to the client that takes less than a reply is found out by its backend (%s)',
    async (vip) => {
      await edge.call('apply', config('ipip', false))
      const v6 = vip === VIP6
      const [family, via] = v6 ? ['-6 ', '2001:db8:10::1'] : ['', '10.0.0.1']
      const way = (mtu: string) => center.edge.run('sh', ['-c', `ip ${family}route change default via ${via} ${mtu}`])
      expect((await way('mtu lock 1300')).code).toBe(0)
      try {
        await client.call('close')
        await client.call('open', vip, new Array(12).fill(PORT))
        // The edge's host says that it is too big; the edge sends that on to the backend, which cuts the next one.
        await client.call('ask', 1400)
        const heard = await client.call('ask', 1400)
        expect(heard.map((text) => text?.length)).toEqual(new Array(12).fill(1400))
      } finally {
        await way('')
      }
    },
  )

  it('who is a member no longer cannot have the edge send for it', async () => {
    await edge.call('apply', config('ipip', false))
    const heard = await answers(VIP, PORT)
    expect(new Set(heard)).toEqual(new Set(NAMES))
    const before = (await edge.call('stats')).reasons
    // They answer late, when the edge knows one of them alone.
    await Promise.all(servers.map((server, i) => server.call('serveWatchful', NAMES[i]!, LATE)))
    await client.call('close')
    await client.call('open', VIP, new Array(30).fill(LATE))
    const late = client.call('ask')
    await new Promise((resolve) => setTimeout(resolve, 10))
    const { pools, ...rest } = config('ipip', false)
    const backends = pools.servers!.backends.filter(({ id }) => id === 'a')
    await edge.call('apply', { ...rest, pools: { servers: { ...pools.servers!, backends } } })
    const names = await late
    expect(names).toContain(null)
    expect(new Set(names)).toEqual(new Set(['a', null]))
    const { untrusted } = (await edge.call('stats')).reasons
    expect(untrusted!.packets - before.untrusted!.packets).toBe(names.filter((name) => name === null).length)
  })
})

/** Datagrams whose checksum the client's kernel found wrong. */
async function wrongChecksums(): Promise<number> {
  const { stdout } = await center.client.run('cat', ['/proc/net/snmp', '/proc/net/snmp6'])
  const [names, values] = stdout
    .split('\n')
    .filter((line) => line.startsWith('Udp: '))
    .map((line) => line.split(' ')) as [string[], string[]]
  return Number(values[names.indexOf('InCsumErrors')]) + Number(/Udp6InCsumErrors\s+(\d+)/.exec(stdout)?.[1])
}

it('checksums of what came back were right, whoever made them', async () => {
  expect(await wrongChecksums()).toBe(0)
})

it.each(['ipip', 'gue'] as const)('%s: what the kernel cuts later (UDP_SEGMENT) arrives as well', async (delivery) => {
  // It needs a device that completes checksums. A veth only says so, and leaves it to the other end, which XDP is not told
  // of: here they come in unfinished, and are counted by the client's kernel.
  const offload = (value: string) =>
    Promise.all(center.backends.map(({ namespace }) => namespace.run('ethtool', ['-K', 'eth0', 'tx', value])))
  await offload('on')
  await attachBackends('edge')
  try {
    for (const v6 of [false, true]) {
      await edge.call('apply', config(delivery, v6))
      for (const vip of [VIP, VIP6]) {
        const before = await wrongChecksums()
        const answers = await client.call('countAnswers', vip, SEGMENTS)
        expect(answers + (await wrongChecksums()) - before).toBe(8)
      }
    }
  } finally {
    await detachBackends()
    await offload('off')
  }
})
