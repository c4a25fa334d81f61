// Options that dgram lacks, by their effect.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { capabilities, PktInfoSocket, UdpDsrError } from 'udp-dsr'
import { describe, expect, test } from 'vitest'
import { ask, bind, client, connectedClient, portOf, receive, sent } from './kit.js'

/** Of no host: TEST-NET-2 (RFC 5737) and the prefix for documentation (RFC 3849). */
const STRANGER = { udp4: '198.51.100.77', udp6: '2001:db8::77' } as const

const { options: available } = capabilities()

describe('freebind', () => {
  test.each(['udp4', 'udp6'] as const)(
    '%s binds to an address that is not local yet, and only with it',
    async (type) => {
      const address = STRANGER[type]
      const socket = await bind({ type, address, freebind: true })
      expect(socket.address().address).toBe(address)
      await expect(PktInfoSocket.bind({ type, address })).rejects.toMatchObject({
        code: 'EADDRNOTAVAIL',
        message: expect.stringContaining(`route add local ${address} dev lo`),
      })
    },
  )

  test('is enough for a source of IPv6', async () => {
    const socket = await bind({ type: 'udp6', freebind: true })
    const from = { address: STRANGER.udp6 }
    expect(await sent((done) => socket.send('x', 9, '::1', { from }, done))).toBe(1)
  })
})

describe('transparent', () => {
  test('sends from any address', async (context) => {
    context.skip(!available.transparent.available, available.transparent.reason)
    const socket = await bind({ type: 'udp4', transparent: true })
    const peer = await client('udp4', '127.0.0.1')
    const arrived = once(peer, 'message')
    socket.send('x', portOf(peer), '127.0.0.1', { from: { address: '127.9.9.9' } })
    expect((await arrived)[1]).toMatchObject({ address: '127.9.9.9' })
    const from = { address: STRANGER.udp4 }
    expect(await sent((done) => socket.send('x', 9, '127.0.0.1', { from }, done))).toBe(1)
  })
})

describe('bindToDevice', () => {
  test('hears its interface only', async (context) => {
    const other = Object.entries(networkInterfaces()).find(([name, list]) => name !== 'lo' && list?.length)?.[0]
    context.skip(other === undefined, 'this host has one interface only')
    const lo = await bind({ type: 'udp4', bindToDevice: 'lo', reuseAddr: true })
    const elsewhere = await bind({ type: 'udp4', bindToDevice: other!, port: portOf(lo), reuseAddr: true })
    for (const socket of [lo, elsewhere]) socket.on('message', (msg, rinfo) => socket.reply(msg, rinfo))
    expect(await ask(await client(), '127.0.0.2', portOf(lo))).toMatchObject({ address: '127.0.0.2' })
    expect([lo.stats().received, elsewhere.stats().received]).toEqual([1, 0])
  })

  test('that does not exist', async () => {
    await expect(PktInfoSocket.bind({ type: 'udp4', bindToDevice: 'nowhere0' })).rejects.toMatchObject({
      code: 'ENODEV',
      message: expect.stringContaining('nowhere0'),
    })
  })

  test.each(['', 'a-name-longer-than-15', 5, null])('%j is none', (bindToDevice) => {
    const open = () => new PktInfoSocket({ type: 'udp4', bindToDevice: bindToDevice as string })
    expect(open).toThrow(expect.objectContaining({ code: expect.stringMatching(/ERR_INVALID_ARG_(TYPE|VALUE)/) }))
  })
})

describe('localPortRange', () => {
  const [low = 0, high = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t').map(Number)

  test('is where ports come from, until there are no more', async (context) => {
    context.skip(!available.localPortRange.available, available.localPortRange.reason)
    const options = { type: 'udp4', address: '127.0.0.66', localPortRange: [high - 39, high] } as const
    const ports = new Set<number>()
    const failed = await (async () => {
      for (;;) ports.add(portOf(await bind(options)))
    })().catch((error) => error)
    expect(failed).toMatchObject({ code: 'EADDRINUSE', message: expect.stringContaining('localPortRange') })
    expect(ports.size).toBeGreaterThan(20) // others may have some
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(high - 39)
  })

  test('that the kernel would ignore is refused', async (context) => {
    context.skip(!available.localPortRange.available, available.localPortRange.reason)
    context.skip(low < 1024 + 10, 'every port is in the range of this host')
    await expect(PktInfoSocket.bind({ type: 'udp4', localPortRange: [low - 10, low - 1] })).rejects.toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
      message: expect.stringContaining('ip_local_port_range'),
    })
  })

  test.each([[[5]], [[5, 4]], [[0, 5]], [[5, 65_536]], ['5-6'], [[1.5, 2]], [null]])('%j is none', (range) => {
    const open = () => new PktInfoSocket({ type: 'udp4', localPortRange: range as unknown as [number, number] })
    expect(open).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/ERR_INVALID_ARG_TYPE|ERR_OUT_OF_RANGE/) }),
    )
  })
})

describe('bindAddressNoPort', () => {
  test('leaves the port to connect', async () => {
    const socket = await bind({ type: 'udp4', address: '127.0.0.5', bindAddressNoPort: true })
    expect(socket.address()).toMatchObject({ address: '127.0.0.5', port: 0 })
    const peer = await client('udp4', '127.0.0.1')
    await new Promise<void>((done) => socket.connect(portOf(peer), '127.0.0.1', done))
    expect(portOf(socket)).toBeGreaterThan(0)
    peer.send('hello', portOf(socket), '127.0.0.5')
    const [{ rinfo }] = (await receive(socket)) as [Awaited<ReturnType<typeof receive>>[0]]
    expect(rinfo.local).toMatchObject({ address: '127.0.0.5', port: portOf(socket) })
  })
})

describe('reusePort', () => {
  test('spreads peers over the sockets, each to one of them', async () => {
    const sockets = [await bind({ type: 'udp4', address: '127.0.0.1', reusePort: true })]
    const port = portOf(sockets[0]!)
    for (let i = 0; i < 3; i++) sockets.push(await bind({ type: 'udp4', address: '127.0.0.1', port, reusePort: true }))
    for (const [i, socket] of sockets.entries()) socket.on('message', (_msg, rinfo) => socket.reply(`${i}`, rinfo))
    const served = new Set<string>()
    for (let n = 0; n < 40; n++) {
      const peer = await client()
      const answers = []
      for (let i = 0; i < 3; i++) answers.push((await ask(peer, '127.0.0.1', port)).text)
      expect(new Set(answers).size).toBe(1)
      served.add(answers[0]!)
    }
    expect(served.size).toBeGreaterThan(1)
  })
})

describe('capabilities', () => {
  test('knows each option, and what the kernel says to it', () => {
    const found = capabilities()
    expect(found).toMatchObject({ sockets: true, platform: 'linux', arch: process.arch })
    const names = [
      'reusePort',
      'pinFlows',
      'freebind',
      'transparent',
      'bindToDevice',
      'localPortRange',
      'bindAddressNoPort',
    ]
    expect(Object.keys(found.options)).toEqual([...names, 'receiveErrors', 'gro', 'gso'])
    for (const { available, since, reason } of Object.values(found.options)) {
      expect(since).toMatch(/^\d+\.\d+/)
      expect(reason === undefined).toBe(available)
    }
  })

  test('opens nothing that stays', () => {
    expect(capabilities()).toEqual(capabilities())
  })
})

describe('stats', () => {
  test('count what happens, and stay when the socket is closed', async () => {
    const socket = await bind({ type: 'udp4' })
    const zero = {
      received: 0,
      sent: 0,
      batches: 0,
      truncated: 0,
      droppedByKernel: 0,
      droppedByQueue: 0,
      sendErrors: 0,
    }
    expect(socket.stats()).toMatchObject({ ...zero, queued: 0 })
    const peer = await connectedClient(portOf(socket))
    const received = receive(socket, 3)
    for (let i = 0; i < 3; i++) peer.send('x')
    await received
    await sent((done) => socket.send('x', portOf(peer), '127.0.0.1', done))
    await sent((done) => socket.send(Buffer.alloc(70_000), 9, '127.0.0.1', done)).catch(() => {})
    const stats = { ...zero, received: 3, batches: 1, sent: 1, sendErrors: 1, queued: 0 }
    expect(socket.stats()).toMatchObject(stats)
    await socket[Symbol.asyncDispose]()
    expect(socket.stats()).toMatchObject(stats)
  })

  test('droppedByKernel counts what found no room in the receive buffer', async () => {
    const socket = await bind({ type: 'udp4', recvBufferSize: 4096 })
    const peer = await connectedClient(portOf(socket))
    for (let i = 0; i < 100; i++) peer.send(Buffer.alloc(1000)) // in one tick: nobody reads meanwhile
    const { droppedByKernel } = socket.stats()
    expect(droppedByKernel).toBeGreaterThan(0)
    await receive(socket, 100 - droppedByKernel)
    expect(socket.stats()).toMatchObject({ received: 100 - droppedByKernel, droppedByKernel })
    await socket[Symbol.asyncDispose]()
    expect(socket.stats()).toMatchObject({ droppedByKernel })
  })
})

describe('sendQueue', () => {
  test.each([{ bytes: -1 }, { datagrams: 1.5 }, { byte: 5 }, null, 5])('%j is none', (sendQueue) => {
    const open = () => new PktInfoSocket({ type: 'udp4', sendQueue: sendQueue as object })
    expect(open).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ERR_/) }))
  })
})

describe('PktInfoSocket.bind', () => {
  test('rejects with what failed, and leaves nothing open', async () => {
    const taken = await bind({ type: 'udp4', address: '127.0.0.1' })
    const options = { type: 'udp4', address: '127.0.0.1', port: portOf(taken) } as const
    const failed = await PktInfoSocket.bind(options).catch((error) => error)
    expect(failed).toBeInstanceOf(UdpDsrError)
    expect(failed).toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
      ...{ address: '127.0.0.1', port: portOf(taken) },
    })
  })

  test.each([
    [undefined, 'ERR_INVALID_ARG_TYPE'],
    [{ type: 'udp5' }, 'ERR_SOCKET_BAD_TYPE'],
    [{ type: 'udp4', port: 65_536 }, 'ERR_SOCKET_BAD_PORT'],
    [{ type: 'udp4', prot: 53 }, 'ERR_UNKNOWN_OPTION'],
    [{ type: 'udp4', address: 5 }, 'ERR_INVALID_ARG_TYPE'],
    [{ type: 'udp4', fd: -1 }, 'ERR_OUT_OF_RANGE'],
  ])('rejects %j with %s', async (options, code) => {
    await expect(PktInfoSocket.bind(options as never)).rejects.toMatchObject({ code })
  })

  test('tells which option was meant', async () => {
    await expect(PktInfoSocket.bind({ type: 'udp4', reusePrt: true } as never)).rejects.toThrow(
      'Did you mean "reusePort"?',
    )
    await expect(PktInfoSocket.bind({ type: 'udp4', adress: '::' } as never)).rejects.toThrow('Did you mean "address"?')
  })

  test('defaults to the wildcard and a port of the kernel’s choice', async () => {
    expect((await bind({ type: 'udp4' })).address()).toMatchObject({ address: '0.0.0.0', family: 'IPv4' })
    expect((await bind({ type: 'udp6' })).address()).toMatchObject({ address: '::', family: 'IPv6' })
    expect((await bind({ type: 'udp6', ipv6Only: true, address: '::1' })).address()).toMatchObject({ address: '::1' })
  })

  test('await using closes the socket', async () => {
    const socket = await PktInfoSocket.bind({ type: 'udp4' })
    const closed = once(socket, 'close')
    {
      await using held = socket
      expect(held.address().port).toBeGreaterThan(0)
    }
    await closed
    expect(() => socket.address()).toThrow('Not running')
  })
})
