// Checks over TCP: a connection, and HTTP.
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { makeCertificates, whyNoCertificates } from '../../../proxy/certificates.js'
import { checkOnce, IMPATIENT, listen, PATIENT, until, useMeans } from '../kit.js'

/** A TCP port of loopback that nobody listens on. */
async function closedTcpPort(): Promise<number> {
  const server = net.createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port))
  })
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server that answers requests with these. */
const httpServer = (answer: http.RequestListener) => listen(http.createServer(answer))

describe('tcp', () => {
  test.each(['127.0.0.1', '::1'])('passes when %s takes the connection, and leaves none behind', async (address) => {
    const open = new Set<net.Socket>()
    let taken = 0
    const server = net.createServer((socket) => {
      taken++
      open.add(socket)
      socket.on('error', () => {}).on('close', () => open.delete(socket))
      socket.resume()
    })
    const port = await listen(server, address)
    expect(await checkOnce({ check: 'tcp', port }, { address })).toEqual({ verdict: 'passed' })
    await until(() => taken === 1 && open.size === 0, 'the end of the connection')
  })

  test('fails where nobody listens', async () => {
    expect(await checkOnce({ check: 'tcp', port: await closedTcpPort() })).toEqual({
      verdict: 'failed',
      reason: 'ECONNREFUSED',
    })
  })

  test('only so many at a time, and all of them in the end', async () => {
    let open = 0
    let most = 0
    const server = http.createServer((_request, response) => {
      most = Math.max(most, ++open)
      setTimeout(() => {
        open--
        response.end()
      }, 10)
    })
    const port = await listen(server)
    const means = useMeans(3)
    const asked = Array.from({ length: 20 }, () => checkOnce({ check: 'http', port }, { means }))
    expect((await Promise.all(asked)).every(({ verdict }) => verdict === 'passed')).toBe(true)
    expect(most).toBeLessThanOrEqual(3)
    expect(means.turnstile.waiting).toBe(0)
  })

  test('one that waits for its turn ends when it is aborted, and takes no turn', async () => {
    const port = await httpServer(() => {}) // never answers
    const means = useMeans(1)
    const first = new AbortController()
    const second = new AbortController()
    const inside = checkOnce({ check: 'http', port }, { means, signal: first.signal, timeout: 60_000 })
    const waiting = checkOnce({ check: 'http', port }, { means, signal: second.signal, timeout: 60_000 })
    await until(() => means.turnstile.waiting === 1, 'the second to wait')
    second.abort()
    expect((await waiting).verdict).toBe('undecided')
    first.abort()
    await inside
    const good = await httpServer((_request, response) => response.end())
    expect((await checkOnce({ check: 'http', port: good }, { means })).verdict).toBe('passed')
  })
})

describe('http', () => {
  test('asks for the path, with the host', async () => {
    const seen: (string | undefined)[] = []
    const port = await httpServer((request, response) => {
      seen.push(request.method, request.url, request.headers.host)
      response.end('ok')
    })
    const outcome = await checkOnce({ check: 'http', port, path: '/healthz?full', host: 'www.test', method: 'HEAD' })
    expect(outcome).toEqual({ verdict: 'passed' })
    expect(seen).toEqual(['HEAD', '/healthz?full', 'www.test'])
  })

  test.each([
    [200, undefined, true],
    [399, undefined, true],
    [404, undefined, false],
    [503, undefined, false],
    [503, [500, 599], true],
    [204, [200, 200], false],
  ] as const)('status %i of %s', async (status, range, good) => {
    const port = await httpServer((_request, response) => response.writeHead(status, { location: '/other' }).end())
    const outcome = await checkOnce({ check: 'http', port, status: range })
    expect(outcome).toEqual(good ? { verdict: 'passed' } : { verdict: 'failed', reason: `HTTP status ${status}` })
  })

  test('does not wait for the body', async () => {
    const port = await httpServer((_request, response) => void response.writeHead(200).write('and then …'))
    expect(await checkOnce({ check: 'http', port }, { timeout: PATIENT })).toEqual({ verdict: 'passed' })
  })

  test('fails with one that does not answer, hangs up, or does not speak HTTP', async () => {
    const silent = await httpServer(() => {})
    expect((await checkOnce({ check: 'http', port: silent }, { timeout: IMPATIENT })).verdict).toBe('failed')
    const rude = await listen(net.createServer((socket) => socket.destroy()))
    expect((await checkOnce({ check: 'http', port: rude })).verdict).toBe('failed')
    const other = await listen(net.createServer((socket) => void socket.on('error', () => {}).end('SSH-2.0-x\r\n')))
    expect(await checkOnce({ check: 'http', port: other })).toMatchObject({ verdict: 'failed' })
    expect((await checkOnce({ check: 'http', port: await closedTcpPort() })).verdict).toBe('failed')
  })

  test('TLS: the certificate counts, unless it does not', async (context) => {
    const missing = whyNoCertificates()
    if (missing !== undefined) context.skip(missing)
    const { ca, server } = await makeCertificates() // for server.test and other.test
    const port = await listen(https.createServer(server, (_request, response) => response.end()))
    const ask = (more: object) => checkOnce({ check: 'http', port, ...more }).then(({ verdict }) => verdict)
    expect(await ask({ tls: { ca }, host: 'server.test' })).toBe('passed')
    expect(await ask({ tls: { verify: false } })).toBe('passed')
    expect(await ask({ tls: true, host: 'server.test' })).toBe('failed')
    expect(await ask({ tls: { ca }, host: 'www.test' })).toBe('failed')
    expect(await ask({})).toBe('failed') // HTTP where TLS is spoken
  })
})
