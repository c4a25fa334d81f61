// createConnector with undici, http and https, on loopback.
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type ConnectorOptions, createConnector } from 'udp-dsr/ports'
import { Agent, type Dispatcher, fetch, request } from 'undici'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Certificates, makeCertificates, whyNoCertificates } from '../../proxy/certificates.js'
import { PORTS_OF_THE_HOST, portRange } from './kit.js'
import { noneLeft, openSockets, serve, until, whoami } from './requests.js'

const host = '127.0.0.1'
/** Nobody listens there (tcpmux). */
const NOBODY = 1

function dispatcherOf(options?: ConnectorOptions, others: Agent.Options = {}): Agent {
  const agent = new Agent({ ...others, connect: createConnector(options) })
  onTestFinished(() => agent.destroy())
  return agent
}

async function textOf(url: string, dispatcher: Dispatcher): Promise<string> {
  const { body } = await request(url, { dispatcher })
  return body.text()
}

describe('undici over http', () => {
  it('connects from the address and the ports asked for', PORTS_OF_THE_HOST, async () => {
    const { port } = await whoami()
    const localPortRange = portRange(4)
    const dispatcher = dispatcherOf({ localAddress: '127.0.0.76', localPortRange })
    const [address, localPort] = (await textOf(`http://${host}:${port}/`, dispatcher)).split(' ')
    expect(address).toBe('127.0.0.76')
    expect(Number(localPort)).toBeGreaterThanOrEqual(localPortRange[0])
    expect(Number(localPort)).toBeLessThanOrEqual(localPortRange[1])
  })

  it('takes the localAddress that undici asks for before its own', async () => {
    const { port } = await whoami()
    const dispatcher = dispatcherOf({ localAddress: '127.0.0.76' }, { localAddress: '127.0.0.77' })
    expect(await textOf(`http://${host}:${port}/`, dispatcher)).toMatch(/^127\.0\.0\.77 /)
  })

  it('serves fetch, undici’s and Node’s', async () => {
    const { port } = await whoami()
    const dispatcher = dispatcherOf({ localAddress: '127.0.0.76' })
    const url = `http://${host}:${port}/`
    expect(await (await fetch(url, { dispatcher })).text()).toMatch(/^127\.0\.0\.76 /)
    const init = { dispatcher } as unknown as RequestInit
    expect(await (await globalThis.fetch(url, init)).text()).toMatch(/^127\.0\.0\.76 /)
  })

  it('connects to IPv6 addresses and to names', async () => {
    const { port } = await whoami({ host: '::1' })
    const lookup: net.LookupFunction = (_name, _options, callback) => callback(null, '::1', 6)
    const dispatcher = dispatcherOf({ lookup })
    expect(await textOf(`http://[::1]:${port}/`, dispatcher)).toMatch(/^::1 /)
    expect(await textOf(`http://server.test:${port}/`, dispatcher)).toMatch(/^::1 /)
  })

  it('keeps connections alive and pipelines, and leaves nothing when it is closed', async () => {
    const before = openSockets()
    const waiting: http.ServerResponse[] = []
    const clients = new Set<number | undefined>()
    const server = http.createServer((message, response) => {
      clients.add(message.socket.remotePort)
      if (waiting.push(response) === 8) for (const each of waiting.splice(0)) each.end('done')
    })
    const port = await serve(server)
    const dispatcher = dispatcherOf({}, { connections: 1, pipelining: 8 })
    // None of eight is answered before all have come, and that on one connection.
    for (let round = 0; round < 3; round++) {
      const texts = Array.from({ length: 8 }, async () => {
        const { body } = await request(`http://${host}:${port}/`, { dispatcher, blocking: false })
        return body.text()
      })
      expect(await Promise.all(texts)).toEqual(Array(8).fill('done'))
    }
    expect(clients.size).toBe(1)
    await dispatcher.close()
    server.close()
    await noneLeft(before)
  })

  it('closes connections with requests on them when it is destroyed', async () => {
    const before = openSockets()
    const server = net.createServer((socket) => socket.resume()) // and answers never
    const port = await serve(server)
    const dispatcher = dispatcherOf()
    const asked = [1, 2, 3].map(() => textOf(`http://${host}:${port}/`, dispatcher))
    const ends = Promise.allSettled(asked)
    await once(server, 'connection')
    await dispatcher.destroy()
    expect((await ends).map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
    server.close()
    await noneLeft(before)
  })

  it('is told why there is no connection: refused, too late, no port left', PORTS_OF_THE_HOST, async () => {
    const before = openSockets()
    await expect(textOf(`http://${host}:${NOBODY}/`, dispatcherOf())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const unused = await whoami()
    unused.server.close()
    await expect(fetch(`http://${host}:${unused.port}/`, { dispatcher: dispatcherOf() })).rejects.toMatchObject({
      cause: { code: 'ECONNREFUSED' },
    })

    const late = dispatcherOf({ timeout: 50, lookup: () => {} })
    await expect(textOf('http://slow.test/', late)).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })

    const answers: http.ServerResponse[] = []
    const server = http.createServer((_request, response) => void answers.push(response))
    const port = await serve(server)
    const dispatcher = dispatcherOf({ localPortRange: portRange(2), localAddress: '127.0.0.78' })
    const ends = Promise.allSettled(Array.from({ length: 3 }, () => textOf(`http://${host}:${port}/`, dispatcher)))
    await until(() => answers.length === 2)
    for (const response of answers) response.end('done')
    const failures = (await ends).filter((end) => end.status === 'rejected')
    expect(failures.map(({ reason }) => reason.code)).toEqual(['ERR_PORTS_EXHAUSTED'])
    await dispatcher.close()
    server.close()
    await noneLeft(before)
  })

  it('is told what it asks for wrongly', async () => {
    const dispatcher = dispatcherOf({}, { localAddress: '::1' })
    await expect(textOf(`http://${host}:80/`, dispatcher)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  })
})

const why = whyNoCertificates()

describe('undici over https', () => {
  let certificates: Certificates
  beforeAll(async () => {
    if (why === undefined) certificates = await makeCertificates()
  })
  const lookup: net.LookupFunction = (_name, _options, callback) => callback(null, host, 4)

  /** Closes each connection after its answer; says who asked, and whether the session was resumed. */
  async function secureServer(): Promise<{ port: number; names: unknown[]; server: https.Server }> {
    const names: unknown[] = []
    const server = https.createServer(certificates.server, (message, response) => {
      const socket = message.socket as TLSSocket & { servername?: string | false }
      names.push(socket.servername)
      response.setHeader('Connection', 'close')
      response.end(`${socket.remoteAddress} ${socket.isSessionReused()}`)
    })
    server.on('tlsClientError', () => {})
    return { port: await serve(server), names, server }
  }

  it('verifies the server, says its name, and resumes its session', async (context) => {
    if (why) context.skip(why)
    const before = openSockets()
    const { port, names, server } = await secureServer()
    const dispatcher = dispatcherOf({ ca: certificates.ca, localAddress: '127.0.0.76', lookup })
    const texts: string[] = []
    for (const name of ['server.test', 'server.test', 'other.test', 'server.test']) {
      texts.push(await textOf(`https://${name}:${port}/`, dispatcher))
    }
    expect(texts).toEqual(['127.0.0.76 false', '127.0.0.76 true', '127.0.0.76 false', '127.0.0.76 true'])
    expect(names).toEqual(['server.test', 'server.test', 'other.test', 'server.test'])
    await dispatcher.close()
    server.close()
    await noneLeft(before)
  })

  it('remembers so many sessions as it is told', async (context) => {
    if (why) context.skip(why)
    const { port } = await secureServer()
    const resumed = async (maxCachedSessions: number) => {
      const dispatcher = dispatcherOf({ ca: certificates.ca, lookup, maxCachedSessions })
      const texts: string[] = []
      for (const name of ['server.test', 'server.test', 'other.test', 'server.test']) {
        texts.push((await textOf(`https://${name}:${port}/`, dispatcher)).replace(/^.* /, ''))
      }
      return texts
    }
    expect(await resumed(0)).toEqual(['false', 'false', 'false', 'false'])
    expect(await resumed(1)).toEqual(['false', 'true', 'false', 'false'])
  })

  it('says the name that it was told, and none for an address', async (context) => {
    if (why) context.skip(why)
    const { port, names } = await secureServer()
    const told = dispatcherOf({ ca: certificates.ca, servername: 'server.test' })
    expect(await textOf(`https://${host}:${port}/`, told)).toBe('127.0.0.1 false')
    const any = dispatcherOf({ rejectUnauthorized: false })
    expect(await textOf(`https://${host}:${port}/`, any)).toBe('127.0.0.1 false')
    expect(names).toEqual(['server.test', false])
  })

  it('refuses who cannot prove who it is', async (context) => {
    if (why) context.skip(why)
    const before = openSockets()
    const { port, server } = await secureServer()
    await expect(textOf(`https://server.test:${port}/`, dispatcherOf({ lookup }))).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
    const trusting = dispatcherOf({ lookup, ca: certificates.ca })
    await expect(textOf(`https://wrong.test:${port}/`, trusting)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    server.close()
    await noneLeft(before)
  })

  it('is told what happens below: refused, reset, a handshake that takes too long', async (context) => {
    if (why) context.skip(why)
    const before = openSockets()
    const failing = (port: number, options?: ConnectorOptions) =>
      expect(textOf(`https://${host}:${port}/`, dispatcherOf(options))).rejects
    await failing(NOBODY).toMatchObject({ code: 'ECONNREFUSED' })
    const resetting = net.createServer((socket) => socket.resetAndDestroy())
    await failing(await serve(resetting)).toMatchObject({ code: 'ECONNRESET' })
    const silent = net.createServer((socket) => socket.resume())
    await failing(await serve(silent), { timeout: 100 }).toMatchObject({ code: 'ETIMEDOUT' })
    resetting.close()
    silent.close()
    await noneLeft(before)
  })
})

describe('options', () => {
  it.each<[string, object, string]>([
    ['an option that is misspelt', { localAdress: '127.0.0.1' }, 'ERR_UNKNOWN_OPTION'],
    ['a timeout that is misspelt', { timeOut: 5 }, 'ERR_UNKNOWN_OPTION'],
    ['a name for an address', { localAddress: 'localhost' }, 'ERR_INVALID_ARG_VALUE'],
    ['a range outside of the kernel’s', { localPortRange: [1, 65535] }, 'ERR_OUT_OF_RANGE'],
    ['a timeout below none', { timeout: -1 }, 'ERR_OUT_OF_RANGE'],
    ['half a session', { maxCachedSessions: 0.5 }, 'ERR_OUT_OF_RANGE'],
    ['a delay in words', { keepAliveInitialDelay: '1s' }, 'ERR_INVALID_ARG_TYPE'],
    ['a Unix socket', { socketPath: '/run/socket' }, 'ERR_INVALID_ARG_VALUE'],
    ['a socket', { socket: new net.Socket() }, 'ERR_INVALID_ARG_VALUE'],
    ['no object', null as unknown as object, 'ERR_INVALID_ARG_TYPE'],
  ])('%s is refused at once', (_what, options, code) => {
    expect(() => createConnector(options)).toThrow(expect.objectContaining({ code }))
  })
})
