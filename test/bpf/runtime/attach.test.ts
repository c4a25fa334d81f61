import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { findCommand } from '../../../examples/netns/index.js'
import { defineObject } from '../../../scripts/lib/bpf-definition.mjs'
import { useNet } from '../../netns/kit.js'
import { Workshop, whyNoBpf } from '../build.js'
import { SAMPLE } from './sample.js'

const SCENARIO = fileURLToPath(new URL('scenario.ts', import.meta.url))
const net = useNet('each')
const missing = whyNoBpf()
const workshop = new Workshop()
let definition: string

beforeAll(async () => {
  if (missing === undefined) {
    definition = workshop.file('sample.json', Buffer.from(JSON.stringify(await defineObject(SAMPLE))))
  }
})
afterAll(() => workshop.remove())
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing)
})

/** Plays scenarios one after the other, each in a process of its own, on a host with a cable from itself to itself. */
async function play(...names: string[]): Promise<unknown[]> {
  return playAs('', ...names)
}

/** @param prefix command that starts the processes */
async function playAs(prefix: string, ...names: string[]): Promise<unknown[]> {
  const [host] = await net.hosts('bpf')
  await host.ip(`
    link add left type veth peer name right
    addr add 10.9.0.1/24 dev left
    link set dev left addrgenmode none up
    link set dev right address 02:00:00:00:00:02 addrgenmode none up
    neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev left
    tuntap add mode tun name flat
  `)
  const steps = names.map((name) => `${prefix} node --import tsx ${SCENARIO} ${name} ${definition}`)
  const script = `mount -t bpf bpf /sys/fs/bpf && mount -t cgroup2 none /sys/fs/cgroup && ${steps.join(' && ')}`
  const { code, stdout, stderr } = await host.namespace.run('sh', ['-c', script], { timeout: 30_000 })
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

it('attaches XDP programs in each mode, replaces and detaches them', async () => {
  const counts = [20, 20, 20, 20]
  expect(await play('xdp')).toEqual([{ 'native: native': counts, 'generic: generic': counts, 'auto: native': counts }])
})

it('attaches to traffic control through TCX and clsact, in both directions, replaces and detaches', async () => {
  expect(await play('trafficControl')).toEqual([
    {
      'tcx ingress': ['tcx', 20, 20, 0],
      'tcx egress': ['tcx', 20, 20, 0],
      'clsact ingress': ['clsact', 20, 20, 0],
      'clsact egress': ['clsact', 20, 20, 0],
      'auto ingress': ['tcx', 20, 20, 0],
      'auto egress': ['tcx', 20, 20, 0],
    },
  ])
})

it('replaces a filter of clsact that is there', async () => {
  expect(await play('clsactAgain')).toEqual([{ marked: 20, after: 0 }])
})

it('attaches to a control group', async () => {
  expect(await play('cgroup')).toEqual([{ outside: 0, inside: 20, after: 0 }])
})

it('says in plain words why attaching is refused, and leaks nothing', async () => {
  const [all] = (await play('refusals')) as [Record<string, unknown>]
  expect(all).toEqual({
    id: expect.any(Number),
    busy: {
      code: 'ERR_BPF_BUSY',
      message: expect.stringContaining(`XDP of right is held by the program first (id ${all.id}). If it is not needed`),
    },
    twice: {
      code: 'ERR_BPF_BUSY',
      message: 'TCX ingress of right is held by this very program (mark). It is attached once at most',
    },
    noName: { code: 'ERR_BPF_INTERFACE', message: expect.stringContaining('There is no interface gone') },
    gone: { code: 'ERR_BPF_INTERFACE', message: expect.stringContaining('There is no interface gone') },
    goneTcx: { code: 'ERR_BPF_INTERFACE', message: expect.stringContaining('There is no interface gone') },
    goneClsact: { code: 'ERR_BPF_INTERFACE', message: expect.stringContaining('There is no interface gone') },
    noDriver: {
      code: 'ERR_BPF_NO_NATIVE_XDP',
      message: expect.stringContaining('The driver of flat runs no XDP programs itself (EOPNOTSUPP)'),
    },
    auto: { mode: 'generic', refusal: 'EOPNOTSUPP' },
    noGroup: { code: 'ERR_BPF_SYSTEM', message: 'Could not open the control group /nowhere: ENOENT' },
    wrongKind: { code: 'ERR_BPF_SYSTEM', message: 'Could not attach the program first to right: EINVAL' },
    leaked: 0,
  })
})

it('replaces a program under a million frames and loses none', async () => {
  const [result] = (await play('replace')) as [{ updates: number }]
  expect(result).toEqual({ frames: 1_000_000, lost: 0, updates: expect.any(Number), both: true })
  // How often depends on the machine: a million frames pass in less than a second.
  expect(result.updates).toBeGreaterThan(1)
})

it('keeps pins when their process has ended; the next one goes on with them', async () => {
  const [first, second] = await play('pin', 'findPins')
  expect(first).toEqual({
    seen: 20,
    second: {
      code: 'ERR_BPF_LOCKED',
      message: expect.stringContaining('Another instance uses the pins below /sys/fs/bpf/udp-dsr-test'),
    },
    elsewhere: {
      code: 'ERR_BPF_FILESYSTEM',
      message: expect.stringContaining('need a BPF filesystem, and /tmp is none'),
    },
  })
  expect(second).toEqual({
    seen: 40,
    other: {
      code: 'ERR_BPF_INCOMPATIBLE',
      message: expect.stringContaining('has valueBytes 8 instead of 16, has entries 8 instead of 9'),
    },
    names: ['hits', 'link_xdp'],
    replaced: 20,
    after: 0,
    gone: true,
  })
})

it('closes what a worker has when it is terminated', async () => {
  expect(await play('terminated')).toEqual([{ during: 4 + 7 + 1 + 1, after: 0 }])
})

it('names the privileges that are missing', async (context) => {
  if (!findCommand('setpriv')) context.skip('setpriv is not installed (package util-linux)')
  const [denied] = await playAs('setpriv --bounding-set=-bpf,-perfmon,-net_admin,-sys_admin', 'unprivileged')
  const needs = 'it needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON (systemd: AmbientCapabilities=)'
  expect(denied).toEqual({
    map: { code: 'ERR_BPF_PERMISSION', message: `May not make the map known with 4 entries: ${needs}` },
    program: { code: 'ERR_BPF_PERMISSION', message: `May not load the program first: ${needs}` },
    leaked: 0,
  })
})
