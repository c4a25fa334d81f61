import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import { Actor } from '../../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../../examples/netns/data-center.js'
import { command } from '../../examples/netns/index.js'
import type { EdgeStatus } from '../../src/fleet/index.js'
import { ARGS, udpDsr } from '../cli/kit.js'
import { eventually } from '../discovery/kit.js'

/** `udp-dsr edge`, `backend` and `rewrite` on hosts, as an operator uses them. */

const [VIP] = DataCenter.vips
const PORT = 5300
const NAMES = ['a', 'b']

let center: DataCenter
let client: Actor<ClientPart>
let folder: string
let mount: string
let config: string
const servers: Actor<BackendPart>[] = []
const running: ChildProcess[] = []

beforeEach((context) => {
  const missing = whyNoDataCenter()
  if (missing) context.skip(missing)
})
beforeAll(async () => {
  if (whyNoDataCenter()) return
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-cli-'))
  mount = mkdtempSync(join(tmpdir(), 'udp-dsr-bpf-'))
  await command('mount', ['-t', 'bpf', 'bpf', mount])
  config = join(folder, 'udp-dsr.toml')
  center = await DataCenter.create({ backends: NAMES })
  client = new Actor<ClientPart>(center.client, new URL('../../examples/demo/edge/client.ts', import.meta.url))
  for (const [i, { namespace }] of center.backends.entries()) {
    servers[i] = new Actor<BackendPart>(namespace, new URL('../../examples/demo/edge/backend.ts', import.meta.url))
    await servers[i]!.call('serve', i === 0 ? 'PktInfoSocket' : 'node:dgram', NAMES[i]!, [PORT])
  }
}, 60_000)
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
})
afterAll(async () => {
  for (const actor of [client, ...servers]) actor?.kill()
  center?.remove()
  if (mount !== undefined) {
    await command('umount', [mount])
    rmdirSync(mount)
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

const ids = (names: readonly string[]) =>
  names
    .map((name) => `{ id = "${name}", address = "${center.backends.find((one) => one.name === name)!.address}" }`)
    .join(', ')

function write({ names = NAMES, delivery = 'l2', pinned = true, more = '' } = {}): void {
  const pin = (name: string) => (pinned ? `pin_path = "${join(mount, name)}"` : '')
  writeFileSync(
    config,
    `secret = "0011223344556677"
[edge]
name = "fra-1"
interface = "eth0"
metrics = { port = 9464 }
${pin('edge')}
[backend]
interface = "eth0"
edges = ["${DataCenter.edge.address}"]
${pin('backend')}
[rewrite]
interface = "eth0"
${pin('rewrite')}
[pools.servers]
delivery = "${delivery}"
backends = [${ids(names)}]
[[services]]
name = "who"
vips = ["${VIP}"]
ports = [${PORT}]
pool = "servers"
${more}`,
    { mode: 0o600 },
  )
}

const env = () => ({ UDP_DSR_RUN_DIR: join(folder, 'run'), UDP_DSR_CONFIG: config })
const run = (...args: string[]) => udpDsr(args, { on: center.edge, env: env() })

/** Starts one that goes on; `text` is what it has said so far. */
function start(host: DataCenter['edge'], ...args: string[]) {
  const variables = Object.entries({ ...env(), NO_COLOR: '1' }).map(([name, value]) => `${name}=${value}`)
  const child = host.spawn('env', [...variables, process.execPath, ...ARGS, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.push(child)
  const started = { child, text: '' }
  for (const stream of [child.stdout, child.stderr]) {
    stream!.setEncoding('utf8')
    stream!.on('data', (chunk: string) => {
      started.text += chunk
    })
  }
  return started
}

type Started = ReturnType<typeof start>
const says = (one: Started, words: string) =>
  eventually(() => one.text.includes(words), `“${words}”; it said: ${one.text}`).catch((error: Error) => {
    throw new Error(`${error.message}\n${one.text}`)
  })

async function end(one: Started, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const gone = new Promise<number | null>((resolve) => one.child.once('exit', resolve))
  // The command runs as a child of ip and env, which became it.
  one.child.kill(signal)
  return gone
}

async function answers(count = 20): Promise<(string | null)[]> {
  await client.call('close')
  await client.call('open', VIP, new Array(count).fill(PORT))
  return client.call('ask')
}

it('an edge is started, looked at, changed, and goes on when its process has ended', async () => {
  write({ names: ['a'] })
  const edge = start(center.edge, 'edge', 'up')
  await says(edge, 'fra-1 is up on eth0, native XDP')
  expect(new Set(await answers())).toEqual(new Set(['a']))

  const { code, stdout } = await run('edge', 'status')
  expect(code).toBe(0)
  expect(stdout).toContain('servers  l2, 1 of 1 up')
  expect(stdout).toMatch(new RegExp(`who +${VIP} : ${PORT} +servers +20 `))
  const status = JSON.parse((await run('edge', 'status', '--json')).stdout) as EdgeStatus
  expect(status).toMatchObject({ edge: 'fra-1', mode: 'native', services: [{ name: 'who', packets: 20 }], alarms: [] })

  const flood = client.call('flood', 2500)
  const top = await run('edge', 'top', '--once')
  expect(top.stdout).toContain('packets/s')
  const [, rate] = /who +.+ +(\S+(?: k)?)$/m.exec(top.stdout)!
  expect(Number.parseFloat(rate!)).toBeGreaterThan(0)
  await flood

  const explained = await run('explain', `${DataCenter.client.address}:5000`, `${VIP}:${PORT}`)
  expect(explained.stdout).toContain(`a  ${center.backends[0]!.address}, l2`)
  expect(explained.stdout).toContain(`the kernel's tables: ${center.backends[0]!.address}, l2`)
  expect(explained.stdout).not.toContain('NOT THE SAME')

  const metrics = await center.edge.run(process.execPath, [
    '-e',
    "fetch('http://127.0.0.1:9464/metrics').then((r) => r.text()).then((t) => console.log(t))",
  ])
  expect(metrics.stdout).toMatch(/udp_dsr_service_packets_total\{service="who",pool="servers"\} \d{2,}/)
  expect(metrics.stdout).toContain('udp_dsr_edge_info{edge="fra-1",interface="eth0",mode="native"')

  write({ names: ['a', 'b'] })
  const applied = await run('edge', 'apply')
  expect(applied.stdout).toContain('fra-1 follows it')
  await says(edge, 'of its slots moved')
  write({ names: ['a'] })
  edge.child.kill('SIGHUP')
  await eventually(
    async () => JSON.parse((await run('edge', 'status', '--json')).stdout).pools[0].backends.length === 1,
    'the reload',
  )

  // What is wrong changes nothing, and is told where somebody looks.
  writeFileSync(config, readFileSync(config, 'utf8').replace('pool = "servers"', 'pool = "sevrers"'))
  expect(await run('edge', 'apply')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Did you mean "servers"?'),
  })
  edge.child.kill('SIGHUP')
  await says(edge, 'Did you mean "servers"?')
  expect(new Set(await answers())).toEqual(new Set(['a']))
  write({ names: ['a'] })

  const second = await run('edge', 'up')
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('An edge runs already') })

  expect(await end(edge)).toBe(0)
  expect(edge.text).toContain('the data plane goes on, pinned at')
  expect(new Set(await answers())).toEqual(new Set(['a']))
  const third = start(center.edge, 'edge', 'up')
  await says(third, 'it took over what was there')
  await end(third, 'SIGKILL')
  expect(new Set(await answers())).toEqual(new Set(['a']))
  expect((await run('edge', 'down')).stdout).toContain('The pinned data plane is taken away')
  expect(new Set(await answers())).toEqual(new Set([null]))
}, 60_000)

it('edge down ends the running one, and --down leaves nothing', async () => {
  write()
  const edge = start(center.edge, 'edge', 'up', '--json')
  await says(edge, '"event":"up"')
  expect((await run('edge', 'down')).stdout).toContain('It is down')
  await eventually(() => edge.child.exitCode !== null, 'its end')
  for (const line of edge.text.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('event')
  expect(edge.text).toContain('"forwarding":false')
  const other = start(center.edge, 'edge', 'up', '--down')
  await says(other, 'is up')
  await end(other, 'SIGINT')
  expect((await run('edge', 'down')).stdout).toContain('Nothing was pinned')
}, 40_000)

it('an edge that cannot serve its metrics does not start, and leaves nothing', async () => {
  write({ pinned: false })
  const other = center.edge.spawn(
    process.execPath,
    ['-e', "require('http').createServer().listen(9464, '127.0.0.1', () => console.log('listens'))"],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  running.push(other)
  await new Promise((resolve) => other.stdout!.once('data', resolve))
  const { code, stderr } = await run('edge', 'up')
  expect([code, stderr]).toEqual([1, expect.stringContaining('127.0.0.1 port 9464: EADDRINUSE')])
  expect(await run('edge', 'status')).toMatchObject({ code: 1, stderr: expect.stringContaining('No edge runs') })
  expect(new Set(await answers())).toEqual(new Set([null]))
}, 40_000)

it('backends take tunnels apart, and rewrite replies', async () => {
  write({ delivery: 'ipip', pinned: true })
  const edge = start(center.edge, 'edge', 'up', '--down')
  await says(edge, 'is up')
  expect(new Set(await answers())).toEqual(new Set([null]))
  const [a, b] = center.backends.map(({ namespace }) => namespace) as [DataCenter['edge'], DataCenter['edge']]
  const backendA = start(a, 'backend', 'up')
  await says(backendA, 'backend is up on eth0 (native)')
  const once = await udpDsr(['backend', 'up', '--once'], {
    on: b,
    env: { ...env(), UDP_DSR_CONFIG: config.replace('.toml', '-b.toml') },
  }).catch((error: Error) => error)
  expect(once).toMatchObject({ code: 2 })
  // Hosts share the filesystem here, so that each has a pin of its own.
  writeFileSync(`${config}.b.toml`, readFileSync(config, 'utf8').replaceAll(`${mount}/`, `${mount}/b-`), {
    mode: 0o600,
  })
  const envB = { ...env(), UDP_DSR_CONFIG: `${config}.b.toml` }
  const up = await udpDsr(['backend', 'up', '--once'], { on: b, env: envB })
  expect(up.stdout).toContain('it goes on, pinned at')
  // b is bound to the wildcard address: its replies are not heard until they are rewritten.
  expect(new Set(await answers(40))).toEqual(new Set(['a', null]))
  await udpDsr(['rewrite', 'up', '--once'], { on: b, env: envB })
  expect(new Set(await answers(40))).toEqual(new Set(['a', 'b']))
  for (const section of ['rewrite', 'backend']) {
    const down = await udpDsr([section, 'down'], { on: b, env: envB })
    expect([section, down.code, down.stdout]).toEqual([section, 0, 'It is taken away.\n'])
  }
  expect(new Set(await answers(40))).toEqual(new Set(['a', null]))
  expect(await end(backendA)).toBe(0)
  expect(backendA.text).toContain(`from ${DataCenter.edge.address}`)
  expect((await udpDsr(['backend', 'down'], { on: a, env: env() })).code).toBe(0)
  await end(edge)
}, 60_000)

it('doctor names what is planted, mends it, and has nothing to say of a healthy host', async () => {
  const [a, b] = center.backends.map(({ namespace }) => namespace) as [DataCenter['edge'], DataCenter['edge']]
  const backend = ['doctor', '--role', 'backend', '--vip', VIP, '--port', String(PORT), '-i', 'eth0']
  const none = { UDP_DSR_RUN_DIR: join(folder, 'run') }
  for (const host of [a, b]) {
    const healthy = await udpDsr(backend, { on: host, env: none })
    expect([healthy.code, healthy.stdout]).toEqual([0, expect.stringContaining('Nothing found')])
  }
  await a.ip(`route del local ${VIP} dev lo`)
  const sick = await udpDsr([...backend, '--json'], { on: a, env: none })
  expect(sick.code).toBe(3)
  const { findings } = JSON.parse(sick.stdout).backend as {
    findings: { check: string; severity: string; fix?: string }[]
  }
  const [worst] = findings
  expect(worst).toMatchObject({ check: 'vip-local', severity: 'error' })
  expect((await udpDsr(backend, { on: a, env: none })).stdout).toContain(`→ ${worst!.fix!.split('\n')[0]}`)
  expect((await a.run('sh', ['-c', worst!.fix!])).code).toBe(0)
  expect((await udpDsr(backend, { on: a, env: none })).code).toBe(0)

  // By the config: the edge, and what its section says of backends.
  write({ names: ['a'] })
  const edge = start(center.edge, 'edge', 'up', '--down')
  await says(edge, 'is up')
  const known = JSON.parse((await run('doctor', '--json')).stdout) as Record<
    string,
    { findings: { check: string; severity: string }[] }
  >
  expect(Object.keys(known)).toEqual(['edge', 'backend'])
  expect(known.edge!.findings.filter(({ severity }) => severity === 'error')).toEqual([])

  // As a client: a answers from the VIP, b does not.
  const probe = ['doctor', '--probe', `${VIP}:${PORT}`]
  const works = await udpDsr(probe, { on: center.client, env: none })
  expect([works.code, works.stdout]).toEqual([0, expect.stringContaining(VIP)])
  write({ names: ['b'] })
  await run('edge', 'apply')
  const wrong = await udpDsr([...probe, '--json'], { on: center.client, env: none })
  expect(wrong.code).toBe(3)
  expect(JSON.parse(wrong.stdout)).toMatchObject({
    verdict: 'wrong-source',
    summary: expect.stringContaining(center.backends[1]!.address),
  })
  await end(edge)
}, 60_000)

it('--interface reaches an edge without a config at hand', async () => {
  write({ pinned: false })
  const edge = start(center.edge, 'edge', 'up')
  await says(edge, 'is up')
  const status = await udpDsr(['edge', 'status', '-i', 'eth0'], {
    on: center.edge,
    env: { UDP_DSR_RUN_DIR: join(folder, 'run') },
  })
  expect(status.stdout).toContain('fra-1')
  await end(edge)
}, 40_000)
