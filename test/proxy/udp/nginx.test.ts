// nginx's stream module writes a version 1 line before the first datagram of a session, and calls it TCP.

import { beforeEach, describe, expect, test } from 'vitest'
import { freePort, NGINX_STREAM_MODULE, startProxy } from '../programs/kit.js'
import { Client, clientIs, hasIPv6, kdig, need, PROXY, type Server, serveDns, serveEcho, until } from './kit.js'

beforeEach((context) => need(context, 'nginx', 'kdig'))

const FIRST = { trusted: [PROXY], versions: ['v1'], mode: 'first' } as const
const EACH = { trusted: [PROXY], versions: ['v1'] } as const
/** Makes of each datagram a session. */
const ONE_EACH = ['proxy_requests 1;', 'proxy_responses 1;']

/**
 * An nginx on 127.0.0.1 and ::1.
 *
 * @param server on 127.0.0.1; or its address, when its port is nginx's own
 * @param timeout after which it forgets a silent client
 */
function startNginx(server: Pick<Server, 'port'> | string, more: readonly string[] = [], timeout = '5s') {
  const config = (folder: string, [port]: readonly [number, ...number[]]) =>
    [
      'daemon off; master_process off; worker_processes 1;',
      `pid ${folder}/nginx.pid;`,
      `load_module ${NGINX_STREAM_MODULE};`,
      'events { worker_connections 256; }',
      'stream { server {',
      `listen 127.0.0.1:${port} udp;`,
      hasIPv6 ? `listen [::1]:${port} udp;` : '',
      `proxy_pass ${typeof server === 'string' ? `${server}:${port}` : `127.0.0.1:${server.port}`};`,
      `proxy_protocol on; proxy_timeout ${timeout};`,
      ...more,
      '} }',
    ].join('\n')
  return startProxy('nginx', { config, transport: 'udp' })
}

/** Two clients share an address. */
const CLIENTS = ['127.0.0.7', '127.0.0.7', '127.0.0.8', '127.1.2.3', ...(hasIPv6 ? ['::1'] : [])]
const clients = () => Promise.all(CLIENTS.map(Client.at))

const loopback = ({ address }: Client) => (address === '::1' ? '::1' : '127.0.0.1')

/** Sends one datagram after the other, each when the one before is answered. */
async function converse(client: Client, port: number, texts: readonly string[]): Promise<string[]> {
  for (const [i, text] of texts.entries()) {
    client.send(text, port, loopback(client))
    await client.texts(i + 1)
  }
  return client.texts(texts.length)
}

const TEXTS = ['one', 'two', 'three']

describe("mode 'first'", () => {
  test('tells sessions apart, from their first datagram to their last', async () => {
    const server = await serveEcho(FIRST)
    const nginx = await startNginx(server)
    const all = await clients()
    const answers = await Promise.all(all.map((client) => converse(client, nginx.port, TEXTS)))
    expect(answers).toEqual(all.map((client) => TEXTS.map((text) => `${client.name}: ${text}`)))
    expect(server.proxyStats()).toEqual({
      accepted: all.length * TEXTS.length,
      untrusted: 0,
      missing: 0,
      invalid: 0,
      sessions: all.length,
      evicted: 0,
    })
    // It says TCP, for want of a word for UDP.
    expect(server.seen[0]?.rinfo).toMatchObject({
      via: { address: PROXY, family: 'IPv4' },
      proxy: { version: 'v1', transport: 'STREAM', destination: { port: nginx.port } },
    })
  })

  test('a header that the client writes is payload', async () => {
    const server = await serveEcho(FIRST)
    const nginx = await startNginx(server)
    const client = await Client.at('127.0.0.7')
    const forged = 'PROXY TCP4 203.0.113.7 198.51.100.1 4242 53\r\n'
    const texts = [`${forged}first`, `${forged}later`, forged]
    expect(await converse(client, nginx.port, texts)).toEqual(texts.map((text) => `${client.name}: ${text}`))
  })

  test('an empty first datagram begins a session', async () => {
    const server = await serveEcho(FIRST)
    const nginx = await startNginx(server)
    const client = await Client.at('127.0.0.7')
    client.send('', nginx.port, '127.0.0.1')
    await until(() => server.proxyStats().sessions === 1, 'the session')
    expect(await converse(client, nginx.port, ['hello'])).toEqual([`${client.name}: hello`])
    expect(server.seen).toHaveLength(1)
  })

  test('what comes after nginx has ended a session is another', async () => {
    const server = await serveEcho(FIRST)
    const nginx = await startNginx(server, ['proxy_responses 1;'])
    const client = await Client.at('127.0.0.7')
    expect(await converse(client, nginx.port, TEXTS)).toEqual(TEXTS.map((text) => `${client.name}: ${text}`))
    expect(server.proxyStats()).toMatchObject({ accepted: TEXTS.length, sessions: TEXTS.length })
  })

  test('a server that has forgotten a session drops what nginx still sends in it', async () => {
    const server = await serveEcho({ ...FIRST, sessions: { idleTimeout: 100 } })
    const nginx = await startNginx(server)
    const client = await Client.at('127.0.0.7')
    await converse(client, nginx.port, ['one'])
    await new Promise((resolve) => setTimeout(resolve, 300))
    client.send('two', nginx.port, '127.0.0.1')
    await until(() => server.proxyStats().missing === 1, 'the datagram without a header')
    expect(server.seen).toHaveLength(1)
  })

  // Why idleTimeout must not be longer than the proxy's: a line in a later datagram may as well be the client's own.
  test('a server that remembers a session for longer than nginx takes the next client on its port for the first', async () => {
    const server = await serveEcho(FIRST)
    const nginx = await startNginx(server, [`proxy_bind 127.0.0.1:${await freePort()};`], '200ms')
    const [one, other] = [await Client.at('127.0.0.7'), await Client.at('127.0.0.8')]
    expect(await converse(one, nginx.port, ['one'])).toEqual([`${one.name}: one`])
    await new Promise((resolve) => setTimeout(resolve, 600))
    const line = `PROXY TCP4 ${other.address} 127.0.0.1 ${other.port} ${nginx.port}\r\n`
    expect(await converse(other, nginx.port, ['two'])).toEqual([`${one.name}: ${line}two`])
  })

  test('kdig gets its answer', async () => {
    const server = await serveDns(FIRST)
    const nginx = await startNginx(server)
    const port = await freePort()
    const printed = await kdig('127.0.0.1', nginx.port, '-b', `127.0.0.7#${port}`, 'whoami.example', 'TXT')
    expect(printed).toContain(`"${clientIs('127.0.0.7', port)}"`)
    expect(printed).not.toContain('WARNING')
  })
})

describe("mode 'each', with a session for each datagram", () => {
  test('every datagram has a header', async () => {
    const server = await serveEcho(EACH)
    const nginx = await startNginx(server, ONE_EACH)
    const all = await clients()
    const answers = await Promise.all(all.map((client) => converse(client, nginx.port, TEXTS)))
    expect(answers).toEqual(all.map((client) => TEXTS.map((text) => `${client.name}: ${text}`)))
    expect(server.proxyStats()).toMatchObject({ accepted: all.length * TEXTS.length, missing: 0, sessions: 0 })
  })

  test('and without that setting, only the first', async () => {
    const server = await serveEcho(EACH)
    const nginx = await startNginx(server)
    const client = await Client.at('127.0.0.7')
    await converse(client, nginx.port, ['one'])
    client.send('two', nginx.port, '127.0.0.1')
    await until(() => server.proxyStats().missing === 1, 'the datagram without a header')
    expect(server.seen).toHaveLength(1)
  })
})

describe('past an nginx that lets no answer through', () => {
  // What a client gets came straight from the server, which has the address and the port that the client asked.
  const server = '127.0.0.21'
  const more = ['proxy_requests 1;', 'proxy_responses 0;']

  test.each([
    { reply: 'proxy', answered: false },
    { reply: 'direct', answered: true },
  ] as const)('reply: $reply', async ({ reply, answered }) => {
    const { port } = await startNginx(server, more)
    const { seen } = await serveDns({ ...EACH, reply }, { address: server, port })
    const printed = await kdig('127.0.0.1', port, '-b', '127.0.0.7', '+timeout=1', 'whoami.example', 'TXT')
    expect(seen).toHaveLength(1)
    if (answered) {
      expect(printed).toContain('"client 127.0.0.7 port ')
      expect(printed).toContain(`From 127.0.0.1@${port}(UDP)`)
      expect(printed).not.toContain('WARNING')
    } else expect(printed).toContain('timeout')
  })
})

test('a version 1 line is refused where only version 2 is accepted', async () => {
  const server = await serveEcho({ trusted: [PROXY], mode: 'first' })
  const nginx = await startNginx(server)
  const client = await Client.at('127.0.0.7')
  client.send('one', nginx.port, '127.0.0.1')
  await until(() => server.proxyStats().missing === 1, 'the datagram without a header that is known')
  expect(server.seen).toEqual([])
})

test('one that is not trusted is counted, and what it sends is dropped', async () => {
  const server = await serveEcho(FIRST)
  const nginx = await startNginx(server, ['proxy_bind 127.0.0.9;'])
  const client = await Client.at('127.0.0.7')
  for (const text of TEXTS) client.send(text, nginx.port, '127.0.0.1')
  await until(() => server.proxyStats().untrusted === TEXTS.length, 'the datagrams')
  expect(server.proxyStats()).toMatchObject({ accepted: 0, sessions: 0 })
  expect(server.seen).toEqual([])
})
