// TLS inside the proxied connection: node:tls, node:https and node:http2 behind a wrapped server.

import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import type net from 'node:net'
import tls from 'node:tls'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ProxiedSocket } from '../../src/proxy/server.js'
import { type Certificates, makeCertificates, whyNoCertificates } from './certificates.js'
import { CLIENT, dial, HEADERS, listen, proxied, readAll } from './tcp-kit.js'

let certificates: Certificates
beforeAll(async () => {
  if (!whyNoCertificates()) certificates = await makeCertificates()
})
beforeEach((context) => {
  const missing = whyNoCertificates()
  if (missing) context.skip(missing)
})

const WAYS = ['together', 'bytewise'] as const

/** A TLS connection of the named client, whose header comes with the ClientHello. */
async function dialTls(
  server: net.Server,
  way: (typeof WAYS)[number],
  options: tls.ConnectionOptions = {},
): Promise<tls.TLSSocket> {
  const socket = tls.connect({
    socket: proxied(await dial(server), HEADERS.v2, way) as net.Socket,
    ca: certificates.ca,
    servername: 'server.test',
    ...options,
  })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

/** The client as a server sees it, and the proxy. */
function who(socket: net.Socket): string {
  const { remoteAddress, remotePort, remoteFamily, via, proxy } = socket as ProxiedSocket
  return `${remoteAddress} ${remotePort} ${remoteFamily} via ${via?.address}, ${proxy?.version}`
}
const ME = '192.0.2.7 4711 IPv4 via 127.0.0.1, v2'

describe('tls', () => {
  test.each(WAYS)('has the client’s address, and ALPN and SNI work (%s)', async (way) => {
    const asked: string[] = []
    const server = await listen(
      tls.createServer(
        {
          ...certificates.server,
          ALPNProtocols: ['two', 'one'],
          SNICallback: (name, callback) => {
            asked.push(name)
            callback(null, tls.createSecureContext(certificates.server))
          },
        },
        (socket) => socket.end(`${who(socket)}; ${socket.alpnProtocol} ${socket.servername}`),
      ),
    )
    const socket = await dialTls(server, way, { servername: 'other.test', ALPNProtocols: ['one'] })
    expect(await readAll(socket)).toBe(`${ME}; one other.test`)
    expect(asked).toEqual(['other.test'])
  })

  test('asks the client for its certificate', async () => {
    const server = await listen(
      tls.createServer({ ...certificates.server, ca: certificates.ca, requestCert: true }, (socket) =>
        socket.end(`${who(socket)}; ${socket.getPeerCertificate().subject.CN}`),
      ),
    )
    const socket = await dialTls(server, 'together', certificates.client)
    expect(await readAll(socket)).toBe(`${ME}; alice`)
  })

  test('says whose handshake failed', async () => {
    const server = await listen(tls.createServer(certificates.server))
    const failed = once(server, 'tlsClientError')
    const peer = await dial(server)
    peer.write(Buffer.concat([HEADERS.v2, Buffer.from('GET / HTTP/1.1\r\n\r\n')]))
    const [, socket] = await failed
    expect(who(socket)).toBe(ME)
  })

  test('carries what is larger than any buffer, both ways', async () => {
    const server = await listen(tls.createServer(certificates.server, (socket) => socket.pipe(socket)))
    const socket = await dialTls(server, 'together')
    const text = Buffer.alloc(1 << 22, 'All work and no play. ').toString('latin1')
    const answer = readAll(socket)
    socket.end(text, 'latin1')
    expect((await answer) === text).toBe(true)
  })

  test('of a connection without a client is that of the peer', async () => {
    const server = await listen(
      tls.createServer(certificates.server, (socket) => socket.end(`${socket.remoteAddress} ${who(socket)}`)),
    )
    const raw = await dial(server)
    const port = raw.localPort
    raw.write(HEADERS.local)
    const socket = tls.connect({ socket: raw, ca: certificates.ca, servername: 'server.test' })
    expect(await readAll(socket)).toBe(`127.0.0.1 127.0.0.1 ${port} IPv4 via 127.0.0.1, v2`)
  })
})

describe('https', () => {
  const answer: http.RequestListener = (request, response) => response.end(who(request.socket))

  function get(agent: http.Agent): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = http.get({ agent, host: 'server.test' }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve(text))
      })
      request.on('error', reject)
    })
  }

  test.each(WAYS)('req.socket is the client’s, and the connection is kept (%s)', async (way) => {
    const server = await listen(https.createServer(certificates.server, answer))
    const socket = await dialTls(server, way)
    const agent = Object.assign(new http.Agent({ keepAlive: true, maxSockets: 1 }), { createConnection: () => socket })
    onTestFinished(() => agent.destroy())
    expect([await get(agent), await get(agent)]).toEqual([ME, ME])
    expect(server.proxyStats().accepted).toBe(1)
  })

  test('closeAllConnections closes those that wait', async () => {
    const server = await listen(https.createServer(certificates.server, answer))
    const waiting = await dial(server)
    while (server.proxyStats().waiting < 1) await new Promise((resolve) => setTimeout(resolve, 5))
    server.closeAllConnections()
    expect(await readAll(waiting)).toBe('')
  })
})

describe('http2', () => {
  /** One request over a connection of HTTP/2. */
  async function get(session: http2.ClientHttp2Session, body = ''): Promise<string> {
    onTestFinished(() => session.destroy())
    const stream = session.request({ ':method': 'POST' })
    stream.setEncoding('utf8').end(body)
    let text = ''
    for await (const part of stream) text += part
    return text
  }

  const answer = (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => {
    let length = 0
    request.on('data', (data: Buffer) => {
      length += data.length
    })
    request.on('end', () => response.end(`${who(request.socket)}; ${length} bytes`))
  }

  test.each(WAYS)('over TLS, and HTTP/1 beside it (%s)', async (way) => {
    const server = await listen(http2.createSecureServer({ ...certificates.server, allowHTTP1: true }, answer))
    const socket = await dialTls(server, way, { ALPNProtocols: ['h2'] })
    const session = http2.connect('https://server.test', { createConnection: () => socket })
    expect(await get(session, 'x'.repeat(200_000))).toBe(`${ME}; 200000 bytes`)

    const one = await dialTls(server, way, { ALPNProtocols: ['http/1.1'] })
    one.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await readAll(one)).toContain(`${ME}; 0 bytes`)
  })

  test.each([...WAYS, 'gathered'] as const)('without TLS, its first frames with the header (%s)', async (way) => {
    const server = await listen(http2.createServer(answer))
    const socket = proxied(await dial(server), HEADERS.v1, way)
    const session = http2.connect('http://server.test', { createConnection: () => socket })
    expect(await get(session, 'x'.repeat(200_000))).toBe(`${ME.replace('v2', 'v1')}; 200000 bytes`)
  })

  test('a session’s socket is the client’s', async () => {
    const server = await listen(http2.createSecureServer(certificates.server))
    const session = new Promise<http2.ServerHttp2Session>((resolve) => server.on('session', resolve))
    const socket = await dialTls(server, 'together', { ALPNProtocols: ['h2'] })
    const client = http2.connect('https://server.test', { createConnection: () => socket })
    onTestFinished(() => client.destroy())
    expect((await session).socket.remoteAddress).toBe(CLIENT.address)
  })
})
