import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, findCommand } from '../../examples/netns/index.js'
import { udpDsr } from './kit.js'

/** What needs no edge. With one: test/netns/cli.test.ts. */

let folder: string
let good: string
const CONFIG = `secret = "0011223344556677"
[edge]
interface = "none0"
[pools.dns]
delivery = "ipip"
backends = [{ id = "a", address = "10.0.0.7" }]
[[services]]
name = "dns"
vips = ["198.51.100.2", "2001:db8:51::2"]
ports = [53]
pool = "dns"
`
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-cli-'))
  good = write('good.toml', CONFIG)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, 0o600)
  return path
}

describe('help', () => {
  it('is given for everything, and is no failure', async () => {
    const all = await udpDsr(['--help'])
    expect(all.code).toBe(0)
    for (const name of ['edge', 'backend', 'rewrite', 'explain', 'config', 'plan', 'doctor', 'bench', 'completion']) {
      expect(all.stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
    for (const args of [
      ['edge', '--help'],
      ['edge', 'up', '--help'],
      ['help', 'explain'],
      ['plan', '--help'],
    ]) {
      const { code, stdout } = await udpDsr(args)
      expect([args, code]).toEqual([args, 0])
      expect(stdout).toContain('Usage: udp-dsr')
    }
    expect((await udpDsr(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it.each([
    [['edge', 'statu'], 'Did you mean status?'],
    [['config', 'check', '--secrts'], 'unknown option'],
    [['explain', '203.0.113.2:1'], "missing required argument 'vip'"],
    [['plan', 'x', '--port', '70000'], 'must be a port'],
    [['completion', 'csh'], 'Allowed choices are bash, zsh, fish'],
  ])('%j is told to be wrong', async (args, problem) => {
    const { code, stdout, stderr } = await udpDsr(args)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(problem)
  })
})

describe('config check', () => {
  it('says what is in it', async () => {
    expect(await udpDsr(['config', 'check', good])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `${good} is right: 1 services, 1 pools, 0 sources of members; for a host that is edge\n`,
    })
    const { stdout } = await udpDsr(['config', 'check', '--json', good])
    expect(JSON.parse(stdout)).toMatchObject({ file: good, services: 1, pools: 1, parts: ['edge'], warnings: [] })
  })

  it('finds the config where it is expected', async () => {
    expect((await udpDsr(['config', 'check'], { env: { UDP_DSR_CONFIG: good } })).code).toBe(0)
    const { code, stderr } = await udpDsr(['config', 'check', join(folder, 'nothing.toml')])
    expect(code).toBe(2)
    expect(stderr).toContain('nothing.toml')
    expect(stderr).toContain('ENOENT')
  })

  it('tells every problem, for people and for programs', async () => {
    const bad = write('bad.toml', CONFIG.replace('pool = "dns"', 'pool = "dsn"').replace('"10.0.0.7"', '"10.0.0"'))
    const { code, stderr } = await udpDsr(['config', 'check', bad])
    expect(code).toBe(2)
    expect(stderr).toContain('bad.toml:6:')
    expect(stderr).toContain('bad.toml:11:8')
    expect(stderr).toContain('Did you mean "dns"?')
    const json = await udpDsr(['config', 'check', '--json', bad])
    expect(JSON.parse(json.stderr).error).toMatchObject({
      code: 'ERR_CONFIG',
      problems: [{ line: 6 }, { line: 11, column: 8 }],
    })
  })
})

describe('explain', () => {
  it('answers from the config where no edge runs', async () => {
    const { code, stdout, stderr } = await udpDsr(['explain', '-c', good, '203.0.113.2:40695', '198.51.100.2:53'])
    expect(code).toBe(0)
    expect(stdout).toContain('a  10.0.0.7, ipip')
    expect(stderr).toContain('No edge runs here')
    const six = await udpDsr(['explain', '--json', '-c', good, '[2001:db8:113::2]:5000', '[2001:db8:51::2]:53'])
    expect(JSON.parse(six.stdout).edge.backend).toEqual({ id: 'a', address: '10.0.0.7', delivery: 'ipip' })
  })

  it.each(['203.0.113.2', '203.0.113.2:0', '203.0.113.300:1', '2001:db8::2:53', '[203.0.113.2]:53', 'example.org:53'])(
    '%s is no end',
    async (end) => {
      const { code, stderr } = await udpDsr(['explain', '-c', good, end, '198.51.100.2:53'])
      expect(code).toBe(2)
      expect(stderr).toContain('must be an address and a port')
    },
  )
})

it.each([
  ['explain', '--datagram', 'c0ffe', '203.0.113.2:40695', '198.51.100.2:53'],
  ['explain', '--datagram', 'xy', '203.0.113.2:40695', '198.51.100.2:53'],
  ['doctor', '--payload', '0x00', '--probe', '198.51.100.2:53'],
])('%s %s %s: these are no bytes', async (...args) => {
  const { code, stderr } = await udpDsr([...args, ...(args[0] === 'explain' ? ['-c', good] : [])])
  expect(code).toBe(2)
  expect(stderr).toContain(`"${args[1]}" argument must be hexadecimal digits, two for each byte`)
})

it('doctor looks at what the config makes of the host', async () => {
  const more = '[pools.near]\ndelivery = "l2"\nbackends = [{ id = "b", address = "10.0.0.8" }]\n'
  const config = CONFIG.replace('none0', 'lo')
  const one = write('one.toml', config)
  const both = write('both.toml', `${config}${more}`)
  const rewrite = write('rewrite.toml', '[rewrite]\ninterface = "lo"\nvips = ["198.51.100.2"]\n')
  for (const [path, names] of [
    [one, ['edge']],
    [both, ['edge, ipip', 'edge, l2']],
    [rewrite, ['backend']],
  ] as const) {
    const { stdout } = await udpDsr(['doctor', '--json', '-c', path])
    expect(Object.keys(JSON.parse(stdout))).toEqual(names)
  }
})

it('without a running edge the others say so', async () => {
  for (const args of [
    ['edge', 'status'],
    ['edge', 'top', '--once'],
    ['edge', 'apply'],
    ['edge', 'accept'],
  ]) {
    const { code, stderr } = await udpDsr([...args, '-c', good])
    expect([args, code]).toEqual([args, 1])
    expect(stderr).toContain('No edge runs here')
  }
  const { code, stdout } = await udpDsr(['edge', 'down', '-c', good])
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'No edge runs here, and none is pinned.\n' })
})

it('an edge on an interface that is not there', async () => {
  const { code, stderr } = await udpDsr(['edge', 'up', '-c', good], { env: { UDP_DSR_RUN_DIR: folder } })
  expect(code).toBe(1)
  expect(stderr).toContain('none0')
})

it.skipIf(process.getuid?.() !== 0)('without root it is told what is missing', async () => {
  const path = write('user.toml', CONFIG.replace('none0', 'lo'))
  chmodSync(path, 0o644)
  chmodSync(folder, 0o777)
  const { code, stderr } = await udpDsr(['edge', 'up', '-c', path], { user: 65_534, env: { UDP_DSR_RUN_DIR: folder } })
  expect(code).toBe(1)
  expect(stderr).toContain('ERR_BPF_PERMISSION')
  expect(stderr).toContain('CAP_BPF')
})

describe('plan', () => {
  it('shows who owns what, and renders it', async () => {
    const plan = write('fly.toml', '[[services.ports]]\nregions = ["ams"]\nport_start = 10000\nport_end = 19999\n')
    expect((await udpDsr(['plan', plan])).stdout).toContain('ams')
    expect((await udpDsr(['plan', plan, '--port', '10001'])).stdout).toContain('ams')
    expect((await udpDsr(['plan', plan, '--port', '53'])).stdout).toBe('53: nobody\n')
    expect((await udpDsr(['plan', plan, '--node', 'ams'])).stdout).toBe('10000-19999\n')
    expect((await udpDsr(['plan', plan, '--node', 'ams', '--render', 'livekit'])).stdout).toContain(
      'port_range_start: 10000',
    )
    expect(JSON.parse((await udpDsr(['plan', plan, '--node', 'ams', '--json'])).stdout)).toEqual([[10_000, 19_999]])
    expect(await udpDsr(['plan', plan, '--render', 'livekit'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--node'),
    })
    expect(await udpDsr(['plan', write('bad-plan.toml', '[[services.ports]]\nport_start = 1\n')])).toMatchObject({
      code: 2,
    })
  })
})

describe('completion', () => {
  it.skipIf(!findCommand('bash'))('completes in bash', async () => {
    const { stdout } = await udpDsr(['completion', 'bash'])
    const script = `${stdout}\nCOMP_WORDS=(udp-dsr edge st); COMP_CWORD=2; _udp_dsr; echo "\${COMPREPLY[@]}"; COMP_WORDS=(udp-dsr edge up --d); COMP_CWORD=3; _udp_dsr; echo "\${COMPREPLY[@]}"`
    const { stdout: completed } = await command('bash', ['-c', script])
    expect(completed).toBe('status\n--down\n')
  })

  it('is there for the other shells', async () => {
    expect((await udpDsr(['completion', 'zsh'])).stdout).toContain('bashcompinit')
    expect((await udpDsr(['completion', 'fish'])).stdout).toContain(
      'complete -c udp-dsr -f -n "__fish_seen_subcommand_from edge" -a up',
    )
  })
})

it('bench compares on this machine', async () => {
  const { code, stdout } = await udpDsr(['bench', '--seconds', '0.1', '--json'])
  expect(code).toBe(0)
  const echoes = JSON.parse(stdout)
  expect(echoes.map(({ name }: { name: string }) => name)).toEqual([
    'node:dgram',
    'PktInfoSocket, message',
    'PktInfoSocket, batch',
  ])
  for (const { rate, cpu } of echoes) {
    expect(rate).toBeGreaterThan(100)
    expect(cpu).toBeGreaterThan(0)
  }
})
