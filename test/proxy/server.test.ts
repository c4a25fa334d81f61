import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ProxyProtocolError } from '../../src/errors.js'
import { encode } from '../../src/proxy/encode.js'
import { type ProxiedSocket, type WrapServerOptions, wrapServer } from '../../src/proxy/server.js'
import {
  acceptedBy,
  bytewise,
  CLIENT,
  CLIENT6,
  dial,
  HEADERS,
  listen,
  portOf,
  readAll,
  SERVICE,
  SERVICE6,
  writeSlowly,
} from './tcp-kit.js'

/** The next socket that the server's listeners get. */
async function nextSocket(server: net.Server): Promise<ProxiedSocket> {
  const [socket] = await once(server, 'connection')
  return socket
}

async function nextError(server: net.Server): Promise<{ error: ProxyProtocolError; socket: net.Socket }> {
  const [error, socket] = await once(server, 'proxyError')
  expect(error).toBeInstanceOf(ProxyProtocolError)
  return { error, socket }
}

/** A server that says back what it gets, and ends when the other side has. */
const echo = (options: net.ServerOpts = {}) => net.createServer(options, (socket) => socket.pipe(socket))

/** The end of a connection on the client's side, as the server should see it. */
const endOf = (socket: net.Socket) => ({
  address: socket.localAddress,
  port: socket.localPort,
  family: socket.localFamily,
})

const remoteOf = (socket: net.Socket) => ({
  address: socket.remoteAddress,
  port: socket.remotePort,
  family: socket.remoteFamily,
})

describe('a connection with a header', () => {
  test.each([
    ['v1', 'IPv4', CLIENT, SERVICE],
    ['v2', 'IPv4', CLIENT, SERVICE],
    ['v1IPv6', 'IPv6', CLIENT6, SERVICE6],
    ['v2IPv6', 'IPv6', CLIENT6, SERVICE6],
  ] as const)('tells of the client (%s)', async (name, family, source, destination) => {
    const server = await listen(echo())
    const peer = await dial(server, { localAddress: '127.0.0.9' })
    peer.write(HEADERS[name])
    const socket = await nextSocket(server)
    expect(remoteOf(socket)).toEqual({ ...source, family })
    expect(socket.via).toEqual({ address: '127.0.0.9', port: peer.localPort, family: 'IPv4' })
    expect(socket.localAddress).toBe('127.0.0.1')
    expect(socket.localPort).toBe(portOf(server))
    expect(socket.proxy).toMatchObject({ version: name.slice(0, 2), command: 'PROXY', family, source, destination })
    expect(server.proxyStats()).toMatchObject({ accepted: 1, waiting: 0 })
  })

  test.each(['unknown', 'unspec', 'local'] as const)('without a client tells of the peer (%s)', async (name) => {
    const server = await listen(echo())
    const peer = await dial(server)
    peer.write(HEADERS[name])
    const socket = await nextSocket(server)
    expect(remoteOf(socket)).toEqual(endOf(peer))
    expect(socket.via).toEqual(endOf(peer))
    expect(socket.proxy).toMatchObject({ family: 'UNSPEC', command: name === 'local' ? 'LOCAL' : 'PROXY' })
  })

  test('of a client on a UNIX socket has no address', async () => {
    const server = await listen(echo())
    const peer = await dial(server)
    peer.write(HEADERS.unix)
    const socket = await nextSocket(server)
    expect(remoteOf(socket)).toEqual({ address: undefined, port: undefined, family: undefined })
    expect(socket.via).toEqual(endOf(peer))
    expect(socket.proxy).toMatchObject({ family: 'UNIX', source: { path: Buffer.from('/run/client') } })
  })

  test('keeps the client’s address when it is closed', async () => {
    const server = await listen(echo())
    const peer = await dial(server)
    peer.write(HEADERS.v2)
    const socket = await nextSocket(server)
    peer.destroy()
    await once(socket, 'close')
    expect(socket.remoteAddress).toBe(CLIENT.address)
  })
})

describe('what follows the header is intact', () => {
  const payload = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 251))
  const ways: Record<string, (peer: net.Socket, header: Buffer) => Promise<void> | void> = {
    'in one segment with it': (peer, header) => void peer.write(Buffer.concat([header, payload])),
    'in one segment, and the peer half-closes at once': (peer, header) =>
      void peer.end(Buffer.concat([header, payload])),
    'byte by byte': (peer, header) => writeSlowly(peer, bytewise(Buffer.concat([header, payload]))),
    later: (peer, header) => writeSlowly(peer, [header, payload]),
    'the header in two': (peer, header) =>
      writeSlowly(peer, [header.subarray(0, 13), Buffer.concat([header.subarray(13), payload])]),
  }
  const versions = ['v1', 'v2'] as const
  test.each(Object.keys(ways).flatMap((way) => versions.map((version) => [way, version] as const)))(
    '%s (%s)',
    async (way, version) => {
      const server = await listen(echo())
      const peer = await dial(server)
      const answer = readAll(peer)
      await ways[way]!(peer, HEADERS[version])
      peer.end()
      expect(await answer).toBe(payload.toString('latin1'))
    },
  )

  test('nothing follows, and the peer half-closes at once', async () => {
    const server = await listen(echo())
    const peer = await dial(server)
    peer.end(HEADERS.v2)
    expect(await readAll(peer)).toBe('')
    expect(server.proxyStats()).toMatchObject({ accepted: 1, missing: 0 })
  })

  test('with allowHalfOpen the server may answer after the end', async () => {
    const server = await listen(
      net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.resume().on('end', () => setTimeout(() => socket.end('still here'), 20))
      }),
    )
    const peer = await dial(server)
    peer.end(HEADERS.v2)
    expect(await readAll(peer)).toBe('still here')
  })

  test('sixteen megabytes of it', async () => {
    const server = await listen(echo())
    const peer = await dial(server)
    const block = Buffer.from(Array.from({ length: 1 << 16 }, (_, i) => (i * 31) >> 3))
    let received = 0
    let same = true
    peer.on('data', (data) => {
      for (const byte of data) same &&= byte === block[received++ & 0xffff]
    })
    peer.write(Buffer.concat([HEADERS.v2, block]))
    for (let i = 1; i < 256; i++) if (!peer.write(block)) await once(peer, 'drain')
    peer.end()
    await once(peer, 'close')
    expect({ received, same }).toEqual({ received: 1 << 24, same: true })
  })
})

describe('a socket comes to listeners as if nothing had been read', () => {
  /** Ways to read a socket. Each gives all of it as text. */
  const readers: Record<string, (socket: net.Socket) => Promise<string>> = {
    data: readAll,
    'data, added later': async (socket) => {
      await sleep(30)
      return readAll(socket)
    },
    'data, paused meanwhile': async (socket) => {
      const all = readAll(socket)
      socket.pause()
      await sleep(30)
      expect(socket.bytesRead).toBeGreaterThan(0)
      expect(socket.isPaused()).toBe(true)
      socket.resume()
      return all
    },
    readable: async (socket) => {
      let text = ''
      socket.on('readable', () => {
        for (let part = socket.read(); part !== null; part = socket.read()) text += part
      })
      await once(socket, 'end')
      return text
    },
    'for await': async (socket) => {
      let text = ''
      for await (const part of socket) text += part
      return text
    },
  }

  test.each(Object.keys(readers))('to be read with %s', async (way) => {
    const server = await listen(net.createServer())
    const read = new Promise<string>((resolve) => {
      server.on('connection', (socket) => void readers[way]!(socket).then(resolve))
    })
    const peer = await dial(server)
    peer.end(Buffer.concat([HEADERS.v2, Buffer.from('hello')]))
    expect(await read).toBe('hello')
  })

  test('with no listeners, no own methods and no timers of the wrapper left', async () => {
    const plain = net.createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void plain.close())
    await once(plain, 'listening')
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const look = (socket: net.Socket) => ({
      listeners: socket.eventNames().map((name) => [name, socket.listenerCount(name)]),
      push: Object.hasOwn(socket, 'push'),
      flowing: socket.readableFlowing,
      length: socket.readableLength,
      ended: socket.readableEnded,
    })
    const before = timers()
    const bare = nextSocket(plain)
    await dial(plain)
    const expected = look(await bare)

    const server = await listen(net.createServer())
    const seen: unknown[] = []
    const done = new Promise<void>((resolve) => {
      server.on('connection', (socket) => {
        seen.push(look(socket))
        if (seen.length === 2) resolve()
      })
    })
    for (const bytes of [HEADERS.v2, Buffer.concat([HEADERS.v1, Buffer.from('hello')])]) (await dial(server)).end(bytes)
    await done
    expect(seen).toEqual([expected, expected])
    expect(timers()).toBe(before)
  })

  test('paused, when the server has pauseOnConnect', async () => {
    const server = await listen(net.createServer({ pauseOnConnect: true }))
    const peer = await dial(server)
    peer.end(Buffer.concat([HEADERS.v2, Buffer.from('hello')]))
    const socket = await nextSocket(server)
    let read = ''
    socket.on('data', (data) => {
      read += data
    })
    await sleep(30)
    expect(read).toBe('')
    socket.resume()
    await once(socket, 'end')
    expect(read).toBe('hello')
  })

  test('and what a listener throws is thrown where Node throws it', async () => {
    const server = await listen(net.createServer())
    const thrown = new Promise((resolve) => {
      // The error of a listener ends the process unless somebody catches it; vitest would.
      const others = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
      process.removeAllListeners('uncaughtException')
      process.once('uncaughtException', resolve)
      onTestFinished(() => {
        for (const listener of others) process.on('uncaughtException', listener)
      })
    })
    const mine = new Error('of the listener')
    const read = new Promise<string>((resolve) => {
      server.once('connection', (socket) => {
        readAll(socket).then(resolve)
        throw mine
      })
    })
    const peer = await dial(server)
    peer.end(Buffer.concat([HEADERS.v2, Buffer.from('hello')]))
    expect(await thrown).toBe(mine)
    expect(await read).toBe('hello')
  })
})

describe('a peer that is not trusted', () => {
  const options = { trusted: ['10.0.0.0/8', '127.0.0.9'] }

  test('is refused at once, before it says anything', async () => {
    const server = await listen(echo(), options)
    const refused = nextError(server)
    const peer = await dial(server)
    const { error, socket } = await refused
    expect(error.code).toBe('ERR_PROXY_UNTRUSTED')
    expect(error.message).toContain('127.0.0.1')
    expect(await readAll(peer)).toBe('')
    expect(socket.destroyed).toBe(true)
    expect(server.proxyStats()).toMatchObject({ untrusted: 1, accepted: 0 })
  })

  test('is refused with nobody listening, too', async () => {
    const server = await listen(echo(), options)
    const peer = await dial(server)
    peer.write(HEADERS.v2)
    expect(await readAll(peer)).toBe('')
    expect(server.proxyStats().untrusted).toBe(1)
  })

  test('with required: false is passed on untouched, its header unread', async () => {
    const server = await listen(echo(), { ...options, required: false })
    const next = nextSocket(server)
    const peer = await dial(server)
    const socket = await next
    expect(remoteOf(socket)).toEqual(endOf(peer))
    expect([socket.proxy, socket.via]).toEqual([undefined, undefined])
    peer.end(HEADERS.v1)
    expect(await readAll(peer)).toBe(HEADERS.v1.toString('latin1'))
    expect(server.proxyStats()).toMatchObject({ bare: 1, untrusted: 0, accepted: 0 })
  })

  test('does not keep out one that is', async () => {
    const server = await listen(echo(), options)
    const peer = await dial(server, { localAddress: '127.0.0.9' })
    peer.write(HEADERS.v2)
    expect((await nextSocket(server)).remoteAddress).toBe(CLIENT.address)
  })

  test('is one on a UNIX socket, which has no address', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-proxy-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'socket')
    const server = wrapServer(echo(), { trusted: ['0.0.0.0/0', '::/0'] }).listen(path)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const refused = nextError(server)
    const peer = net.connect(path)
    peer.write(HEADERS.v2)
    const answer = readAll(peer)
    const { error } = await refused
    expect(error.code).toBe('ERR_PROXY_UNTRUSTED')
    expect(error.message).toContain('UNIX socket')
    expect(await answer).toBe('')
    expect(server.proxyStats().untrusted).toBe(1)
  })

  test('is known by its IPv4 address on a server that listens on ::', async (context) => {
    const server = wrapServer(echo(), { trusted: ['127.0.0.0/8'] })
    onTestFinished(() => void server.close())
    server.listen(0, '::')
    try {
      await once(server, 'listening')
    } catch {
      context.skip('needs IPv6')
    }
    const peer = await dial(server)
    peer.end(HEADERS.v2)
    const socket = await nextSocket(server)
    expect(remoteOf(socket)).toEqual({ ...CLIENT, family: 'IPv4' })
    expect(socket.via).toMatchObject({ address: '::ffff:127.0.0.1', family: 'IPv6' })
    expect(socket.localAddress).toBe('::ffff:127.0.0.1')
    await readAll(peer)
  })
})

describe('a bad beginning', () => {
  const damaged = encode(
    {
      version: 'v2',
      family: 'IPv4',
      transport: 'STREAM',
      source: CLIENT,
      destination: SERVICE,
    },
    { checksum: true },
  )
  damaged[16]! ^= 1

  test.each([
    ['ERR_PROXY_SIGNATURE', 'missing', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['ERR_PROXY_LINE', 'invalid', Buffer.from('PROXY TCP4 192.0.2.7\r\n')],
    ['ERR_PROXY_ADDRESS', 'invalid', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.256 1 2\r\n')],
    ['ERR_PROXY_CHECKSUM', 'invalid', damaged],
    ['ERR_PROXY_TOO_LONG', 'invalid', Buffer.from([...HEADERS.v2.subarray(0, 14), 0xff, 0xff])],
  ] as const)('%s closes the connection', async (code, count, bytes) => {
    const server = await listen(echo())
    const refused = nextError(server)
    const peer = await dial(server)
    peer.write(bytes)
    const { error, socket } = await refused
    expect(error.code).toBe(code)
    expect(remoteOf(socket)).toEqual(endOf(peer))
    expect(await readAll(peer)).toBe('')
    expect(server.proxyStats()).toMatchObject({ [count]: 1, accepted: 0, waiting: 0 })
  })

  test('hurts nobody when nobody listens', async () => {
    const server = await listen(echo())
    const peer = await dial(server)
    peer.write('GET / HTTP/1.1\r\n\r\n')
    expect(await readAll(peer)).toBe('')
    expect(server.proxyStats()).toMatchObject({ missing: 1 })
  })

  test.each(['end', 'resetAndDestroy'] as const)('that stops early is reported once (%s)', async (way) => {
    const server = await listen(echo())
    const errors: ProxyProtocolError[] = []
    server.on('proxyError', (error) => errors.push(error))
    const peer = await dial(server)
    peer.write(HEADERS.v2.subarray(0, 20))
    while (acceptedBy(server)[0]?.bytesRead !== 20) await sleep(5)
    peer[way]()
    while (server.proxyStats().waiting === 1) await sleep(5)
    await sleep(20)
    expect(errors.map(({ code }) => code)).toEqual(['ERR_PROXY_INCOMPLETE'])
    expect((errors[0]!.cause as { code?: string } | undefined)?.code).toBe(way === 'end' ? undefined : 'ECONNRESET')
    expect(server.proxyStats()).toMatchObject({ missing: 1 })
  })

  test('is accepted or not as the options say', async () => {
    const server = await listen(echo(), { verifyChecksum: false, versions: ['v2'], maxLength: damaged.length })
    const peer = await dial(server)
    peer.write(damaged)
    expect((await nextSocket(server)).proxy).toMatchObject({ version: 'v2' })
    const refused = nextError(server)
    const other = await dial(server)
    other.write(HEADERS.v1)
    expect((await refused).error.code).toBe('ERR_PROXY_SIGNATURE')
  })

  test('is destroyed even when a listener throws', async () => {
    const server = await listen(echo())
    let socket: net.Socket | undefined
    server.on('proxyError', (_, its) => {
      socket = its
      throw new Error('of the listener')
    })
    const others = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
    process.removeAllListeners('uncaughtException')
    onTestFinished(() => {
      for (const listener of others) process.on('uncaughtException', listener)
    })
    const thrown = once(process, 'uncaughtException')
    const peer = await dial(server)
    peer.write('GET')
    await thrown
    expect(socket?.destroyed).toBe(true)
  })
})

describe('time', () => {
  test('a connection has until `timeout`, however it dribbles', async () => {
    const server = await listen(echo(), { timeout: 150 })
    const refused = nextError(server)
    const begin = performance.now()
    const peer = await dial(server)
    for (const byte of bytewise(HEADERS.v2.subarray(0, 5))) {
      peer.write(byte)
      await sleep(20)
    }
    const { error } = await refused
    expect(error.code).toBe('ERR_PROXY_TIMEOUT')
    expect(error.message).toMatch(/within 150 ms, only 5 bytes/)
    expect(performance.now() - begin).toBeGreaterThanOrEqual(145)
    expect(await readAll(peer)).toBe('')
    expect(server.proxyStats()).toMatchObject({ late: 1, waiting: 0 })
  })

  test('does not run on behind the header', async () => {
    const server = await listen(echo(), { timeout: 60 })
    const peer = await dial(server)
    peer.write(HEADERS.v2)
    const socket = await nextSocket(server)
    await sleep(120)
    expect(socket.destroyed).toBe(false)
    expect(socket.timeout).toBeUndefined()
  })
})

describe('required: false, and a trusted peer', () => {
  const options: Partial<WrapServerOptions> = { required: false, timeout: 100 }

  test.each(['GET / HTTP/1.1\r\n\r\n', 'PROPFIND / HTTP/1.1\r\n\r\n', '\r\n\r\nhello', '\0binary'])(
    'without a header is passed on with all its bytes: %j',
    async (text) => {
      for (const pieces of [[Buffer.from(text)], bytewise(Buffer.from(text))]) {
        const server = await listen(echo(), options)
        const next = nextSocket(server)
        const peer = await dial(server)
        const answer = readAll(peer)
        await writeSlowly(peer, pieces)
        const socket = await next
        expect(remoteOf(socket)).toEqual(endOf(peer))
        expect(socket.proxy).toBeUndefined()
        peer.end()
        expect(await answer).toBe(text)
        expect(server.proxyStats()).toMatchObject({ bare: 1, accepted: 0, missing: 0 })
      }
    },
  )

  test.each(['', 'PRO', '\r\n\r\n'])('that ends before the signature does has no header: %j', async (text) => {
    const server = await listen(echo(), options)
    const peer = await dial(server)
    peer.end(text)
    expect(await readAll(peer)).toBe(text)
    expect(server.proxyStats()).toMatchObject({ bare: 1, missing: 0 })
  })

  test('that says nothing is passed on when the time is up, for servers that speak first', async () => {
    const server = await listen(
      net.createServer((socket) => socket.end(`220 ${socket.remoteAddress}\r\n`)),
      options,
    )
    const peer = await dial(server)
    expect(await readAll(peer)).toBe('220 127.0.0.1\r\n')
  })

  test('with a header is told by it', async () => {
    const server = await listen(echo(), options)
    const peer = await dial(server)
    peer.write(HEADERS.v1)
    expect((await nextSocket(server)).remoteAddress).toBe(CLIENT.address)
  })

  test.each([
    ['ERR_PROXY_LINE', 'PROXY nonsense\r\n', 'invalid'],
    ['ERR_PROXY_TIMEOUT', 'PROXY TCP4 ', 'late'],
    ['ERR_PROXY_TIMEOUT', 'PR', 'late'],
  ] as const)('with a bad header is refused (%s, %j)', async (code, text, count) => {
    const server = await listen(echo(), options)
    const refused = nextError(server)
    const peer = await dial(server)
    peer.write(text)
    expect((await refused).error.code).toBe(code)
    expect(await readAll(peer)).toBe('')
    expect(server.proxyStats()).toMatchObject({ [count]: 1, bare: 0 })
  })
})

describe('the server', () => {
  test('serves many connections at once, each with its own client', async () => {
    const server = await listen(
      net.createServer((socket) => socket.end(`${socket.remoteAddress}:${socket.remotePort}`)),
    )
    const told = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const source = { address: `203.0.113.${i}`, port: 1000 + i }
        const version = i % 2 === 0 ? 'v1' : 'v2'
        const header = encode({ version, family: 'IPv4', transport: 'STREAM', source, destination: SERVICE })
        const peer = await dial(server)
        const answer = readAll(peer)
        await writeSlowly(peer, [header.subarray(0, i % header.length), header.subarray(i % header.length)])
        return answer
      }),
    )
    expect(told).toEqual(Array.from({ length: 100 }, (_, i) => `203.0.113.${i}:${1000 + i}`))
    expect(server.proxyStats()).toMatchObject({ accepted: 100, waiting: 0 })
  })

  test('counts connections that wait, in getConnections and for maxConnections', async () => {
    const server = await listen(echo())
    server.maxConnections = 2
    const peers = [await dial(server), await dial(server)]
    while (server.proxyStats().waiting < 2) await sleep(5)
    const count = () =>
      new Promise<number>((resolve, reject) => server.getConnections((e, n) => (e ? reject(e) : resolve(n))))
    expect(await count()).toBe(2)
    const third = await dial(server)
    expect(await readAll(third)).toBe('')
    peers[0]!.end(Buffer.concat([HEADERS.v2, Buffer.from('hello')]))
    expect(await readAll(peers[0]!)).toBe('hello')
    while ((await count()) > 1) await sleep(5)
  })

  test('closes when the connections that wait have come to an end', async () => {
    const server = await listen(echo(), { timeout: 200 })
    const peers = [await dial(server), await dial(server)]
    while (server.proxyStats().waiting < 2) await sleep(5)
    const closed = once(server, 'close')
    server.close()
    // Was accepted before, and is still served.
    peers[0]!.end(Buffer.concat([HEADERS.v2, Buffer.from('hello')]))
    expect(await readAll(peers[0]!)).toBe('hello')
    await closed
    expect(server.proxyStats()).toMatchObject({ accepted: 1, late: 1, waiting: 0 })
  })

  test('is closed by its signal, as ever', async () => {
    const abort = new AbortController()
    const server = wrapServer(echo(), { trusted: ['127.0.0.1'], timeout: 100 })
    server.listen({ port: 0, host: '127.0.0.1', signal: abort.signal })
    await once(server, 'listening')
    await dial(server)
    while (server.proxyStats().waiting < 1) await sleep(5)
    const closed = once(server, 'close')
    abort.abort()
    await closed
  })

  test('may be listening already, and tells once() and later listeners', async () => {
    const plain = net.createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void plain.close())
    await once(plain, 'listening')
    const server = wrapServer(plain, { trusted: ['127.0.0.1'] })
    expect(server).toBe(plain)
    const peer = await dial(server)
    peer.write(HEADERS.v2.subarray(0, 5))
    while (server.proxyStats().waiting < 1) await sleep(5)
    const next = new Promise<ProxiedSocket>((resolve) => server.once('connection', resolve))
    peer.end(HEADERS.v2.subarray(5))
    const socket = await next
    expect(socket.proxy).toMatchObject({ source: CLIENT })
    socket.destroy()
  })
})

describe('http', () => {
  /** Answers with who asked, and how long the body was. */
  const whoami = (options: http.ServerOptions = {}) =>
    http.createServer(options, (request, response) => {
      const { remoteAddress, remotePort } = request.socket
      const { via } = request.socket as ProxiedSocket
      let length = 0
      request.on('data', (data: Buffer) => {
        length += data.length
      })
      request.on('end', () => response.end(`${remoteAddress}:${remotePort} via ${via?.address}, ${length} bytes\n`))
    })
  const ME = '192.0.2.7:4711 via 127.0.0.1'
  const request = (method: string, body = '', close = false) =>
    `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\nConnection: ${close ? 'close' : 'keep-alive'}\r\n\r\n${body}`
  const bodies = (answer: string) =>
    answer
      .split('\r\n\r\n')
      .slice(1)
      .map((text) => text.split('\n')[0])

  test.each(['together', 'bytewise', 'apart'])('requests of one kept connection, pipelined (%s)', async (way) => {
    const server = await listen(whoami())
    const peer = await dial(server)
    const answer = readAll(peer)
    const requests = Buffer.from(request('GET') + request('POST', 'hello') + request('GET', '', true))
    if (way === 'together') peer.write(Buffer.concat([HEADERS.v2, requests]))
    else await writeSlowly(peer, way === 'apart' ? [HEADERS.v2, requests] : [...bytewise(HEADERS.v2), requests])
    expect(bodies(await answer)).toEqual([`${ME}, 0 bytes`, `${ME}, 5 bytes`, `${ME}, 0 bytes`])
  })

  test('a large body, the beginning of which came with the header', async () => {
    const server = await listen(whoami())
    const peer = await dial(server)
    const answer = readAll(peer)
    peer.write(Buffer.concat([HEADERS.v1, Buffer.from(request('POST', 'x'.repeat(1 << 22), true))]))
    expect(bodies(await answer)).toEqual([`${ME}, ${1 << 22} bytes`])
  })

  test('closeAllConnections closes those that wait, without reporting them', async () => {
    const server = await listen(whoami())
    const errors: unknown[] = []
    server.on('proxyError', (error) => errors.push(error))
    const waiting = await dial(server)
    const idle = await dial(server)
    idle.write(HEADERS.v2)
    while (server.proxyStats().accepted < 1 || server.proxyStats().waiting < 1) await sleep(5)
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await Promise.all([readAll(waiting), readAll(idle), closed])
    expect(errors).toEqual([])
    expect(server.proxyStats()).toMatchObject({ waiting: 0, missing: 0 })
  })

  test('its own time limits begin behind the header', async () => {
    const server = await listen(whoami({ headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 }))
    const peer = await dial(server)
    await sleep(200)
    const answer = readAll(peer)
    peer.write(HEADERS.v2)
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('a bad request is answered as ever', async () => {
    const server = await listen(whoami())
    const peer = await dial(server)
    peer.write(Buffer.concat([HEADERS.v2, Buffer.from('nonsense\r\n\r\n')]))
    expect(await readAll(peer)).toMatch(/^HTTP\/1\.1 400 /)
  })

  test('an upgrade keeps socket and bytes', async () => {
    const server = await listen(whoami())
    server.on('upgrade', (_, socket, head) => {
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${(socket as net.Socket).remoteAddress} ${head}`)
    })
    const peer = await dial(server)
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\nhead'
    peer.write(Buffer.concat([HEADERS.v2, Buffer.from(text)]))
    expect(await readAll(peer)).toContain(`${CLIENT.address} head`)
  })
})

describe('options and arguments', () => {
  const code = (work: () => unknown) => {
    try {
      work()
    } catch (error) {
      return (error as { code?: string }).code
    }
    return 'none'
  }

  test.each([
    [undefined, 'ERR_MISSING_ARGS'],
    [{}, 'ERR_INVALID_ARG_TYPE'],
    [{ trusted: [] }, 'ERR_INVALID_ARG_VALUE'],
    [{ trusted: ['nonsense'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ trusted: ['10.0.0.0/33'] }, 'ERR_OUT_OF_RANGE'],
    [{ trusted: '10.0.0.0/8' }, 'ERR_INVALID_ARG_TYPE'],
    [{ trusted: ['10.0.0.0/8'], versions: ['spp'] }, 'ERR_INVALID_ARG_VALUE'],
    [{ trusted: ['10.0.0.0/8'], required: 'no' }, 'ERR_INVALID_ARG_TYPE'],
    [{ trusted: ['10.0.0.0/8'], timeout: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ trusted: ['10.0.0.0/8'], timeout: 2 ** 31 }, 'ERR_OUT_OF_RANGE'],
    [{ trusted: ['10.0.0.0/8'], timeout: '5s' }, 'ERR_INVALID_ARG_TYPE'],
    [{ trusted: ['10.0.0.0/8'], maxLength: 1 }, 'ERR_OUT_OF_RANGE'],
    [{ trusted: ['10.0.0.0/8'], trustet: [] }, 'ERR_UNKNOWN_OPTION'],
  ])('%j is refused, and the server is left alone', (options, expected) => {
    const server = net.createServer()
    expect(code(() => wrapServer(server, options as never))).toBe(expected)
    expect(Object.hasOwn(server, 'emit')).toBe(false)
  })

  test('a server is wrapped once', () => {
    const server = wrapServer(net.createServer(), { trusted: ['10.0.0.0/8'] })
    expect(code(() => wrapServer(server, { trusted: ['10.0.0.0/8'] }))).toBe('ERR_INVALID_ARG_VALUE')
    expect(code(() => wrapServer({} as never, { trusted: ['10.0.0.0/8'] }))).toBe('ERR_INVALID_ARG_TYPE')
  })
})
