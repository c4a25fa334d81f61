import { fileURLToPath } from 'node:url'
import { type OpenOptions, PktInfoSocket } from 'udp-dsr'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { command } from '../../examples/netns/index.js'
import {
  WITH_BPF_FILESYSTEM,
  WITH_FOREIGN_BPF_FILESYSTEM,
  WITHOUT_BPF_FILESYSTEM,
  whyNoBpfFilesystem,
} from '../bpf/filesystem.js'

/** The option `pinFlows`, in processes that have a BPF filesystem of their own: test/socket/pin-flows/scenarios.ts. */
const SCENARIOS = fileURLToPath(new URL('pin-flows/scenarios.ts', import.meta.url))
const LIMIT_MS = 60_000

vi.setConfig({ testTimeout: LIMIT_MS })

/** Runs a scenario and returns what it printed. */
async function play(name: string, prefix = WITH_BPF_FILESYSTEM) {
  const [program, ...args] = [...prefix, process.execPath, '--import', 'tsx', SCENARIOS, name]
  const { code, stdout, stderr } = await command(program!, args, { timeout: LIMIT_MS })
  if (code !== 0) throw new Error(`${name} ended with ${code}\n${stdout}${stderr}`)
  return JSON.parse(stdout)
}

/** A process with these capabilities and no others. */
const onlyWith = (capabilities: readonly string[], prefix = WITH_BPF_FILESYSTEM) => {
  const set = ['-all', ...capabilities.map((name) => `+${name}`)].join(',')
  return [...prefix, 'setpriv', `--bounding-set=${set}`, `--inh-caps=${set}`]
}

describe('sockets with pinFlows', () => {
  beforeEach((context) => {
    const reason = whyNoBpfFilesystem()
    if (reason) context.skip(reason)
  })

  it('keep their clients while others of the process come and go', async () => {
    const told = await play('sockets')
    expect(told).toMatchObject({
      movedBesideB: 0,
      stillAtB: 0,
      sameAgain: true,
      movedBetweenOthers: 0,
      folders: ['NAMESPACE-udp4-0_0_0_0-PORT'],
      foldersAfter: [],
      descriptorsLeft: 0,
      capability: { available: true, since: '5.8' },
    })
    // 100 clients each, and 75 for the fourth: six standard deviations are 49 and 45.
    for (const count of told.counts) expect(Math.abs(count - 100)).toBeLessThan(50)
    expect(Math.abs(told.toFourth - 75)).toBeLessThan(46)
  })

  it('give every datagram to its place or a new one, while another process comes and goes', async () => {
    const told = await play('churn')
    expect(told).toMatchObject({ strays: [], foldersAfter: [] })
    expect(told.rounds).toBeGreaterThan(5)
    expect(told.atFourth).toBeGreaterThan(0)
  })

  it('keep them in threads', async () => {
    expect(await play('threads')).toEqual({ servers: 3, movedBesideB: 0, stillAtB: 0, sameAgain: true })
  })

  it('keep them when most are killed at once, and take over what the killed left', async () => {
    expect(await play('massacre')).toEqual({
      servers: 12,
      movedWithoutNeed: 0,
      atTheDead: 0,
      stable: true,
      stale: 1,
      allAtNext: true,
      foldersAfter: [],
    })
  })

  it('take an address for one client, and refuse a socket that does otherwise', async () => {
    expect(await play('addresses')).toEqual({
      servers: 2,
      mostPerAddress: 1,
      other: expect.objectContaining({
        code: 'ERR_FLOW_GROUP_AFFINITY',
        message: expect.stringContaining("pinFlows: 'client-ip', and this one 'client-ip-port'"),
      }),
    })
  })

  it('keep clients of IPv6 and IPv4', async () => {
    expect(await play('dualStack')).toEqual({
      servers6: 3,
      servers4: 3,
      movedBesideB: 0,
      sameAgain: true,
      folders: 1,
    })
  })

  it('are 64 at most', async () => {
    expect(await play('full')).toEqual({
      servers: 64,
      tooMany: expect.objectContaining({ code: 'ERR_FLOW_GROUP_FULL' }),
      undisturbed: true,
      sameAgain: true,
      foldersAfter: [],
    })
  })

  it('can be bound again after they found no place', async () => {
    expect(await play('again')).toEqual({
      refused: expect.objectContaining({ code: 'ERR_FLOW_GROUP_AFFINITY' }),
      addressInUse: expect.objectContaining({ code: 'EADDRINUSE' }),
      foldersAfter: [],
    })
  })

  it('do not wait for ever for a process that is stopped', async () => {
    const told = await play('locked')
    expect(told.locked.code).toBe('ERR_FLOW_GROUP_LOCKED')
    expect(told.waited).toBeGreaterThan(1500)
    expect(told.answer).toBe('a')
  })

  it('meet in the directory that they are told', async () => {
    expect(await play('path')).toEqual({
      servers: 2,
      elsewhere: false,
      folders: 1,
      foldersAfter: 0,
      unmounted: expect.objectContaining({
        code: 'ERR_FLOW_GROUP_FILESYSTEM',
        message: expect.stringContaining('/nowhere/in/particular'),
      }),
    })
  })

  it.each([[[]], [['bpf']], [['perfmon']], [['net_admin', 'net_raw']]])(
    'say which privilege they need, with %j alone',
    async (capabilities) => {
      const told = await play('refused', onlyWith(capabilities))
      const message = expect.stringContaining('"pinFlows" needs CAP_BPF and CAP_PERFMON')
      expect(told.failure).toMatchObject({ code: 'EPERM', message })
      expect(told.option).toEqual({ available: false, since: '5.8', reason: message })
    },
  )

  it('need no other privilege', async () => {
    expect(await play('sockets', onlyWith(['bpf', 'perfmon']))).toMatchObject({ movedBesideB: 0, sameAgain: true })
  })

  it('say when they may not write where they are to meet', async () => {
    const told = await play('refused', onlyWith(['bpf', 'perfmon'], WITH_FOREIGN_BPF_FILESYSTEM))
    const message = expect.stringContaining('may not write to /sys/fs/bpf. Give its user the directory')
    expect(told.failure).toMatchObject({ code: 'ERR_FLOW_GROUP_FILESYSTEM', message })
    expect(told.option).toEqual({ available: false, since: '5.8', reason: message })
  })

  it('say what to mount', async () => {
    const told = await play('refused', WITHOUT_BPF_FILESYSTEM)
    const message = expect.stringContaining('`mount -t bpf bpf /sys/fs/bpf`')
    expect(told.failure).toMatchObject({ code: 'ERR_FLOW_GROUP_FILESYSTEM', message })
    expect(told.option).toEqual({ available: false, since: '5.8', reason: message })
  })
})

describe('the option pinFlows', () => {
  const wrong = (pinFlows: unknown, more = {}) =>
    new PktInfoSocket({ type: 'udp4', reusePort: true, pinFlows, ...more } as OpenOptions)

  it.each([
    [1, 'ERR_INVALID_ARG_TYPE', '"options.pinFlows" property must be of type boolean, string or object'],
    [null, 'ERR_INVALID_ARG_TYPE', '"options.pinFlows"'],
    ['flow', 'ERR_INVALID_ARG_VALUE', "must be 'client-ip' or 'client-ip-port'. Received 'flow'"],
    [{ affinity: 'flow' }, 'ERR_INVALID_ARG_VALUE', '"options.pinFlows.affinity"'],
    [{ afinity: 'client-ip' }, 'ERR_UNKNOWN_OPTION', 'Did you mean "pinFlows.affinity"?'],
    [{ path: 5 }, 'ERR_INVALID_ARG_TYPE', '"options.pinFlows.path"'],
    [{ path: 'here' }, 'ERR_INVALID_ARG_VALUE', 'must be an absolute path'],
  ])('refuses %j', (pinFlows, code, message) => {
    expect(() => wrong(pinFlows)).toThrow(expect.objectContaining({ code }))
    expect(() => wrong(pinFlows)).toThrow(message)
  })

  it('needs reusePort', () => {
    expect(() => wrong(true, { reusePort: false })).toThrow('needs reusePort: true')
    expect(() => wrong(false, { reusePort: false })).not.toThrow()
  })

  it('is not for descriptors that are open already', () => {
    expect(() => wrong(true).bind({ fd: 0 })).toThrow('is not for sockets with pinFlows')
  })
})
