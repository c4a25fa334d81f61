import { createSocket, type Socket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import * as errors from '../src/errors.js'
import { parseConfig } from '../src/fleet/index.js'
import { PortPlan } from '../src/ports/index.js'
import { decode } from '../src/proxy/index.js'
import { headerTimeout, parserFinished, untrustedPeer } from '../src/proxy/refusals.js'

const { errno } = constants

/** What `PortPlan.parse` throws. */
function refusedPlan(toml: string): errors.PortPlanError {
  try {
    PortPlan.parse(toml)
  } catch (error) {
    return error as errors.PortPlanError
  }
  throw new Error('it was read')
}

/** What `parseConfig` throws. */
function refusedConfig(toml: string): errors.ConfigError {
  try {
    parseConfig(toml, { file: 'udp-dsr.toml' })
  } catch (error) {
    return error as errors.ConfigError
  }
  throw new Error('it was read')
}

/** What `decode` throws. */
function refused(...parts: (string | Uint8Array | number[])[]): errors.ProxyProtocolError {
  try {
    decode(Buffer.concat(parts.map((part) => Buffer.from(part as string))))
  } catch (error) {
    return error as errors.ProxyProtocolError
  }
  throw new Error('the header is right')
}

/** The beginning of a PROXY header of version 2, and the addresses that one of 0x2112 has. */
const v2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const ends = Buffer.from('cb007107c6336402cf840035', 'hex')

const tuple = {
  protocol: 'udp',
  localAddress: '10.0.0.7',
  localPort: 40000,
  address: '192.0.2.1',
  port: 53,
} as const

/** One failure of every code. Their messages are the examples of docs/errors.md. */
const examples: Record<errors.ErrorCode, Error & { code: string }> = {
  ERR_UNSUPPORTED_PLATFORM: errors.unsupportedPlatform(undefined, 'darwin', 'arm64'),
  ERR_UNSUPPORTED_KERNEL: errors.unsupportedKernel('localPortRange', '6.3', undefined, '6.1.0-13-amd64'),
  ERR_UNSUPPORTED_NODE: errors.unsupportedNode('_handle.open of net.Socket', 'v99.0.0'),
  ERR_SOURCE_NOT_LOCAL: errors.sourceNotLocal('198.51.100.2'),
  ERR_SEND_QUEUE_FULL: errors.sendQueueFull(
    { datagrams: 4096, bytes: 2_097_152 },
    { datagrams: 4096, bytes: 4_194_304 },
  ),
  ERR_SOCKET_ALREADY_BOUND: errors.alreadyBound(),
  ERR_SOCKET_DGRAM_NOT_RUNNING: errors.notRunning(),
  ERR_SOCKET_DGRAM_IS_CONNECTED: errors.isConnected('192.0.2.1:53'),
  ERR_SOCKET_DGRAM_NOT_CONNECTED: errors.notConnected(),
  ERR_IP_BLOCKED: errors.blockedAddress('192.0.2.1'),
  ERR_SOCKET_BUFFER_SIZE: errors.bufferSizeFailed('receive', errors.systemError(errno.EBADF, 'getsockopt')),
  ERR_TUPLE_IN_USE: errors.tupleInUse(tuple),
  ERR_TUPLE_LOCKED: errors.tupleLocked(tuple, 100),
  ERR_TUPLE_FIXED: errors.tupleFixed(tuple),
  ERR_FLOW_GROUP_FILESYSTEM: errors.noBpfFilesystem('/sys/fs/bpf/udp-dsr', '/sys/fs/bpf'),
  ERR_FLOW_GROUP_FULL: errors.flowGroupFull('0.0.0.0 port 53', 64),
  ERR_FLOW_GROUP_AFFINITY: errors.otherAffinity('0.0.0.0 port 53', 'client-ip', 'client-ip-port'),
  ERR_FLOW_GROUP_LOCKED: errors.flowGroupLocked('/sys/fs/bpf/udp-dsr', 2000),
  ERR_BPF_PERMISSION: errors.bpfDenied('load the program edge'),
  ERR_BPF_BUSY: errors.hookBusy(
    'XDP',
    'eth0',
    'the program edge (id 42)',
    'If it is not needed any more: `ip link set dev eth0 xdp off`, or remove the pin of its link',
  ),
  ERR_BPF_INTERFACE: errors.noInterface('eth7'),
  ERR_BPF_NO_NATIVE_XDP: errors.noNativeXdp('tun0', 'EOPNOTSUPP'),
  ERR_BPF_VERIFIER: errors.verifierRefused('edge', errno.EACCES, 'R1 invalid mem access\nprocessed 7 insns\n'),
  ERR_BPF_MAP_FULL: errors.mapFull('backends', 8192, 'Raise the limit of that name in Forwarder.attach({ limits })'),
  ERR_BPF_INCOMPATIBLE: errors.otherMap('/sys/fs/bpf/udp-dsr/edge/pools', 'has entries 64 instead of 1024'),
  ERR_BPF_FILESYSTEM: errors.pinsNeedFilesystem('/sys/fs/bpf/udp-dsr/edge', '/sys/fs/bpf'),
  ERR_BPF_LOCKED: errors.pinsLocked('/sys/fs/bpf/udp-dsr/edge'),
  ERR_BPF_SYSTEM: errors.bpfFailed(errno.ENOMEM, 'make the map slots with 16384 entries'),
  ERR_FORWARDER_DETACHED: errors.forwarderDetached('eth0'),
  ERR_FORWARDER_NO_EVENTS: errors.forwarderNoEvents(),
  ERR_CONTROL_AWAY: errors.controlAway('/run/udp-dsr/edge-eth0.sock'),
  ERR_METRICS_LISTEN: errors.metricsFailed('127.0.0.1', 9472, { code: 'EADDRINUSE' }),
  ERR_CONTROL_BUSY: errors.controlBusy('/run/udp-dsr/edge-eth0.sock'),
  ERR_CONTROL_REFUSED: errors.controlRefused('/run/udp-dsr/edge-eth0.sock', 'EACCES'),
  ERR_DISCOVERY_MEMBER: errors.badMember('pools.dns[3]', 'address must be an IPv4 or IPv6 address, not "x"'),
  ERR_DISCOVERY_UNREADABLE: errors.unreadableMembers('/etc/udp-dsr/members.json', 'it is empty'),
  ERR_DISCOVERY_DNS: errors.dnsAway('backends.example.org', 'it has no address'),
  ERR_DISCOVERY_ETCD: errors.etcdFailed('http://10.0.1.1:2379', 'kv/range', 'no answer within 2000 ms'),
  ERR_DISCOVERY_CLOSED: errors.discoveryClosed('The registration of dns/a'),
  ERR_CONFIG: refusedConfig(
    '[[services]]\nname = "dns"\nvips = ["198.51.100.2"]\nports = [53]\npool = "dsn"\n[pools.dns]\ndelivery = "l2"',
  ),
  ERR_HEALTH_CLOSED: errors.healthClosed(),
  ERR_PORT_PLAN_SYNTAX: refusedPlan('regions = ["sea"'),
  ERR_PORT_PLAN_ENTRY: refusedPlan('[[services.ports]]\nregion = ["sea"]\nport_start = 10000\nport_end = 19999'),
  ERR_PORT_PLAN_RANGE: refusedPlan('[[services.ports]]\nregions = ["sea"]\nport_start = 19999\nport_end = 10000'),
  ERR_PORT_PLAN_SHARES: refusedPlan(
    '[[services.ports]]\nregions = ["sea"]\nport_start = 10000\nport_end = 10001\nper_node = { a = 1, b = 9 }',
  ),
  ERR_PORT_PLAN_CONFLICT: refusedPlan(
    ['sea', 'ord']
      .map((region, i) => `[[services.ports]]\nregions = ["${region}"]\nport_start = 1000${i}\nport_end = 1999${i}\n`)
      .join('\n'),
  ),
  ERR_PORT_PLAN_OWNER: errors.planOwner('see', 'is neither region nor node of this plan', 'Did you mean "sea"?'),
  ERR_PORT_PLAN_TARGET: errors.planTarget(
    'werift',
    'the window is port 7882 alone, and icePortRange needs two',
    'Widen it',
  ),
  ERR_PORTS_EXHAUSTED: errors.portsExhausted({
    where: 'in the window 50000-50099',
    counts: { total: 100, free: 0, leased: 90, draining: 2, quarantined: 7, taken: 1 },
    retryAfter: 1200,
  }),
  ERR_PORTS_QUOTA: errors.portsQuota('alice', 8, 8, 1),
  ERR_PORTS_CLOSED: errors.portsClosed('the window 50000-50099'),
  ERR_PROXY_INCOMPLETE: refused(v2, [0x21, 0x12, 0, 12], ends.subarray(1)),
  ERR_PROXY_SIGNATURE: refused('GET / HTTP/1.1'),
  ERR_PROXY_VERSION: refused(v2, [0x31, 0x12, 0, 12], ends),
  ERR_PROXY_COMMAND: refused(v2, [0x22, 0x12, 0, 12], ends),
  ERR_PROXY_FAMILY: refused(v2, [0x21, 0x13, 0, 12], ends),
  ERR_PROXY_LENGTH: refused(v2, [0x21, 0x12, 0, 8], ends),
  ERR_PROXY_LINE: refused('PROXY UDP4 192.0.2.1 192.0.2.2 53 53\r\n'),
  ERR_PROXY_ADDRESS: refused('PROXY TCP4 192.0.2.1 192.0.2.2 70000 53\r\n'),
  ERR_PROXY_TLV: refused(v2, [0x21, 0x12, 0, 16], ends, [4, 0, 9, 0]),
  ERR_PROXY_CHECKSUM: refused(v2, [0x21, 0x12, 0, 19], ends, [3, 0, 4, 0xde, 0xad, 0xbe, 0xef]),
  ERR_PROXY_TOO_LONG: refused('PROXY UNKNOWN ', 'x'.repeat(100)),
  ERR_PROXY_TIMEOUT: headerTimeout(5000, 7),
  ERR_PROXY_UNTRUSTED: untrustedPeer('192.0.2.1'),
  ERR_PROXY_FINISHED: parserFinished(),
  ERR_QUIC_LB_EXHAUSTED: errors.noncesExhausted(2, 4),
  ERR_INVALID_ARG_TYPE: errors.invalidArgType('address', 'of type string', 5),
  ERR_INVALID_ARG_VALUE: errors.invalidArgValue('from.address', 'must be an IPv4 address', '::1'),
  ERR_MISSING_ARGS: errors.missingArgument('multicastAddress'),
  ERR_UNKNOWN_OPTION: errors.unknownOption('reusePrt', ['reuseAddr', 'reusePort']),
  ERR_SOCKET_BAD_TYPE: errors.badType('udp5'),
  ERR_SOCKET_BAD_BUFFER_SIZE: errors.badBufferSize(-1),
  ERR_INVALID_FD_TYPE: errors.invalidFdType(3, 'TCP'),
  ERR_OUT_OF_RANGE: errors.outOfRange('ecn', '>= 0 && <= 3', 4),
  ERR_BUFFER_OUT_OF_BOUNDS: errors.bufferOutOfBounds('offset', 5, 3),
  ERR_SOCKET_BAD_PORT: errors.badPort(70_000),
  EADDRINUSE: errors.systemError(errno.EADDRINUSE, 'bind', { address: '127.0.0.1', port: 53 }),
  EADDRNOTAVAIL: errors.systemError(errno.EADDRNOTAVAIL, 'bind', { address: '198.51.100.2', port: 53 }),
  EACCES: errors.systemError(errno.EACCES, 'bind', { address: '0.0.0.0', port: 53 }),
  EPERM: errors.systemError(errno.EPERM, 'setsockopt', { option: 'transparent', value: true }),
  EMSGSIZE: errors.systemError(errno.EMSGSIZE, 'send', { address: '192.0.2.1', port: 53, size: 66_000 }),
  EMFILE: errors.systemError(errno.EMFILE, 'socket'),
  ENFILE: errors.systemError(errno.ENFILE, 'socket'),
  ENOBUFS: errors.systemError(errno.ENOBUFS, 'send', { address: '192.0.2.1', port: 53 }),
  ENOMEM: errors.systemError(errno.ENOMEM, 'send', { address: '192.0.2.1', port: 53 }),
  ENETUNREACH: errors.systemError(errno.ENETUNREACH, 'send', { address: '192.0.2.1', port: 53 }),
  EHOSTUNREACH: errors.systemError(errno.EHOSTUNREACH, 'send', { address: '192.0.2.1', port: 53 }),
  ENETDOWN: errors.systemError(errno.ENETDOWN, 'send', { address: '192.0.2.1', port: 53 }),
  ECONNREFUSED: errors.systemError(errno.ECONNREFUSED, 'send', { address: '192.0.2.1', port: 53 }),
  ETIMEDOUT: errors.systemError(errno.ETIMEDOUT, 'connect', { address: '192.0.2.1', port: 443 }),
  EAFNOSUPPORT: errors.systemError(errno.EAFNOSUPPORT, 'bind', { address: '192.0.2.1', port: 53 }),
  ENODEV: errors.systemError(errno.ENODEV, 'addMembership', { address: '224.0.0.251', interface: '192.0.2.1' }),
  ENOPROTOOPT: errors.systemError(errno.ENOPROTOOPT, 'setsockopt', { option: 'gro' }),
  ENOTSUP: errors.systemError(errno.EOPNOTSUPP, 'setsockopt', { option: 'ipv6Only' }),
  EINVAL: errors.systemError(errno.EINVAL, 'setTTL', { value: 0 }),
  EBADF: errors.systemError(errno.EBADF, 'open'),
  ENOTSOCK: errors.systemError(errno.ENOTSOCK, 'open'),
  EDESTADDRREQ: errors.systemError(errno.EDESTADDRREQ, 'send'),
}

describe('codes', () => {
  it('are given out by the function that is meant to', () => {
    for (const [code, error] of Object.entries(examples)) expect(error.code).toBe(code)
  })

  it('are listed once each', () => {
    expect([...errors.ERROR_CODES].sort()).toEqual(Object.keys(examples).sort())
  })

  it('each have a line with their example in docs/errors.md, and no other code has one', () => {
    const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8')
    const rows = page.split('\n').filter((line) => /^\| `E/.test(line))
    const documented = rows.map((row) => /^\| `(\w+)`/.exec(row)?.[1])
    expect([...documented].sort()).toEqual([...errors.ERROR_CODES].sort())
    for (const row of rows) {
      const error = examples[/`(\w+)`/.exec(row)?.[1] as errors.ErrorCode]
      expect(row).toContain(error.message)
    }
  })
})

describe('classes', () => {
  const wrongArguments = /^ERR_(INVALID|MISSING|UNKNOWN|OUT_OF_RANGE|BUFFER_OUT|SOCKET_BAD)/

  it('are TypeError and RangeError for wrong arguments, UdpDsrError for all else', () => {
    for (const [code, error] of Object.entries(examples)) {
      const argument = error instanceof errors.ArgumentTypeError || error instanceof errors.ArgumentRangeError
      expect([code, argument]).toEqual([code, wrongArguments.test(code)])
      expect([code, error instanceof errors.UdpDsrError]).toEqual([code, !argument])
      expect(error).toBeInstanceOf(Error)
      expect(error.stack).toContain(error.message)
    }
    expect(examples.ERR_INVALID_ARG_TYPE).toBeInstanceOf(TypeError)
    expect(examples.ERR_SOCKET_BAD_PORT).toBeInstanceOf(RangeError)
  })

  it('carry what the message says as fields', () => {
    expect(examples.ERR_UNSUPPORTED_PLATFORM).toMatchObject({ platform: 'darwin', arch: 'arm64' })
    expect(examples.ERR_UNSUPPORTED_KERNEL).toMatchObject({ option: 'localPortRange', since: '6.3' })
    expect(errors.unsupportedKernel('gro', '5.0').running).toMatch(/^\d+\./)
    expect(examples.ERR_SEND_QUEUE_FULL).toMatchObject({
      queued: { datagrams: 4096, bytes: 2_097_152 },
      limit: { datagrams: 4096, bytes: 4_194_304 },
    })
    const cause = new Error('why')
    expect(errors.sourceNotLocal('::1', cause)).toMatchObject({ address: '::1', cause })
    const unloadable = errors.unsupportedPlatform(cause, 'linux', 'x64')
    expect(unloadable.cause).toBe(cause)
    expect(unloadable.message).toContain('did not load on linux x64: why.')
    expect('cause' in errors.sourceNotLocal('::1')).toBe(false)
  })
})

describe('sourceNotLocal', () => {
  it.each([
    ['198.51.100.2', 'ip route add local 198.51.100.2 dev lo'],
    ['2001:db8::2', 'ip -6 route add local 2001:db8::2 dev lo'],
    ['::ffff:198.51.100.2', 'ip route add local 198.51.100.2 dev lo'],
    ['fe80::2%eth0', 'ip -6 route add local fe80::2 dev lo'],
  ])('gives the command for %s', (address, command) => {
    const { message } = errors.sourceNotLocal(address)
    expect(message).toContain(`Make it local: \`${command}\`. Or `)
    expect(message.startsWith(`${address} is not local`)).toBe(true)
    expect(message).toContain('transparent: true')
    expect(message).toContain('freebind')
  })
})

describe('unknownOption', () => {
  const known = ['reuseAddr', 'reusePort', 'ipv6Only', 'gro', 'gso']
  it.each([
    ['reuseport', 'reusePort'],
    ['resuePort', 'reusePort'],
    ['reuse_addr', 'reuseAddr'],
    ['IPV6ONLY', 'ipv6Only'],
    ['gr', 'gro'],
  ])('%s is taken for %s', (typed, meant) => {
    expect(errors.unknownOption(typed, known).message).toBe(`Unknown option "${typed}". Did you mean "${meant}"?`)
  })

  it('lists what there is when nothing is near', () => {
    expect(errors.unknownOption('broadcast', known).message).toContain(`Known options: ${known.join(', ')}`)
  })
})

describe('systemError', () => {
  it('explains by what was called', () => {
    const { EADDRINUSE, EADDRNOTAVAIL, EACCES, EPERM, EINVAL, ENOBUFS } = errno
    const say = (...given: Parameters<typeof errors.systemError>) => errors.systemError(...given).message
    expect(say(EADDRINUSE, 'bind', { address: '0.0.0.0', port: 0 })).toContain('no free port')
    expect(say(EADDRINUSE, 'addMembership', { address: '224.1.1.1' })).toContain('is a member of 224.1.1.1 already')
    expect(say(EADDRNOTAVAIL, 'dropMembership')).toContain('no member of this group')
    expect(say(EADDRNOTAVAIL, 'setMulticastInterface', { interface: '9.9.9.9' })).toContain('no interface has')
    expect(say(EADDRNOTAVAIL, 'bind', { address: '2001:db8::1' })).toContain('ip -6 route add local 2001:db8::1 dev lo')
    expect(say(EACCES, 'send', { address: '10.255.255.255', port: 9 })).toContain('setBroadcast(true)')
    expect(say(EPERM, 'send', { address: '192.0.2.1', port: 9 })).toContain('nft list ruleset')
    expect(say(EPERM, 'setsockopt', { option: 'bindToDevice' })).toContain('CAP_NET_RAW')
    expect(say(EINVAL, 'bind', { address: 'fe80::1', port: 9 })).toContain('fe80::1%eth0')
    expect(say(EINVAL, 'setsockopt', { option: 'gro', value: 7 })).toContain('7 for the option "gro"')
    expect(say(EINVAL, 'addMembership', { address: '1.2.3.4' })).toContain('1.2.3.4 is no multicast address')
    expect(say(ENOBUFS, 'addMembership')).toContain('igmp_max_memberships')
  })

  it.each([
    ['192.0.2.1', 65_508, 'the limit is 65507 bytes, the most that UDP over IPv4 carries'],
    ['::ffff:192.0.2.1', 65_508, 'the limit is 65507 bytes, the most that UDP over IPv4 carries'],
    ['2001:db8::1', 65_528, 'the limit is 65527 bytes, the most that UDP over IPv6 carries'],
    [undefined, 65_510, 'the limit is 65507 bytes (IPv4) or 65527 bytes (IPv6)'],
    [undefined, undefined, 'the limit is 65507 bytes (IPv4) or 65527 bytes (IPv6)'],
    ['192.0.2.1', 1500, 'larger than the path'],
  ])('EMSGSIZE to %s with %s bytes names the limit', (address, size, part) => {
    expect(errors.systemError(errno.EMSGSIZE, 'send', { address, port: 53, size }).message).toContain(part)
  })

  it('takes errors that it cannot explain, and those without a name', () => {
    expect(errors.systemError(errno.ELOOP, 'bind')).toMatchObject({ message: 'bind ELOOP', code: 'ELOOP' })
    expect(errors.systemError(9999, 'bind', { address: '::' })).toMatchObject({ errno: -9999, address: '::' })
  })
})

describe("node:dgram's own errors", () => {
  type Failure = Error & { code: string; errno?: number; syscall?: string; address?: string; port?: number }

  /** Lets a dgram socket fail: what the function throws, or gives to the callback, or the socket emits. */
  async function failure(act: (socket: Socket, done: (error: unknown) => void) => void): Promise<Failure> {
    const socket = createSocket('udp4')
    try {
      return await new Promise<Failure>((resolve) => {
        const done = (error: unknown) => resolve(error as Failure)
        socket.on('error', done)
        try {
          act(socket, done)
        } catch (error) {
          done(error)
        }
      })
    } finally {
      socket.close()
    }
  }

  const fields = ({ message: _, ...rest }: Failure) => ({ ...rest })

  it('of the system have our fields in our order, and our messages begin with theirs', async () => {
    const other = createSocket('udp4')
    await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', resolve))
    const theirs = [
      await failure((socket) => socket.bind(other.address().port, '127.0.0.1')),
      await failure((socket) => socket.bind(0, '192.0.2.1')),
      await failure((socket, done) => socket.send('x', 9, '255.255.255.255', done)),
      await failure((socket, done) => socket.send(Buffer.alloc(65_508), 9, '127.0.0.1', done)),
      await failure((socket) => socket.setTTL(0)),
    ]
    other.close()
    for (const error of theirs) {
      expect(error).toHaveProperty('errno')
      const ours = errors.systemError(-(error.errno as number), error.syscall as string, error)
      expect(fields(ours as Failure)).toEqual(fields(error))
      expect(Object.keys(ours).sort()).toEqual(Object.keys(error).sort())
      expect(ours.message.startsWith(`${error.message}: `)).toBe(true)
      expect(ours.name).toBe(error.name)
    }
    const limit = await failure((socket, done) => socket.send(Buffer.alloc(65_507), 9, '127.0.0.1', done))
    expect(limit).toBeNull()
  })

  it('of arguments and state have our class, code and beginning', async () => {
    const wrong = (value: unknown) => value as never
    const pairs: [Failure, Error & { code: string }][] = [
      [await failure((s) => s.send('x', 70_000, '127.0.0.1')), errors.badPort(70_000)],
      [await failure((s) => s.send('x', wrong('abc'), '127.0.0.1')), errors.badPort('abc')],
      [await failure((s) => s.connect(0)), errors.badPort(0)],
      [await failure((s) => s.send('x', 53, wrong(5))), errors.invalidArgType('address', 'of type string', 5)],
      [await failure((s) => s.setTTL(wrong(null))), errors.invalidArgType('ttl', 'of type number', null)],
      [await failure((s) => s.setTTL(wrong([]))), errors.invalidArgType('ttl', 'of type number', [])],
      [
        await failure((s) => s.setTTL(wrong(Number.isNaN))),
        errors.invalidArgType('ttl', 'of type number', Number.isNaN),
      ],
      [await failure((s) => s.addMembership(wrong(undefined))), errors.missingArgument('multicastAddress')],
      [await failure((s) => s.setRecvBufferSize(-1)), errors.badBufferSize(-1)],
      [await failure((s) => s.send('abc', 5, 1, 53)), errors.bufferOutOfBounds('offset', 5, 3)],
      [await failure((s) => s.send('abc', 1, 8, 53)), errors.bufferOutOfBounds('length', 8, 3)],
      [await failure((s) => s.bind().bind()), errors.alreadyBound()],
      [await failure((s) => s.disconnect()), errors.notConnected()],
      [await failure(() => createSocket(wrong('udp5'))), errors.badType('udp5')],
    ]
    for (const [theirs, ours] of pairs.filter(([, error]) => error.code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING')) {
      expect(ours.code).toBe(theirs.code)
      expect(ours.name).toBe(theirs.name)
      expect(ours.message.slice(0, theirs.message.length)).toBe(theirs.message)
    }
    const closed = createSocket('udp4').close()
    expect(() => closed.address()).toThrow(expect.objectContaining({ code: errors.notRunning().code }))
    expect(() => closed.close()).toThrow('Not running')
    expect(errors.notRunning().message.startsWith('Not running')).toBe(true)
  })
})
