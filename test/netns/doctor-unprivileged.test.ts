// The doctor without privileges, and without the programs that it asks: what it cannot see it must say.

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HostOptions, Report } from 'udp-dsr/dsr'
import { beforeAll, expect, test } from 'vitest'
import { type Host, useNet, usePrograms } from './kit.js'

const SCRIPT = fileURLToPath(new URL('./print-report.ts', import.meta.url))
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all']

const net = useNet('all')
usePrograms('nft', 'iptables', 'ethtool', 'tc', 'setpriv', 'prlimit')
let host: Host

beforeAll(async () => {
  if (net.missing !== undefined) return
  const [one, router] = await net.hosts('host', 'router')
  host = one
  await net.cable(host, 'eth0', router, 'eth0')
  await router.ip('address add 10.0.0.1/24 dev eth0')
  await host.ip(`
    address add 10.0.0.11/24 dev eth0
    route add default via 10.0.0.1
    route add local 198.51.100.2 dev lo`)
  await host.call('serve', { way: 'reply', type: 'udp4', port: 5300 })
})

async function examine(before: readonly string[], options: Partial<HostOptions>): Promise<Report> {
  const all = { role: 'backend', vips: ['198.51.100.2'], ports: [5300], watch: 0, ...options }
  const args = [...before, process.execPath, '--import', 'tsx', SCRIPT, JSON.stringify(all)]
  const { stdout, stderr } = await host.namespace.run(args[0]!, args.slice(1))
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

function problems({ findings }: Report) {
  return findings.filter(({ severity }) => severity !== 'ok').map(({ check, severity }) => [check, severity])
}

test('a neighbour that nobody has asked for is unknown to whom may not ask', async () => {
  expect(problems(await examine(['setpriv', ...NOBODY], {}))).toContainEqual(['next-hops', 'unknown'])
})

test('on a backend an ordinary user may not see the firewall, and is told', async () => {
  // The kernel knows the router then.
  await host.ip('neighbour replace 10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01')
  const report = await examine(['setpriv', ...NOBODY], {})
  expect(problems(report)).toEqual([
    ['firewall', 'unknown'],
    ['address-translation', 'unknown'],
  ])
  expect(report.ok).toBe(false)
  expect(report.findings[0]).toMatchObject({
    detail: expect.stringContaining('nft -j list ruleset'),
    fix: expect.stringContaining('root'),
  })
  expect(report.counts.ok).toBeGreaterThan(10)
})

test('the same user is told of faults that anybody can see', async () => {
  const report = await examine(['setpriv', ...NOBODY], { vips: ['198.51.100.3'] })
  expect(problems(report)).toContainEqual(['vip-local', 'error'])
})

test('on an edge that user lacks the capabilities, and they are named', async () => {
  const report = await examine(['setpriv', ...NOBODY], { role: 'edge' })
  expect(problems(report)).toEqual([['privileges', 'warning']])
  expect(report.findings[0]!.summary).toContain('CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON')
})

test('without one of the capabilities that one is named', async () => {
  const report = await examine(['setpriv', '--bounding-set=-net_admin'], { role: 'edge' })
  expect(report.findings.find(({ check }) => check === 'privileges')!.summary).toMatch(/lacks CAP_NET_ADMIN$/)
})

test('a process that may open few files is told', async () => {
  expect(problems(await examine(['prlimit', '--nofile=256:256'], {}))).toEqual([['limits', 'warning']])
})

test('whose XDP program an interface has is unknown to whom may not ask', async () => {
  await host.call('attachStranger', 'eth0')
  const report = await examine(['setpriv', ...NOBODY], { role: 'edge' })
  expect(problems(report)).toContainEqual(['xdp-program', 'unknown'])
})

test('on a host without the tools, what they would have said is unknown', async () => {
  // A root directory of PATH with nothing but node; the places that the doctor adds are covered by nothing, and so the mounts hide them.
  const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-no-tools-'))
  try {
    symlinkSync(process.execPath, join(folder, 'node'))
    const hide = ['/usr/sbin', '/usr/local/sbin'].map((path) => `mount -t tmpfs tmpfs ${path}`).join(' && ')
    const script = `${hide} && PATH=${folder} exec "$@"`
    const report = await examine(['unshare', '-m', 'sh', '-c', script, 'sh'], {})
    expect(problems(report)).toEqual([
      ['firewall', 'unknown'],
      ['address-translation', 'unknown'],
      ['traffic-control', 'unknown'],
    ])
    expect(report.findings[0]!.detail).toContain('nft is not installed (package nftables)')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
