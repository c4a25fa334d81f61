// HAProxy in front of a wrapped server.

import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import tls from 'node:tls'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { ProxiedSocket } from '../../../src/proxy/server.js'
import { readTlvs } from '../../../src/proxy/tlv.js'
import { ProxyTlvType } from '../../../src/proxy/wire.js'
import { makeCertificates, whyNoCertificates } from '../certificates.js'
import { listen, portOf, readAll } from '../tcp-kit.js'
import { startProxy, whyNoProxy } from './kit.js'
import { connect, exchange, haproxyTcp, look, type Seen, serveBehind } from './tcp.js'

beforeEach((context) => {
  const missing = whyNoProxy('haproxy')
  if (missing) context.skip(missing)
})

describe.each([
  ['send-proxy', 'v1'],
  ['send-proxy-v2', 'v2'],
] as const)('%s', (option, version) => {
  test('tells of each client, and carries what it says', async () => {
    const { server, port, seen } = await serveBehind()
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) => haproxyTcp(`listen x\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${port} ${option}`),
    })
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, i) => exchange(proxy.port, `127.0.1.${i + 1}`, `I am ${i}`)),
    )
    expect(sent.map(({ answer }) => answer)).toEqual(sent.map((_, i) => `I am ${i}`))
    expect(seen.map(({ client }) => client).sort()).toEqual(sent.map(({ end }) => end).sort())
    for (const { via, header } of seen) {
      expect(via).toBe('127.0.0.1')
      expect(header).toMatchObject({
        version,
        command: 'PROXY',
        family: 'IPv4',
        transport: 'STREAM',
        destination: { address: '127.0.0.1', port: proxy.port },
      })
    }
    expect(server.proxyStats()).toEqual({
      accepted: 20,
      bare: 0,
      untrusted: 0,
      missing: 0,
      invalid: 0,
      late: 0,
      gone: 0,
      waiting: 0,
    })
  })

  test('tells of clients over IPv6', async (context) => {
    if (!existsSync('/proc/net/if_inet6')) context.skip('needs IPv6')
    const { port, seen } = await serveBehind()
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) => haproxyTcp(`listen x\n bind [::1]:${front}\n server s 127.0.0.1:${port} ${option}`),
    })
    const { answer, end } = await exchange(proxy.port, '::1', 'hello')
    expect(answer).toBe('hello')
    expect(seen).toMatchObject([{ client: end, header: { version, family: 'IPv6', destination: { address: '::1' } } }])
  })

  test('finds the server healthy, with checks that have no client', async () => {
    const { server, port, seen } = await serveBehind()
    const errors: Error[] = []
    server.on('proxyError', (error) => errors.push(error))
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) =>
        haproxyTcp(`listen x
          bind 127.0.0.1:${front}
          option tcp-check
          tcp-check connect default
          tcp-check send PING
          tcp-check expect string PING
          server s 127.0.0.1:${port} ${option} check inter 50ms rise 1 fall 1`),
    })
    while (seen.length < 3) await sleep(20)
    for (const { client, header } of seen) {
      expect(client).toMatch(/^127\.0\.0\.1:\d+$/)
      if (version === 'v2') expect(header).toMatchObject({ version, command: 'LOCAL' })
      else expect(header).toMatchObject({ version, command: 'PROXY' })
    }
    const { answer, end } = await exchange(proxy.port, '127.0.1.1', 'hello')
    expect(answer).toBe('hello')
    expect(seen.map(({ client }) => client)).toContain(end)
    expect(proxy.output).not.toContain('is DOWN')
    expect(errors).toEqual([])
  })

  test('may check by connecting alone, and resets that at once: nothing is reported', async () => {
    const { server, port } = await serveBehind()
    const errors: Error[] = []
    server.on('proxyError', (error) => errors.push(error))
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) =>
        haproxyTcp(
          `listen x\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${port} ${option} check inter 50ms rise 1 fall 1`,
        ),
    })
    const checks = () => server.proxyStats().accepted + server.proxyStats().gone
    while (checks() < 5) await sleep(20)
    expect(proxy.output).not.toContain('is DOWN')
    expect(errors).toEqual([])
  })

  test('is refused where it is not trusted', async () => {
    const { server, port, seen } = await serveBehind({ trusted: ['192.0.2.0/24'] })
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) => haproxyTcp(`listen x\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${port} ${option}`),
    })
    const { socket } = await connect(proxy.port, '127.0.1.1')
    socket.on('error', () => {})
    socket.end('hello')
    expect(await readAll(socket)).toBe('')
    expect(seen).toEqual([])
    expect(server.proxyStats()).toMatchObject({ accepted: 0, untrusted: 1 })
  })
})

test('without the option it is refused by a server that wants a header', async () => {
  const { server, port, seen } = await serveBehind()
  const proxy = await startProxy('haproxy', {
    config: (_, [front]) => haproxyTcp(`listen x\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${port}`),
  })
  const { socket } = await connect(proxy.port, '127.0.1.1')
  socket.on('error', () => {})
  socket.end('hello')
  expect(await readAll(socket)).toBe('')
  expect(seen).toEqual([])
  expect(server.proxyStats()).toMatchObject({ accepted: 0, missing: 1 })
})

test('HTTP with kept connections: each request comes from its client', async () => {
  const server = await listen(
    http.createServer((request, response) => response.end(look(request.socket as ProxiedSocket).client)),
  )
  const proxy = await startProxy('haproxy', {
    config: (_, [front]) =>
      haproxyTcp(`listen x\n mode http\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${portOf(server)} send-proxy-v2`),
  })
  const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  const clients = await Promise.all(['127.0.1.1', '127.0.1.2', '127.0.1.3'].map((from) => connect(proxy.port, from)))
  for (const { socket, end } of clients) {
    const answers = async () => {
      const [data] = await once(socket, 'data')
      return String(data).split('\r\n\r\n')[1]
    }
    for (let i = 0; i < 3; i++) {
      socket.write(request)
      expect(await answers()).toBe(end)
    }
  }
  expect(server.proxyStats()).toMatchObject({ missing: 0, invalid: 0 })
})

describe('with TLS', () => {
  beforeEach((context) => {
    const missing = whyNoCertificates()
    if (missing) context.skip(missing)
  })

  test('that it ends: ALPN, SNI, certificate, unique ID and CRC32C are told', async () => {
    const { ca, server: certificate, client } = await makeCertificates()
    const { port, seen } = await serveBehind({ versions: ['v2'] })
    const proxy = await startProxy('haproxy', {
      config: (folder, [front]) => {
        writeFileSync(join(folder, 'server.pem'), certificate.cert + certificate.key)
        writeFileSync(join(folder, 'ca.pem'), ca)
        const tlsOptions = `crt ${folder}/server.pem ca-file ${folder}/ca.pem verify optional alpn h2,http/1.1`
        const sent =
          'send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,cert-key,cert-sig,ssl-cipher,crc32c,unique-id,authority'
        return haproxyTcp(`listen x
          unique-id-format id-%ci-%cp
          bind 127.0.0.1:${front} ssl ${tlsOptions}
          server s 127.0.0.1:${port} ${sent}`)
      },
    })
    const ask = async (localAddress: string, options: tls.ConnectionOptions) => {
      const { socket: raw, end } = await connect(proxy.port, localAddress)
      const socket = tls.connect({ socket: raw, ca, ...options })
      onTestFinished(() => void socket.destroy())
      await once(socket, 'secureConnect')
      const [version, cipher] = [socket.getProtocol(), socket.getCipher().name]
      socket.end('hello')
      expect(await readAll(socket)).toBe('hello')
      const { header } = seen.find((each) => each.client === end) as Seen
      return { header, end, version, cipher, tlvs: readTlvs(header!.tlvs) }
    }

    const alice = await ask('127.0.1.1', { ...client, servername: 'other.test', ALPNProtocols: ['http/1.1'] })
    expect(alice.header).toMatchObject({ version: 'v2', command: 'PROXY', family: 'IPv4' })
    expect(alice.tlvs).toEqual({
      alpn: 'http/1.1',
      authority: 'other.test',
      uniqueId: Buffer.from(`id-${alice.end.replace(':', '-')}`),
      crc32c: expect.any(Number),
      ssl: {
        clientUsedTls: true,
        clientCertConn: true,
        clientCertSess: true,
        verified: true,
        version: alice.version,
        cipher: alice.cipher,
        commonName: 'alice',
        keyAlgorithm: expect.stringMatching(/^EC/),
        signatureAlgorithm: expect.stringMatching(/SHA256/),
      },
    })

    const stranger = await ask('127.0.1.2', { servername: 'server.test', ALPNProtocols: ['h2'] })
    expect(stranger.tlvs).toMatchObject({
      alpn: 'h2',
      authority: 'server.test',
      ssl: { clientUsedTls: true, clientCertConn: false, clientCertSess: false },
    })
    expect(stranger.tlvs.ssl?.commonName).toBeUndefined()
    expect(stranger.tlvs.uniqueId).not.toEqual(alice.tlvs.uniqueId)
  })

  test('and writes a CRC32C that is checked: a header changed on the way is refused', async () => {
    const { server, port } = await serveBehind()
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) =>
        haproxyTcp(
          `listen x\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${port} send-proxy-v2 proxy-v2-options crc32c`,
        ),
    })
    const refused = once(server, 'proxyError')
    // Between the network and the wrapper: turns a bit of the client's address.
    const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean
    server.emit = (event: string | symbol, ...args: unknown[]) => {
      const result = emit(event, ...args)
      const [socket] = args
      if (event !== 'connection' || !(socket instanceof net.Socket)) return result
      const { push } = socket
      socket.push = (chunk: Buffer | null) => {
        if (chunk !== null) chunk[16]! ^= 1
        return push(chunk)
      }
      return result
    }
    const { socket } = await connect(proxy.port, '127.0.1.1')
    socket.on('error', () => {})
    socket.write('hello')
    const [error] = await refused
    expect(error.code).toBe('ERR_PROXY_CHECKSUM')
  })

  test('that it carries unread: TLS ends at the server, inside the proxied connection', async () => {
    const { ca, server: certificate } = await makeCertificates()
    const server = await listen(
      tls.createServer({ ...certificate, ALPNProtocols: ['dot'] }, (socket) => {
        const { client, header } = look(socket as ProxiedSocket)
        const types = header?.tlvs.map(({ type }) => type)
        socket.end(JSON.stringify({ client, types, alpn: socket.alpnProtocol, name: socket.servername }))
      }),
    )
    const proxy = await startProxy('haproxy', {
      config: (_, [front]) =>
        haproxyTcp(
          `listen x\n bind 127.0.0.1:${front}\n server s 127.0.0.1:${portOf(server)} send-proxy-v2 proxy-v2-options crc32c`,
        ),
    })
    const { socket: raw, end } = await connect(proxy.port, '127.0.1.1')
    const socket = tls.connect({ socket: raw, ca, servername: 'other.test', ALPNProtocols: ['dot'] })
    expect(JSON.parse(await readAll(socket))).toEqual({
      client: end,
      types: [ProxyTlvType.crc32c],
      alpn: 'dot',
      name: 'other.test',
    })
  })
})
