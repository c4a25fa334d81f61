import dgram from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { PktInfoSocket, type RemoteInfo } from 'udp-dsr'
import { type ConnectUdpOptions, connectUdp, type PortStrategy } from 'udp-dsr/ports'
import { describe, expect, it, onTestFinished } from 'vitest'
import { bind, portOf, receive } from '../../socket/kit.js'
import { PORTS_OF_THE_HOST, portRange } from './kit.js'

const STRATEGIES: PortStrategy[] = ['auto', 'exact', 'kernel', 'shifting-window', 'select-test-repeat']
const LOOPBACK = '127.0.0.1'

/** A socket of connectUdp that is closed with the test. */
function open(options: ConnectUdpOptions): PktInfoSocket {
  const socket = connectUdp(options)
  onTestFinished(() => socket[Symbol.asyncDispose]())
  return socket
}

/** What a call throws. */
function refusal(call: () => unknown): NodeJS.ErrnoException {
  try {
    call()
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
  throw new Error('it was not refused')
}

async function echo(address = LOOPBACK): Promise<number> {
  const socket = await bind({ type: address.includes(':') ? 'udp6' : 'udp4', address })
  socket.on('message', (msg, rinfo) => socket.reply(`${rinfo.address} ${rinfo.port} ${msg}`, rinfo))
  return portOf(socket)
}

describe('connectUdp', PORTS_OF_THE_HOST, () => {
  it.each(STRATEGIES)('is connected when it returns, from the address and range asked for: %s', async (strategy) => {
    const port = await echo()
    const localPortRange = portRange(20)
    const localAddress = '127.0.0.9'
    const socket = open({ address: LOOPBACK, port, localAddress, localPortRange, strategy, windowSize: 5 })
    expect(socket).toBeInstanceOf(PktInfoSocket)
    const local = socket.address()
    expect(local.address).toBe(localAddress)
    expect(local.port).toBeGreaterThanOrEqual(localPortRange[0])
    expect(local.port).toBeLessThanOrEqual(localPortRange[1])
    expect(socket.remoteAddress()).toMatchObject({ address: LOOPBACK, port })
    const answer = receive(socket)
    socket.send('hello')
    const [{ msg, rinfo }] = (await answer) as unknown as [{ msg: Buffer; rinfo: RemoteInfo }]
    expect(String(msg)).toBe(`${localAddress} ${local.port} hello`)
    expect(rinfo).toMatchObject({ address: LOOPBACK, port })
  })

  it('emits connect, and its listener gets messages', async () => {
    const port = await echo()
    const answer = new Promise((resolve) => {
      const socket = connectUdp({ address: LOOPBACK, port }, (msg) => resolve(String(msg)))
      onTestFinished(() => socket[Symbol.asyncDispose]())
      socket.on('connect', () => socket.send('?'))
    })
    expect(await answer).toMatch(/^127\.0\.0\.1 \d+ \?$/)
  })

  it('works over IPv6, with the address that routing chooses', async () => {
    const port = await echo('::1')
    const socket = open({ address: '::1', port, recvBufferSize: 100_000 })
    expect(socket.address()).toMatchObject({ address: '::1', family: 'IPv6' })
    expect(socket.getRecvBufferSize()).toBe(200_000)
    const answer = receive(socket)
    socket.send('hello')
    expect(String((await answer)[0]?.msg)).toBe(`::1 ${socket.address().port} hello`)
    const tuple = { address: '::1', port, localAddress: '::1', localPort: socket.address().port }
    expect(refusal(() => connectUdp(tuple)).code).toBe('ERR_TUPLE_IN_USE')
  })

  it('shares local ports between peers', async () => {
    const ports = [await echo(), await echo(), await echo()]
    const localPortRange = portRange(10)
    const all = Array.from({ length: 10 }, (_, i) => localPortRange[0] + i)
    for (const port of ports) {
      const sockets = all.map(() => open({ address: LOOPBACK, port, localPortRange }))
      expect(sockets.map((socket) => socket.address().port).sort()).toEqual(all)
      const answers = sockets.map((socket) => receive(socket))
      for (const socket of sockets) socket.send('hello')
      const texts = (await Promise.all(answers)).map(([answer]) => String(answer?.msg))
      expect(texts).toEqual(sockets.map((socket) => `${LOOPBACK} ${socket.address().port} hello`))
    }
  })

  it.each(STRATEGIES)('says when no port is left, and goes on when one is: %s', async (strategy) => {
    const localPortRange = portRange(6)
    const options = { address: LOOPBACK, port: 9, localPortRange, strategy, windowSize: 3, attempts: 500 }
    const sockets = Array.from({ length: 6 }, () => open(options))
    expect(new Set(sockets.map((socket) => socket.address().port)).size).toBe(6)
    expect(refusal(() => connectUdp(options))).toMatchObject({ code: 'ERR_PORTS_EXHAUSTED', counts: { total: 6 } })
    const { port } = sockets[2]!.address()
    await sockets[2]![Symbol.asyncDispose]()
    expect(open(options).address().port).toBe(port)
  })

  it.each(STRATEGIES)('passes over ports that others have for themselves: %s', async (strategy) => {
    const localPortRange = portRange(12)
    for (let port = localPortRange[0] + 1; port <= localPortRange[1]; port++) {
      await bind({ type: 'udp4', address: LOOPBACK, port })
    }
    const socket = open({ address: LOOPBACK, port: 9, localPortRange, strategy, windowSize: 4, attempts: 2000 })
    expect(socket.address().port).toBe(localPortRange[0])
  })

  it('says who has the port that was asked for', async () => {
    const taken = await bind({ type: 'udp4', address: LOOPBACK })
    const error = refusal(() => connectUdp({ address: LOOPBACK, port: 9, localPort: portOf(taken) }))
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', port: portOf(taken) })
    const stranger = { address: LOOPBACK, port: 9, localAddress: '198.51.100.9' }
    expect(refusal(() => connectUdp(stranger))).toMatchObject({ code: 'EADDRNOTAVAIL', address: '198.51.100.9' })
  })

  it('cannot be disconnected, so that it takes nobody else’s tuple', () => {
    const socket = open({ address: LOOPBACK, port: 9 })
    const error = refusal(() => socket.disconnect())
    const { port: localPort } = socket.address()
    expect(error).toMatchObject({ code: 'ERR_TUPLE_FIXED', tuple: { localAddress: LOOPBACK, localPort, port: 9 } })
    expect(refusal(() => socket.connect(10)).code).toBe('ERR_SOCKET_DGRAM_IS_CONNECTED')
  })

  it('closes with its signal', async () => {
    expect(refusal(() => connectUdp({ address: LOOPBACK, port: 9, signal: AbortSignal.abort() })).name).toBe(
      'AbortError',
    )
    const controller = new AbortController()
    const socket = connectUdp({ address: LOOPBACK, port: 9, signal: controller.signal })
    const closed = once(socket, 'close')
    controller.abort()
    await closed
  })

  it('refuses what is wrong', () => {
    const wrong = (options: Record<string, unknown>) =>
      refusal(() => connectUdp({ address: LOOPBACK, port: 9, ...options } as ConnectUdpOptions)).code
    expect(wrong({ address: 'localhost' })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ port: 0 })).toBe('ERR_SOCKET_BAD_PORT')
    expect(wrong({ localAddress: '::1' })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ reuseAddr: true })).toBe('ERR_UNKNOWN_OPTION')
    expect(wrong({ localPort: -1 })).toBe('ERR_SOCKET_BAD_PORT')
    expect(wrong({ strategy: 'fast' })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ gro: 'yes' })).toBe('ERR_INVALID_ARG_TYPE')
  })
})

describe('a 4-tuple has one owner', PORTS_OF_THE_HOST, () => {
  it('of node:dgram’s sockets the second takes all from the first: why the kernel is asked', async () => {
    const peer = await bind({ type: 'udp4', address: LOOPBACK })
    const [localPort] = portRange(1)
    const got: string[] = []
    for (const name of ['first', 'second']) {
      const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true })
      onTestFinished(() => socket[Symbol.asyncDispose]())
      socket.on('message', () => got.push(name))
      socket.bind(localPort, LOOPBACK)
      await once(socket, 'listening')
      socket.connect(portOf(peer), LOOPBACK)
      await once(socket, 'connect')
    }
    peer.send('who?', localPort, LOOPBACK)
    await expect.poll(() => got).toEqual(['second'])
  })

  it('in one process: the second is refused, and the first goes on receiving', async () => {
    const peer = await bind({ type: 'udp4', address: LOOPBACK })
    const [localPort] = portRange(1)
    const tuple = { address: LOOPBACK, port: portOf(peer), localAddress: LOOPBACK, localPort }
    const first = open(tuple)
    for (let i = 0; i < 20; i++) {
      const error = refusal(() => connectUdp(tuple))
      expect(error).toMatchObject({ code: 'ERR_TUPLE_IN_USE', tuple: { protocol: 'udp', ...tuple } })
      const got = receive(first)
      peer.send(`number ${i}`, localPort, LOOPBACK)
      expect(String((await got)[0]?.msg)).toBe(`number ${i}`)
    }
  })

  it('also against a socket of this host that knows nothing of connectUdp', async () => {
    const peer = await bind({ type: 'udp4', address: LOOPBACK })
    const foreign = new PktInfoSocket({ type: 'udp4', reusePort: true })
    onTestFinished(() => foreign[Symbol.asyncDispose]())
    const { port: localPort } = foreign.bindSync({ address: LOOPBACK })
    foreign.connectSync(portOf(peer), LOOPBACK)
    const tuple = { address: LOOPBACK, port: portOf(peer), localAddress: LOOPBACK, localPort }
    expect(refusal(() => connectUdp(tuple)).code).toBe('ERR_TUPLE_IN_USE')
    const got = receive(foreign)
    peer.send('still mine', localPort, LOOPBACK)
    expect(String((await got)[0]?.msg)).toBe('still mine')
  })

  it('in another thread', async () => {
    const [localPort] = portRange(1)
    const tuple = { address: LOOPBACK, port: 9, localAddress: LOOPBACK, localPort }
    open(tuple)
    const worker = new Worker(fileURLToPath(new URL('./second-thread.mjs', import.meta.url)), { workerData: tuple })
    onTestFinished(async () => {
      await worker.terminate()
    })
    expect(await once(worker, 'message')).toEqual(['ERR_TUPLE_IN_USE'])
  })

  // In other processes, and in a race of them: test/netns/udp-tuples.test.ts.
})
