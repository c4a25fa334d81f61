import { existsSync, mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BackendPart } from '../../examples/demo/edge/backend.js'
import type { ClientPart } from '../../examples/demo/edge/client.js'
import { Actor } from '../../examples/netns/actor.js'
import { command, findCommand } from '../../examples/netns/index.js'
import { type Host, useNet } from './kit.js'

/** A program of node:dgram that is bound to the wildcard address, on a host with VIPs. */

const net = useNet('each')
const VIPS = ['198.51.100.2', '198.51.100.3', '2001:db8:51::2', '2001:db8:51::3']
const OWN = ['10.0.0.2', '2001:db8:10::2']
const PORT = 5300
const demo = (name: string) => new URL(`../../examples/demo/edge/${name}.ts`, import.meta.url)

let client: Actor<ClientPart>
let server: Actor<BackendPart>
let hosts: [Host, Host]

beforeEach(async () => {
  if (net.missing) return
  hosts = (await net.hosts('client', 'server')) as [Host, Host]
  await net.cable(hosts[0], 'eth0', hosts[1], 'eth0')
  await hosts[0].ip(`
    address add 10.0.0.1/24 dev eth0
    address add 2001:db8:10::1/64 dev eth0
    ${VIPS.map((vip) => `route add ${vip} via ${vip.includes(':') ? OWN[1] : OWN[0]}`).join('\n')}`)
  await hosts[1].ip(`
    address add ${OWN[0]}/24 dev eth0
    address add ${OWN[1]}/64 dev eth0
    ${VIPS.map((vip) => `route add local ${vip} dev lo`).join('\n')}`)
  client = new Actor(hosts[0].namespace, demo('client'))
  server = new Actor(hosts[1].namespace, demo('backend'))
  await server.call('serve', 'node:dgram', 'dgram', [PORT])
})
afterEach(async () => {
  await Promise.all([client?.kill(), server?.kill()])
})

/** Answers at each address, `null` where none came from there. */
async function answers(addresses: readonly string[], size = 0, port = PORT): Promise<Record<string, string | null>> {
  await client.call('close')
  for (const address of addresses) await client.call('open', address, [port])
  const heard = await client.call('ask', size)
  return Object.fromEntries(addresses.map((address, i) => [address, heard[i] ?? null]))
}

const all = (addresses: readonly string[], answer: string | null) =>
  Object.fromEntries(addresses.map((address) => [address, answer]))

/** Datagrams whose checksum the client's kernel found wrong. */
async function wrongChecksums(): Promise<number> {
  const { stdout } = await hosts[0].namespace.run('cat', ['/proc/net/snmp', '/proc/net/snmp6'])
  const [names, values] = stdout
    .split('\n')
    .filter((line) => line.startsWith('Udp: '))
    .map((line) => line.split(' ')) as [string[], string[]]
  return Number(values[names.indexOf('InCsumErrors')]) + Number(/Udp6InCsumErrors\s+(\d+)/.exec(stdout)?.[1])
}

describe.each(['tcx', 'clsact'] as const)('%s', (hook) => {
  it('replies leave from the address that was asked, and from no other', async () => {
    expect(await answers(VIPS)).toEqual(all(VIPS, null))
    expect(await server.call('rewrite', { interface: 'eth0', vips: VIPS, hook })).toBe(hook)
    expect(await answers([...VIPS, ...OWN])).toEqual(all([...VIPS, ...OWN], 'dgram'))
    expect(await server.call('rewritten')).toMatchObject({ rewritten: { packets: VIPS.length } })
    expect(await wrongChecksums()).toBe(0)
    await server.call('stopRewriting')
    expect(await answers(VIPS)).toEqual(all(VIPS, null))
    const { stdout } = await hosts[1].namespace.run('tc', ['qdisc', 'show', 'dev', 'eth0'])
    expect(stdout).not.toContain('clsact')
  })

  it('fragments follow the first of them', async () => {
    await server.call('rewrite', { interface: 'eth0', vips: VIPS, hook })
    const answer = await answers(VIPS, 4000)
    expect(Object.values(answer).map((text) => text?.length)).toEqual([4000, 4000, 4000, 4000])
    expect(await wrongChecksums()).toBe(0)
  })

  it.each(['off', 'on'])('with checksum offload %s', async (offload) => {
    if (findCommand('ethtool') === undefined) throw new Error('ethtool is missing')
    await hosts[1].namespace.run('ethtool', ['-K', 'eth0', 'tx', offload])
    await server.call('rewrite', { interface: 'eth0', vips: VIPS, hook })
    expect(await answers(VIPS)).toEqual(all(VIPS, 'dgram'))
    expect(await wrongChecksums()).toBe(0)
  })

  it('datagrams that the kernel cuts (UDP_SEGMENT), with offload and without', async () => {
    await server.call('serveSegments', PORT + 1)
    await server.call('rewrite', { interface: 'eth0', vips: VIPS, hook })
    for (const offload of ['on', 'off']) {
      await hosts[1].namespace.run('ethtool', ['-K', 'eth0', 'tx', offload])
      const counts = await Promise.all(
        [...OWN, VIPS[0]!, VIPS[2]!].map((address) => client.call('countAnswers', address, PORT + 1)),
      )
      expect(counts).toEqual([8, 8, 8, 8])
    }
    expect(await wrongChecksums()).toBe(0)
  })

  it('one client that asks several addresses from one port: the last one counts', async () => {
    await server.call('rewrite', { interface: 'eth0', vips: VIPS, hook })
    for (const address of ['198.51.100.2', OWN[0]!, '198.51.100.3', '198.51.100.2']) {
      expect(await client.call('askFrom', 40_000, address, PORT)).toBe('dgram')
    }
  })
})

describe('pinned', () => {
  let mount: string | undefined
  const others: Actor<BackendPart>[] = []
  beforeEach(async () => {
    if (net.missing) return
    mount = mkdtempSync(join(tmpdir(), 'udp-dsr-bpf-'))
    await command('mount', ['-t', 'bpf', 'bpf', mount])
  })
  afterEach(async () => {
    await Promise.all(others.splice(0).map((other) => other.kill()))
    if (mount === undefined) return
    await command('umount', [mount])
    rmdirSync(mount)
    mount = undefined
  })
  /** A process beside the server's. */
  function another(): Actor<BackendPart> {
    const made = new Actor<BackendPart>(hosts[1].namespace, demo('backend'))
    others.push(made)
    return made
  }

  it('replies are rewritten when the process is gone; the next one goes on', async () => {
    const pinPath = join(mount!, 'rewrite')
    const options = { interface: 'eth0', pinPath }
    const first = another()
    await first.call('rewrite', { ...options, vips: VIPS, rules: [{ port: 9999, from: VIPS[0]! }] })
    expect(await answers(VIPS)).toEqual(all(VIPS, 'dgram'))
    await expect(another().call('rewrite', { ...options, vips: VIPS })).rejects.toMatchObject({
      code: 'ERR_BPF_LOCKED',
    })
    await first.kill()
    expect(await client.call('ask')).toEqual(VIPS.map(() => 'dgram'))
    const second = another()
    await expect(second.call('rewrite', { ...options, vips: VIPS, flows: 4096 })).rejects.toMatchObject({
      code: 'ERR_BPF_INCOMPATIBLE',
    })
    const rules = [{ port: 9999, from: VIPS[0]! }]
    await expect(second.call('rewrite', { ...options, vips: VIPS, rules, learn: false })).rejects.toMatchObject({
      code: 'ERR_BPF_INCOMPATIBLE',
    })
    expect(await client.call('ask')).toEqual(VIPS.map(() => 'dgram'))
    // Two of them only, now.
    const [kept, given] = [VIPS.filter((_, i) => i % 2 === 0), VIPS.filter((_, i) => i % 2 === 1)]
    expect(await second.call('rewrite', { ...options, vips: kept })).toBe('tcx')
    const { rewritten } = await second.call('rewritten')
    expect(rewritten.packets).toBe(3 * VIPS.length)
    expect(await answers(VIPS)).toEqual({ ...all(kept, 'dgram'), ...all(given, null) })
    await second.call('stopRewriting')
    expect(existsSync(pinPath)).toBe(false)
    expect(await answers(VIPS)).toEqual(all(VIPS, null))
  })
})

describe('cgroup', () => {
  const mount = mkdtempSync(join(tmpdir(), 'udp-dsr-cgroup-'))
  const CGROUP = join(mount, `udp-dsr-test-${process.pid}`)
  /** The server's /tmp and /sys may be others than ours. */
  const SEEN_FROM_INSIDE = `/proc/${process.pid}/root${CGROUP}`
  let mounted = false

  beforeEach(async (context) => {
    if (net.missing) return
    const { code, stderr } = await command('mount', ['-t', 'cgroup2', 'none', mount])
    if (code !== 0) context.skip(`no control groups (cgroup2) here: ${stderr}`)
    mounted = true
    mkdirSync(CGROUP)
  })
  afterEach(async () => {
    await server?.kill()
    if (!mounted) return
    rmdirSync(CGROUP)
    await command('umount', [mount])
  })
  afterAll(() => rmdirSync(mount))

  it('the program itself sends from the VIP, if its port is named', async () => {
    // A socket belongs to the group in which it was opened.
    const [named, unnamed] = [PORT + 1, PORT + 2]
    writeFileSync(`${CGROUP}/cgroup.procs`, String(await server.call('pid')))
    await server.call('serve', 'node:dgram', 'dgram', [named, unnamed])
    const hook = {
      interface: 'eth0',
      vips: VIPS,
      hook: 'cgroup' as const,
      cgroup: SEEN_FROM_INSIDE,
      ports: [PORT, named],
    }
    expect(await server.call('rewrite', hook)).toBe('cgroup')
    expect(await answers([...VIPS, ...OWN], 0, named)).toEqual(all([...VIPS, ...OWN], 'dgram'))
    const big = await answers(VIPS, 4000, named)
    expect(Object.values(big).map((text) => text?.length)).toEqual([4000, 4000, 4000, 4000])
    expect(await answers(VIPS, 0, unnamed)).toEqual(all(VIPS, null))
    expect(await answers(VIPS, 0, PORT)).toEqual(all(VIPS, null))
  })
})

it('a rule gives a port its source, whoever asked, and VIPs can change while it is attached', async () => {
  await server.call('rewrite', { interface: 'eth0', vips: VIPS.slice(0, 1), rules: [{ port: PORT, from: VIPS[0]! }] })
  expect(await answers([VIPS[0]!, VIPS[1]!])).toEqual({ [VIPS[0]!]: 'dgram', [VIPS[1]!]: null })
  await server.call('changeRewriting', { vips: VIPS })
  expect(await answers(VIPS)).toEqual(all(VIPS, 'dgram'))
})

it.each(['tcx', 'clsact'])(
  'without learning only rules count, and nothing looks at what comes in (%s)',
  async (hook) => {
    await server.call('serve', 'node:dgram', 'other', [PORT + 1])
    const rules = [VIPS[0]!, VIPS[2]!].map((from) => ({ port: PORT, from }))
    await server.call('rewrite', { interface: 'eth0', vips: VIPS, rules, learn: false, hook } as never)
    expect(await answers(VIPS)).toEqual({ ...all(VIPS, null), [VIPS[0]!]: 'dgram', [VIPS[2]!]: 'dgram' })
    expect(await answers(VIPS, 0, PORT + 1)).toEqual(all(VIPS, null))
    // A rule answers for the address of the interface as well.
    expect(await answers([...VIPS, OWN[0]!])).toMatchObject({ [OWN[0]!]: null })
    const filters = async (direction: string) =>
      (await hosts[1].namespace.run('tc', ['filter', 'show', 'dev', 'eth0', direction])).stdout.includes('bpf')
    expect(await Promise.all(['ingress', 'egress'].map(filters))).toEqual([false, hook === 'clsact'])
    expect(await wrongChecksums()).toBe(0)
  },
)

it('a wrong option is refused by name, and leaves nothing', async () => {
  const rewrite = (options: object) => server.call('rewrite', { interface: 'eth0', vips: VIPS, ...options } as never)
  await expect(rewrite({ vips: [] })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  await expect(rewrite({ interface: 'eth7' })).rejects.toMatchObject({ code: 'ERR_BPF_INTERFACE' })
  await expect(rewrite({ rules: [{ port: 53, from: '192.0.2.1' }] })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARG_VALUE',
  })
  await expect(rewrite({ hook: 'cgroup', cgroup: '/sys/fs/cgroup/none', ports: [53] })).rejects.toMatchObject({
    code: 'ERR_BPF_SYSTEM',
  })
  await expect(rewrite({ learn: false })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  await expect(rewrite({ learn: 0 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  await expect(rewrite({ flows: 5 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  expect(await answers(VIPS)).toEqual(all(VIPS, null))
})
