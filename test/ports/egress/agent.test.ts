// createAgent on loopback: Node's own agents, with connections from connect.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { createAgent, type HttpAgentOptions, type HttpsAgentOptions } from 'udp-dsr/ports'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Certificates, makeCertificates, whyNoCertificates } from '../../proxy/certificates.js'
import { PORTS_OF_THE_HOST, portRange } from './kit.js'
import { ask, noneLeft, openSockets, serve, until, whoami } from './requests.js'

const host = '127.0.0.1'
/** Nobody listens there (tcpmux). */
const NOBODY = 1

function agentOf(options?: HttpAgentOptions): http.Agent {
  const agent = createAgent(options)
  onTestFinished(() => agent.destroy())
  return agent
}

/** Sockets of an agent, in use and free, and requests that wait. */
function load(agent: http.Agent): { busy: number; free: number; waiting: number } {
  const count = (lists: NodeJS.ReadOnlyDict<unknown[]>) =>
    Object.values(lists).reduce((sum, list) => sum + (list?.length ?? 0), 0)
  return { busy: count(agent.sockets), free: count(agent.freeSockets), waiting: count(agent.requests) }
}

describe('an agent for http', () => {
  it('keeps a connection alive, and closes it when it is destroyed', async () => {
    const before = openSockets()
    const { port, seen, server } = await whoami()
    const agent = agentOf({ keepAlive: true })
    for (let i = 0; i < 5; i++) {
      await ask(http.request, { host, port, agent })
      await until(() => load(agent).free === 1)
    }
    expect(seen).toHaveLength(5)
    expect(new Set(seen).size).toBe(1)
    expect(load(agent)).toEqual({ busy: 0, free: 1, waiting: 0 })
    agent.destroy()
    server.close()
    await noneLeft(before)
  })

  it('opens as many connections as maxSockets allows', async () => {
    const total = 20
    let asked = 0
    const waiting: http.ServerResponse[] = []
    const server = http.createServer((_request, response) => {
      waiting.push(response)
      if (++asked === total || waiting.length === 3) for (const each of waiting.splice(0)) each.end('done')
    })
    const connections = new Set<number | undefined>()
    server.on('connection', (socket) => connections.add(socket.remotePort))
    const port = await serve(server)
    const agent = agentOf({ keepAlive: true, maxSockets: 3 })
    const answers = Array.from({ length: total }, () => ask(http.request, { host, port, agent }))
    expect(load(agent)).toEqual({ busy: 3, free: 0, waiting: 17 })
    await Promise.all(answers)
    expect(connections.size).toBe(3)
  })

  it('connects from its localAddress, or from that of the request', PORTS_OF_THE_HOST, async () => {
    const { port, seen } = await whoami()
    const [localPort] = portRange(1)
    const agent = agentOf({ localAddress: '127.0.0.71' })
    await ask(http.request, { host, port, agent })
    await ask(http.request, { host, port, agent, localAddress: '127.0.0.72' })
    await ask(http.request, { host, port, agent, localPort })
    expect(seen).toEqual([
      expect.stringMatching(/^127\.0\.0\.71 /),
      expect.stringMatching(/^127\.0\.0\.72 /),
      `127.0.0.71 ${localPort}`,
    ])
  })

  it('gives no request a connection that was made for another localPort', PORTS_OF_THE_HOST, async () => {
    const { port, seen } = await whoami()
    const [one, other] = portRange(2)
    const agent = agentOf({ keepAlive: true, maxSockets: 1 })
    const ports = [one, other, one, other]
    await Promise.all(ports.map((localPort) => ask(http.request, { host, port, agent, localPort })))
    expect(seen.sort()).toEqual(ports.map((localPort) => `127.0.0.1 ${localPort}`).sort())
  })

  it('looks names up, and connects over IPv6', async () => {
    const { port, seen } = await whoami({ host: '::1' })
    const agent = agentOf()
    const lookup: net.LookupFunction = (_name, _options, callback) => callback(null, '::1', 6)
    await ask(http.request, { host: 'server.test', port, agent, lookup } as http.RequestOptions)
    await ask(http.request, { host: '::1', port, agent })
    expect(seen).toEqual([expect.stringMatching(/^::1 /), expect.stringMatching(/^::1 /)])
  })

  it('uses a Unix socket as Node does', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-agent-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const socketPath = join(folder, 'socket')
    await whoami({ path: socketPath })
    const agent = agentOf({ localAddress: '127.0.0.71' })
    expect(await ask(http.request, { socketPath, agent })).toEqual({ status: 200, body: 'undefined undefined' })
  })
})

describe('a request that fails', () => {
  it('because it is refused says so, and leaves nothing', async () => {
    const before = openSockets()
    const agent = agentOf({ keepAlive: true, localAddress: '127.0.0.71' })
    for (let i = 0; i < 50; i++) {
      await expect(ask(http.request, { host, port: NOBODY, agent })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
    await until(() => load(agent).busy === 0)
    expect(load(agent)).toEqual({ busy: 0, free: 0, waiting: 0 })
    await noneLeft(before)
  })

  it('because it was told wrong things gets the error, and the next one its turn', async () => {
    const { port } = await whoami()
    const agent = agentOf({ maxTotalSockets: 1 }) // all but the first wait
    const ends = await Promise.allSettled([
      ask(http.request, { host, port, agent }),
      ask(http.request, { host, port, agent, localAddress: '::1' }),
      ask(http.request, { host, port, agent, localPort: 70_000 }),
      ask(http.request, { host, port, agent }),
    ])
    expect(ends).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'ERR_INVALID_ARG_VALUE' } },
      { status: 'rejected', reason: { code: 'ERR_SOCKET_BAD_PORT' } },
      { status: 'fulfilled' },
    ])
  })

  it('because it is aborted closes its connection: by a signal, by destroy, before and while it is made', async () => {
    const before = openSockets()
    const server = net.createServer((socket) => {
      socket.resume() // and answers never
    })
    const port = await serve(server)
    const agent = agentOf({ keepAlive: true })
    const reason = new Error('no longer wanted')

    const controller = new AbortController()
    const sent = ask(http.request, { host, port, agent, signal: controller.signal })
    await once(server, 'connection')
    controller.abort(reason)
    await expect(sent).rejects.toMatchObject({ name: 'AbortError', cause: reason })

    const early = ask(http.request, { host, port, agent, signal: AbortSignal.abort(reason) })
    await expect(early).rejects.toMatchObject({ name: 'AbortError' })

    for (const wait of [false, true]) {
      const request = http.get({ host, port, agent })
      const failed = once(request, 'error')
      if (wait) await once(server, 'connection')
      request.destroy()
      expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET', message: 'socket hang up' })
    }
    await until(() => load(agent).busy === 0)
    server.close()
    await noneLeft(before)
  })

  it('because its server resets the connection says so', async () => {
    const server = net.createServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
        setImmediate(() => socket.resetAndDestroy())
      })
    })
    const port = await serve(server)
    const agent = agentOf({ keepAlive: true })
    await expect(ask(http.request, { host, port, agent })).rejects.toMatchObject({ code: 'ECONNRESET' })
    await until(() => load(agent).busy === 0)
    expect(load(agent).free).toBe(0)
  })

  it('because the connection is not made in time says so', async () => {
    const agent = agentOf({ connectTimeout: 50 })
    const lookup = () => {} // answers never
    const options = { host: 'slow.test', port: 80, agent, lookup } as http.RequestOptions
    await expect(ask(http.request, options)).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })
    await until(() => load(agent).busy === 0)
  })
})

describe('eight ports', () => {
  it('are enough for hundreds of requests in turn, each with a connection of its own', PORTS_OF_THE_HOST, async () => {
    const { port, seen } = await whoami()
    const localPortRange = portRange(8)
    // The server closes first, after its answer: TIME_WAIT is its, and lets in who begins anew (RFC 6191).
    const agent = agentOf({ localPortRange, localAddress: '127.0.0.73', strategy: 'exact' })
    for (let i = 0; i < 300; i++) await ask(http.request, { host, port, agent })
    const ports = seen.map((client) => Number(client.split(' ')[1]))
    expect(seen).toHaveLength(300)
    expect(Math.min(...ports)).toBe(localPortRange[0])
    expect(Math.max(...ports)).toBe(localPortRange[1])
  })

  it.each(['auto', 'exact', 'kernel'] as const)(
    'are eight connections at a time, and no more: %s',
    PORTS_OF_THE_HOST,
    async (strategy) => {
      const answers: http.ServerResponse[] = []
      const server = http.createServer((_request, response) => void answers.push(response))
      const port = await serve(server)
      const agent = agentOf({ localPortRange: portRange(8), localAddress: '127.0.0.74', strategy })
      const ends = Array.from({ length: 12 }, () => ask(http.request, { host, port, agent }))
      const settled = Promise.allSettled(ends)
      await until(() => answers.length === 8)
      for (const response of answers) response.end()
      const failures = (await settled).filter((end) => end.status === 'rejected')
      expect(failures.map(({ reason }) => reason.code)).toEqual(Array(4).fill('ERR_PORTS_EXHAUSTED'))
      await until(() => load(agent).busy === 0)
      answers.length = 0
      const again = ask(http.request, { host, port, agent })
      await until(() => answers.length === 1)
      answers[0]?.end()
      expect((await again).status).toBe(200)
    },
  )
})

const why = whyNoCertificates()

describe('an agent for https', () => {
  let certificates: Certificates
  beforeAll(async () => {
    if (why === undefined) certificates = await makeCertificates()
  })

  async function secureServer(): Promise<{ port: number; names: unknown[]; server: https.Server }> {
    const names: unknown[] = []
    const server = https.createServer({ ...certificates.server, keepAliveTimeout: 60_000 }, (request, response) => {
      const socket = request.socket as TLSSocket & { servername?: string | false }
      names.push(socket.servername)
      response.end(`${socket.remoteAddress} ${socket.isSessionReused()}`)
    })
    server.on('tlsClientError', () => {})
    return { port: await serve(server), names, server }
  }

  function secureAgent(options: Partial<HttpsAgentOptions> = {}): https.Agent {
    const agent = createAgent({ ca: certificates.ca, localAddress: '127.0.0.75', ...options, protocol: 'https:' })
    expect(agent).toBeInstanceOf(https.Agent)
    onTestFinished(() => agent.destroy())
    return agent
  }

  it('verifies the server, says its name, and resumes its session', async (context) => {
    if (why) context.skip(why)
    const before = openSockets()
    const { port, names, server } = await secureServer()
    const agent = secureAgent()
    const options = { host, port, agent, servername: 'server.test' }
    expect((await ask(https.request, options)).body).toBe('127.0.0.75 false')
    expect((await ask(https.request, options)).body).toBe('127.0.0.75 true')
    expect((await ask(https.request, { ...options, servername: 'other.test' })).body).toBe('127.0.0.75 false')
    const lookup: net.LookupFunction = (_name, _options, callback) => callback(null, host, 4)
    const named = { host: 'other.test', port, agent, lookup } as https.RequestOptions
    expect((await ask(https.request, named)).body).toMatch(/^127\.0\.0\.75 /)
    expect(names).toEqual(['server.test', 'server.test', 'other.test', 'other.test'])
    server.close()
    await noneLeft(before)
  })

  it('keeps a connection alive', async (context) => {
    if (why) context.skip(why)
    const { port, server } = await secureServer()
    let connections = 0
    server.on('secureConnection', () => connections++)
    const agent = secureAgent({ keepAlive: true })
    for (let i = 0; i < 5; i++) {
      await ask(https.request, { host, port, agent, servername: 'server.test' })
      await until(() => load(agent).free === 1)
    }
    expect(connections).toBe(1)
  })

  it('refuses who cannot prove who it is', async (context) => {
    if (why) context.skip(why)
    const before = openSockets()
    const { port, server } = await secureServer()
    const trusting = (options: Partial<HttpsAgentOptions>, servername: string) =>
      ask(https.request, { host, port, agent: secureAgent(options), servername })
    // Nobody whom this host trusts has signed it.
    await expect(trusting({ ca: undefined }, 'server.test')).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
    await expect(trusting({}, 'wrong.test')).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    expect((await trusting({ ca: undefined, rejectUnauthorized: false }, 'server.test')).status).toBe(200)
    server.close()
    await noneLeft(before)
  })

  it('tells failures of the connection below: refused, exhausted, reset, too late', async (context) => {
    if (why) context.skip(why)
    const before = openSockets()
    const agent = secureAgent()
    const failing = (port: number, its: https.Agent = agent) =>
      expect(ask(https.request, { host, port, agent: its })).rejects
    await failing(NOBODY).toMatchObject({ code: 'ECONNREFUSED' })

    const resetting = net.createServer((socket) => socket.resetAndDestroy())
    await failing(await serve(resetting)).toMatchObject({ code: 'ECONNRESET' })

    const silent = net.createServer((socket) => socket.resume())
    const port = await serve(silent)
    const [localPort] = portRange(1)
    const one = secureAgent({ localPortRange: [localPort, localPort], connectTimeout: 10_000 })
    const first = https.get({ host, port, agent: one })
    const failed = once(first, 'error')
    await once(silent, 'connection')
    await failing(port, one).toMatchObject({ code: 'ERR_PORTS_EXHAUSTED' })
    first.destroy()
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' })

    const lookup = () => {}
    const slow = { host: 'slow.test', port, agent: secureAgent({ connectTimeout: 50 }), lookup }
    await expect(ask(https.request, slow as https.RequestOptions)).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    resetting.close()
    silent.close()
    await noneLeft(before)
  })
})

describe('options', () => {
  it.each<[string, object, string]>([
    ['an option that is misspelt', { localAdress: '127.0.0.1' }, 'ERR_UNKNOWN_OPTION'],
    ['one of Node that is misspelt', { maxSocket: 1 }, 'ERR_UNKNOWN_OPTION'],
    ['a misspelt one for https', { protocol: 'https:', localPortrange: [33_000, 33_001] }, 'ERR_UNKNOWN_OPTION'],
    ['another protocol', { protocol: 'ftp:' }, 'ERR_INVALID_ARG_VALUE'],
    ['no protocol', { protocol: null }, 'ERR_INVALID_ARG_VALUE'],
    ['a name for an address', { localAddress: 'localhost' }, 'ERR_INVALID_ARG_VALUE'],
    ['a range outside of the kernel’s', { localPortRange: [1, 65535] }, 'ERR_OUT_OF_RANGE'],
    ['a range upside down', { localPortRange: [40_000, 39_999] }, 'ERR_OUT_OF_RANGE'],
    ['no such strategy', { strategy: 'best' }, 'ERR_INVALID_ARG_VALUE'],
    ['a timeout that is none', { connectTimeout: 0 }, 'ERR_OUT_OF_RANGE'],
    ['a timeout in words', { connectTimeout: '1s' }, 'ERR_INVALID_ARG_TYPE'],
    ['a proxy, past which its connections would go', { proxyEnv: process.env }, 'ERR_INVALID_ARG_VALUE'],
    ['no object', 'http:' as unknown as object, 'ERR_INVALID_ARG_TYPE'],
  ])('%s is refused at once', (_what, options, code) => {
    expect(() => createAgent(options)).toThrow(expect.objectContaining({ code }))
  })

  it('that are undefined are as if they were not there', async () => {
    const { port } = await whoami()
    const nothing = { localAddress: undefined, connectTimeout: undefined, protocol: undefined, strategy: undefined }
    expect((await ask(http.request, { host, port, agent: agentOf(nothing) })).status).toBe(200)
  })

  it('of Node reach its agent', () => {
    const agent = agentOf({ keepAlive: true, maxSockets: 5, maxFreeSockets: 2, scheduling: 'fifo', timeout: 1234 })
    expect(agent).toMatchObject({ maxSockets: 5, maxFreeSockets: 2, options: { scheduling: 'fifo', timeout: 1234 } })
  })
})
