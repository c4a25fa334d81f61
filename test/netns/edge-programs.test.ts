import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import type { EdgePart } from '../../examples/demo/edge/edge.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import { findCommand } from '../../examples/netns/index.js'
import type { ForwarderConfig, ServiceConfig } from '../../src/forwarder/index.js'
import { whyNoNgtcp2 } from '../pinning/programs/ngtcp2.js'
import { makeCertificates } from '../proxy/certificates.js'

/** Programs that nobody wrote for this, across an edge: their packets are as they are. */

const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)
const [VIP, , VIP6] = DataCenter.vips
const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-edge-'))

let center: DataCenter
let edge: Actor<EdgePart>
let servers: Actor<BackendPart>[]
let client: Actor<ClientPart>
const programs: ChildProcess[] = []

const missing = () =>
  whyNoDataCenter() ??
  whyNoNgtcp2() ??
  ['kdig', 'dig', 'iperf3', 'turnserver', 'turnutils_stunclient']
    .map((name) => (findCommand(name) ? undefined : `needs ${name}`))
    .find(Boolean)

beforeEach((context) => {
  const why = missing()
  if (why) context.skip(why)
})

beforeAll(async () => {
  if (missing()) return
  center = await DataCenter.create({ backends: ['a', 'b'] })
  edge = new Actor(center.edge, demo('edge'))
  client = new Actor(center.client, demo('client'))
  servers = center.backends.map(({ namespace }) => new Actor<BackendPart>(namespace, demo('backend')))
  await edge.call('attach')
})
afterAll(() => {
  for (const program of programs) program.kill('SIGKILL')
  for (const actor of [edge, client, ...(servers ?? [])]) actor?.kill()
  center?.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Both backends, or one, behind ports of the VIPs. */
function config(
  service: Partial<ServiceConfig> & Pick<ServiceConfig, 'ports'>,
  names = ['a', 'b'],
  mtu = 1600,
): ForwarderConfig {
  const members = center.backends.filter(({ name }) => names.includes(name))
  return {
    secret: '0011223344556677',
    pools: { servers: { delivery: 'l2', mtu, backends: members.map(({ name, address }) => ({ id: name, address })) } },
    services: [{ name: 'programs', vips: [VIP, VIP6], pool: 'servers', ...service }],
  }
}

/** Starts a program on both backends and waits for its UDP port. */
async function onBackends(name: string, argsOf: (backend: string) => string[], port: number): Promise<void> {
  for (const { name: backend, namespace } of center.backends) {
    const child = namespace.spawn(name, argsOf(backend), { stdio: 'ignore' })
    programs.push(child)
    for (let tries = 0; ; tries++) {
      const { stdout } = await namespace.run('cat', ['/proc/net/udp', '/proc/net/udp6'])
      if (stdout.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `)) break
      if (child.exitCode !== null || tries > 500)
        throw new Error(`${name} did not start on ${backend}: ${child.exitCode}`)
      await sleep(20)
    }
  }
}

it.each(['kdig', 'dig'])('%s', async (program) => {
  await edge.call('apply', config({ ports: [53] }))
  if (program === 'kdig') await Promise.all(servers.map((server, i) => server.call('serveDns', ['a', 'b'][i]!, 53)))
  const answers = new Set<string>()
  for (let i = 0; i < 12; i++) {
    for (const vip of [VIP, VIP6]) {
      const { code, stdout, stderr } = await center.client.run(program, [`@${vip}`, 'which.test', 'TXT', '+timeout=2'])
      expect(stdout + stderr).not.toContain('unexpected reply source')
      expect([code, /TXT\s+"(.*)"/.exec(stdout)?.[1]]).toEqual([0, expect.stringMatching(`^[ab] was asked at ${vip}$`)])
      answers.add(stdout.match(/TXT\s+"(.)/)![1]!)
    }
  }
  expect(answers).toEqual(new Set(['a', 'b']))
})

it('ngtcp2: QUIC with its own MTU discovery', async () => {
  const port = 4433
  const { server: certificate } = await makeCertificates()
  writeFileSync(join(folder, 'key.pem'), certificate.key)
  writeFileSync(join(folder, 'cert.pem'), certificate.cert)
  await edge.call('apply', config({ ports: [port] }))
  await onBackends(
    'gtlsserver',
    (backend) => {
      const docs = join(folder, `docs-${backend}`)
      mkdirSync(docs)
      writeFileSync(join(docs, 'name'), `${backend} `.repeat(50_000))
      return ['-q', '-d', docs, VIP, String(port), join(folder, 'key.pem'), join(folder, 'cert.pem')]
    },
    port,
  )
  const seen = new Set<string>()
  // Eight connections, and more where chance gave all of them to one.
  for (let i = 0; i < 8 || (seen.size < 2 && i < 40); i++) {
    const download = mkdtempSync(join(folder, 'download-'))
    const options = ['-q', '--timeout=3s', '--exit-on-all-streams-close', `--download=${download}`]
    await center.client.run('gtlsclient', [...options, VIP, String(port), 'https://server.test/name'])
    const text = readFileSync(join(download, 'name'), 'utf8')
    expect(text).toHaveLength(100_000)
    seen.add(text[0]!)
  }
  expect(seen).toEqual(new Set(['a', 'b']))
})

it('coturn’s STUN client is told the address that it has', async () => {
  const port = 3478
  await edge.call('apply', config({ ports: [port] }))
  await onBackends(
    'turnserver',
    (backend) => [
      ...[
        '-n',
        `--listening-ip=${VIP}`,
        `--relay-ip=${VIP}`,
        `--listening-port=${port}`,
        '--stun-only',
        '--no-rfc5780',
      ],
      ...['--no-tcp', '--no-tls', '--no-dtls', '--no-cli', '--log-file=stdout'],
      ...[`--userdb=${join(folder, `turn-${backend}.db`)}`, `--pidfile=${join(folder, `turn-${backend}.pid`)}`],
    ],
    port,
  )
  for (let i = 0; i < 4; i++) {
    const { stdout } = await center.client.run('turnutils_stunclient', ['-p', String(port), VIP])
    expect(stdout).toContain(`UDP reflexive addr: ${DataCenter.client.address}:`)
  }
})

it('iperf3 -u: every datagram of a second arrives', async () => {
  const port = 5201
  // Its control connection is TCP, which is not the edge's: it goes straight to a.
  await edge.call('apply', config({ ports: [port] }, ['a']))
  const [a] = center.backends
  await center.router.ip(`
    rule add ipproto tcp to ${VIP} lookup 100
    route add ${VIP} via ${a!.address} table 100`)
  programs.push(a!.namespace.spawn('iperf3', ['-s', '-B', VIP, '-1'], { stdio: 'ignore' }))
  const listens = async () =>
    (await a!.namespace.run('cat', ['/proc/net/tcp'])).stdout.includes(`:${port.toString(16)} `)
  await vi.waitUntil(listens, { timeout: 10_000 })
  const options = ['-u', '-c', VIP, '-p', String(port), '-b', '50M', '-l', '1200', '-t', '1', '-J']
  const { stdout } = await center.client.run('iperf3', options, { timeout: 20_000 })
  const { end } = JSON.parse(stdout)
  expect(end.sum.packets).toBeGreaterThan(3000)
  expect(end.sum.lost_packets).toBe(0)
})

it('datagrams in fragments, both ways', async () => {
  await edge.call('apply', config({ ports: [5300], affinity: 'client-ip', fragments: true }))
  await Promise.all(servers.map((server, i) => server.call('serve', 'PktInfoSocket', ['a', 'b'][i]!, [5300])))
  for (const vip of [VIP, VIP6]) {
    await client.call('close')
    await client.call('open', vip, [5300, 5300, 5300])
    // The segment takes more than the way to the client. Of IPv6 the router says so, the edge sends that on to the backend, and
    // the next answers are in smaller fragments.
    await client.call('ask', 4000)
    const answers = await client.call('ask', 4000)
    expect(new Set(answers).size).toBe(1) // one client, one backend
    expect(['a', 'b'].map((name) => name.padEnd(4000))).toContain(answers[0])
  }
})

it('what does not fit is refused, and the client’s kernel sends fragments from then on', async () => {
  await edge.call('apply', config({ ports: [5300], affinity: 'client-ip', fragments: true }, ['a', 'b'], 1400))
  for (const [vip, headers] of [
    [VIP, 28],
    [VIP6, 48],
  ] as const) {
    const fits = 1400 - headers
    expect(await client.call('sizes', vip, 5300, [fits, fits + 1, fits + 1])).toEqual([true, false, true])
    const { stdout } = await center.client.run('ip', ['route', 'get', vip])
    expect(stdout).toContain('mtu 1400')
  }
})

it('an ICMP error about what a backend sent reaches the very backend', async () => {
  await edge.call('apply', config({ ports: [5301] }))
  await Promise.all(servers.map((server, i) => server.call('serveWatchful', ['a', 'b'][i]!, 5301)))
  await center.client.sysctl({ 'net.ipv4.icmp_ratelimit': 0 })
  // A port of the client's that nobody has: its host answers the reply with an ICMP error, to the VIP.
  const asked: string[] = []
  for (let port = 20_000; port < 20_016; port++) {
    await client.call('askAndLeave', port, VIP, 5301)
    asked.push(`${DataCenter.client.address}:${port}`)
  }
  await sleep(300)
  const [a, b] = (await Promise.all(servers.map((server) => server.call('refusals')))) as [string[], string[]]
  const owners = await edge.call(
    'explain',
    asked.map((end) => ({
      client: { address: DataCenter.client.address, port: Number(end.split(':')[1]) },
      local: { address: VIP, port: 5301 },
    })),
  )
  expect(new Set(a)).toEqual(new Set(asked.filter((_, i) => owners[i] === 'a')))
  expect(new Set(b)).toEqual(new Set(asked.filter((_, i) => owners[i] === 'b')))
  expect(a.length * b.length).toBeGreaterThan(0)
})
