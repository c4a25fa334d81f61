// nginx's stream module in front of a wrapped server, alone and with HAProxy.

import { beforeEach, describe, expect, test } from 'vitest'
import { startProxy, whyNoProxy } from './kit.js'
import { exchange, haproxyTcp, nginxTcp, serveBehind } from './tcp.js'

beforeEach((context) => {
  const missing = whyNoProxy('nginx')
  if (missing) context.skip(missing)
})

test('proxy_protocol on: version 1 tells of each client', async () => {
  const { server, port, seen } = await serveBehind()
  const proxy = await startProxy('nginx', {
    config: (folder, [front]) =>
      nginxTcp(folder, `server { listen 127.0.0.1:${front}; proxy_pass 127.0.0.1:${port}; proxy_protocol on; }`),
  })
  const sent = await Promise.all(
    Array.from({ length: 20 }, (_, i) => exchange(proxy.port, `127.0.1.${i + 1}`, `I am ${i}`)),
  )
  expect(sent.map(({ answer }) => answer)).toEqual(sent.map((_, i) => `I am ${i}`))
  expect(seen.map(({ client }) => client).sort()).toEqual(sent.map(({ end }) => end).sort())
  for (const { header } of seen) {
    expect(header).toMatchObject({ version: 'v1', destination: { address: '127.0.0.1', port: proxy.port } })
  }
  expect(server.proxyStats()).toMatchObject({ accepted: 20, waiting: 0 })
})

test('it is refused where only version 2 is accepted', async () => {
  const { server, port, seen } = await serveBehind({ versions: ['v2'] })
  const proxy = await startProxy('nginx', {
    config: (folder, [front]) =>
      nginxTcp(folder, `server { listen 127.0.0.1:${front}; proxy_pass 127.0.0.1:${port}; proxy_protocol on; }`),
  })
  const { answer } = await exchange(proxy.port, '127.0.1.1', 'hello')
  expect(answer).toBe('')
  expect(seen).toEqual([])
  expect(server.proxyStats()).toMatchObject({ missing: 1 })
})

describe('with HAProxy', () => {
  beforeEach((context) => {
    const missing = whyNoProxy('haproxy')
    if (missing) context.skip(missing)
  })

  test('beside it: two proxies in front of one server, each with a client of its own version', async () => {
    const { port, seen } = await serveBehind({ trusted: ['127.0.2.1', '127.0.2.2'] })
    const haproxy = await startProxy('haproxy', {
      config: (_, [front]) =>
        haproxyTcp(`listen x\n bind 127.0.0.1:${front}\n source 127.0.2.1\n server s 127.0.0.1:${port} send-proxy-v2`),
    })
    const nginx = await startProxy('nginx', {
      config: (folder, [front]) =>
        nginxTcp(
          folder,
          `server { listen 127.0.0.1:${front}; proxy_bind 127.0.2.2; proxy_pass 127.0.0.1:${port}; proxy_protocol on; }`,
        ),
    })
    const sent = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const [front, version, via] = i % 2 === 0 ? [haproxy.port, 'v2', '127.0.2.1'] : [nginx.port, 'v1', '127.0.2.2']
        const { answer, end } = await exchange(front, '127.0.1.1', `I am ${i}`)
        expect(answer).toBe(`I am ${i}`)
        return `${end} ${version} via ${via}`
      }),
    )
    expect(seen.map(({ client, via, header }) => `${client} ${header?.version} via ${via}`).sort()).toEqual(sent.sort())
  })

  test('before it: what the first proxy says reaches the server through the second', async () => {
    const { port, seen } = await serveBehind()
    const haproxy = await startProxy('haproxy', {
      config: (_, [front]) =>
        haproxyTcp(`listen x\n bind 127.0.0.1:${front} accept-proxy\n server s 127.0.0.1:${port} send-proxy-v2`),
    })
    const nginx = await startProxy('nginx', {
      config: (folder, [front]) =>
        nginxTcp(
          folder,
          `server { listen 127.0.0.1:${front}; proxy_pass 127.0.0.1:${haproxy.port}; proxy_protocol on; }`,
        ),
    })
    const { answer, end } = await exchange(nginx.port, '127.0.1.1', 'hello')
    expect(answer).toBe('hello')
    expect(seen).toMatchObject([
      { client: end, header: { version: 'v2', destination: { address: '127.0.0.1', port: nginx.port } } },
    ])
  })
})
