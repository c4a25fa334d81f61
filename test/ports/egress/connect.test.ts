import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { type ConnectOptions, connect, type PortStrategy } from 'udp-dsr/ports'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connected, failure, listen, PORTS_OF_THE_HOST, portRange, reset } from './kit.js'

const STRATEGIES: PortStrategy[] = ['auto', 'exact', 'kernel', 'shifting-window', 'select-test-repeat']

/** A peer that says whom it sees, and echoes. */
const echo = (socket: net.Socket) => {
  socket.write(`${socket.remoteAddress} ${socket.remotePort}\n`)
  socket.pipe(socket)
}

describe('connect', PORTS_OF_THE_HOST, () => {
  it.each(STRATEGIES)('connects from the address and range asked for: %s', async (strategy) => {
    const port = await listen('127.0.0.1', echo)
    const localPortRange = portRange(20)
    const socket = connect({
      host: '127.0.0.1',
      port,
      localAddress: '127.0.0.9',
      localPortRange,
      strategy,
      windowSize: 5,
    })
    expect(socket).toBeInstanceOf(net.Socket)
    expect(socket.connecting).toBe(true)
    socket.write('early ') // before it is connected
    await connected(socket)
    socket.write('late')
    let told = ''
    for await (const part of socket) {
      told += part
      if (told.endsWith('early late')) break
    }
    expect(told).toBe(`127.0.0.9 ${socket.localPort ?? told.split(/\s/)[1]}\nearly late`)
    const localPort = Number(told.split(/\s/)[1])
    expect(localPort).toBeGreaterThanOrEqual(localPortRange[0])
    expect(localPort).toBeLessThanOrEqual(localPortRange[1])
  })

  it('looks names up, in the family of localAddress', async () => {
    const port = await listen()
    const families: unknown[] = []
    // It calls back at once, which may not happen before the socket is ready for it.
    const lookup: net.LookupFunction = (name, options, callback) => {
      families.push([name, options.family])
      callback(null, '127.0.0.1', 4)
    }
    const socket = await connected(connect({ host: 'edge.example', port, localAddress: '127.0.0.3', lookup }))
    expect([socket.localAddress, socket.remoteAddress]).toEqual(['127.0.0.3', '127.0.0.1'])
    expect(families).toEqual([['edge.example', 4]])
    await connected(connect({ host: 'localhost', family: 4, port }))
  })

  it('connects over IPv6', async () => {
    const port = await listen('::1')
    const localPortRange = portRange(4)
    const sockets = await Promise.all(
      [0, 1, 2, 3].map(() => connected(connect({ host: '::1', port, localAddress: '::1', localPortRange }))),
    )
    expect(sockets.map((socket) => socket.localPort).sort()).toEqual([0, 1, 2, 3].map((i) => localPortRange[0] + i))
    expect(sockets[0]!.localAddress).toBe('::1')
    const error = await failure(connect({ host: '::1', port, localPortRange }))
    expect(error.code).toBe('ERR_PORTS_EXHAUSTED')
  })

  it('has the events and the state of net.connect', async () => {
    const port = await listen('127.0.0.1', (socket) => socket.end('bye'))
    const events: string[] = []
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, keepAlive: true }, () => events.push('listener'))
    expect([socket.connecting, socket.pending, socket.readyState]).toEqual([true, true, 'opening'])
    for (const name of ['connect', 'ready', 'end', 'close']) socket.on(name, () => events.push(name))
    socket.resume()
    await once(socket, 'connect')
    expect([socket.connecting, socket.pending, socket.readyState]).toEqual([false, false, 'open'])
    await once(socket, 'close')
    expect(events).toEqual(['listener', 'connect', 'ready', 'end', 'close'])
  })

  it('may share a port between destinations, and never between connections to one', async () => {
    const [a, b] = [await listen(), await listen()]
    const localPortRange = portRange(10)
    const ports = async (port: number) =>
      (
        await Promise.all(
          Array.from({ length: 10 }, () =>
            connected(
              connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1', localPortRange, strategy: 'exact' }),
            ),
          ),
        )
      ).map((socket) => socket.localPort!)
    const all = Array.from({ length: 10 }, (_, i) => localPortRange[0] + i)
    expect((await ports(a)).sort()).toEqual(all)
    expect((await ports(b)).sort()).toEqual(all)
  })

  it.each(STRATEGIES)('says when no port is left, and goes on when one is: %s', async (strategy) => {
    const port = await listen()
    const localPortRange = portRange(8)
    const open = () => connect({ host: '127.0.0.1', port, localPortRange, strategy, windowSize: 3, attempts: 400 })
    const sockets: net.Socket[] = []
    for (let i = 0; i < 8; i++) sockets.push(await connected(open()))
    expect(new Set(sockets.map((socket) => socket.localPort)).size).toBe(8)
    const error = await failure(open())
    expect(error).toMatchObject({ code: 'ERR_PORTS_EXHAUSTED', counts: { total: 8 } })
    expect(error.message).toContain(`to connect from any address to 127.0.0.1 port ${port}`)
    const freed = sockets[3]!.localPort
    await reset(sockets[3]!)
    expect((await connected(open())).localPort).toBe(freed)
  })

  it.each(STRATEGIES)('passes over ports that others have: %s', async (strategy) => {
    const port = await listen()
    const localPortRange = portRange(30)
    const [low, high] = localPortRange
    for (let localPort = low + 1; localPort <= high; localPort++) {
      await connected(net.connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1', localPort }))
    }
    const options: ConnectOptions = { host: '127.0.0.1', port, localAddress: '127.0.0.1', localPortRange, strategy }
    expect((await connected(connect({ ...options, attempts: 2000 }))).localPort).toBe(low)
  })

  it('takes one port when told so, inside the range of the kernel and outside of it', async () => {
    const port = await listen()
    for (const localPort of [portRange(1)[0], 20_123]) {
      const open = () => connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1', localPort })
      const socket = await connected(open())
      expect(socket.localPort).toBe(localPort)
      const error = await failure(open())
      expect(error).toMatchObject({ code: 'ERR_TUPLE_IN_USE', tuple: { protocol: 'tcp', localPort, port } })
      await reset(socket)
      expect((await connected(open())).localPort).toBe(localPort)
    }
  })

  it('fails as net.connect does when nobody listens, and gives the port back', async () => {
    const localPortRange = portRange(1)
    for (let i = 0; i < 5; i++) {
      const error = await failure(connect({ host: '127.0.0.1', port: 1, localPortRange }))
      expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: '127.0.0.1', port: 1 })
      await new Promise(setImmediate)
    }
  })

  it('says when the local address is not of this host', async () => {
    const error = await failure(connect({ host: '127.0.0.1', port: 1, localAddress: '198.51.100.9' }))
    expect(error).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'bind', address: '198.51.100.9' })
  })

  it('says when a name has no address of the family', async () => {
    const error = await failure(connect({ host: 'nobody.invalid', port: 1 }))
    expect(error.syscall).toBe('getaddrinfo')
  })

  it('can be destroyed before it has begun, and in the middle', async () => {
    const port = await listen()
    const localPortRange = portRange(1)
    const open = () => connect({ host: '127.0.0.1', port, localPortRange })
    const early = open()
    early.destroy()
    await once(early, 'close')
    const middle = open()
    await new Promise((resolve) => process.nextTick(resolve))
    middle.resetAndDestroy()
    await once(middle, 'close')
    expect((await connected(open())).localPort).toBe(localPortRange[0])
  })

  it('ends with its signal, before and while it connects, and after', async () => {
    const port = await listen()
    const aborted = await failure(connect({ host: '127.0.0.1', port, signal: AbortSignal.abort() }))
    expect(aborted.name).toBe('AbortError')
    const controller = new AbortController()
    const options = { host: '127.0.0.1', port, signal: controller.signal }
    const connecting = connect(options)
    const open = await connected(connect(options))
    const both = [failure(connecting), failure(open)]
    connecting.on('error', () => {})
    controller.abort()
    for (const error of await Promise.all(both)) expect(error.name).toBe('AbortError')
  })

  it('tells of a reset by the peer', async () => {
    const port = await listen('127.0.0.1', (socket) => socket.resetAndDestroy())
    const socket = connect({ host: '127.0.0.1', port })
    socket.resume()
    expect((await failure(socket)).code).toBe('ECONNRESET')
  })

  it("emits 'timeout' as setTimeout does", async () => {
    const port = await listen()
    const socket = await connected(connect({ host: '127.0.0.1', port, timeout: 30 }))
    await once(socket, 'timeout')
    expect(socket.destroyed).toBe(false)
  })

  it('adds no error of its own to 3,000 connections at once', { timeout: 60_000 }, async () => {
    const port = await listen()
    const sockets = await Promise.all(
      Array.from({ length: 3000 }, () => connected(connect({ host: '127.0.0.1', port, localAddress: '127.0.0.5' }))),
    )
    expect(new Set(sockets.map((socket) => socket.localPort)).size).toBe(3000)
  })

  it('refuses what is wrong, before it opens anything', () => {
    const wrong = (options: Record<string, unknown>) => {
      try {
        connect({ port: 1, ...options } as ConnectOptions).on('error', () => {})
      } catch (error) {
        return (error as NodeJS.ErrnoException).code
      }
      return undefined
    }
    expect(wrong({ port: 0 })).toBe('ERR_SOCKET_BAD_PORT')
    expect(wrong({ localPort: 70_000 })).toBe('ERR_SOCKET_BAD_PORT')
    expect(wrong({ localAdress: '127.0.0.1' })).toBe('ERR_UNKNOWN_OPTION')
    expect(wrong({ localAddress: 'localhost' })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ localAddress: '::1', host: '127.0.0.1' })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ localAddress: '127.0.0.1', family: 6 })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ strategy: 'exactly' })).toBe('ERR_INVALID_ARG_VALUE')
    expect(wrong({ windowSize: 0 })).toBe('ERR_OUT_OF_RANGE')
    expect(wrong({ attempts: 1.5 })).toBe('ERR_OUT_OF_RANGE')
    expect(wrong({ localPortRange: [40_000] })).toBe('ERR_INVALID_ARG_TYPE')
    expect(wrong({ localPortRange: [40_001, 40_000] })).toBe('ERR_OUT_OF_RANGE')
    expect(wrong({ connectTimeout: 0 })).toBe('ERR_OUT_OF_RANGE')
    expect(wrong({ signal: true })).toBe('ERR_INVALID_ARG_TYPE')
    expect(wrong({ lookup: 'dns' })).toBe('ERR_INVALID_ARG_TYPE')
    const [low] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number)
    expect(() => connect({ port: 1, localPortRange: [low! - 1, low! + 5] })).toThrow(
      /within \d+–\d+ \(`sysctl net\.ipv4\.ip_local_port_range`\)/,
    )
  })

  it('says which Node it needs where sockets have no handle to hook', () => {
    const original = Object.getOwnPropertyDescriptor(net.Socket.prototype, 'connect')!
    net.Socket.prototype.connect = function (this: net.Socket) {
      return this
    }
    onTestFinished(() => {
      Object.defineProperty(net.Socket.prototype, 'connect', original)
    })
    expect(() => connect({ port: 1 })).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED_NODE' }))
  })
})
