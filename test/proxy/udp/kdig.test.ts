// kdig +proxy writes the header itself: what a proxy would send, and what an impostor would.

import type { ProxyProtocolOptions } from 'udp-dsr'
import { beforeEach, describe, expect, test } from 'vitest'
import { clientIs, kdig, need, serveDns } from './kit.js'

beforeEach((context) => need(context, undefined, 'kdig'))

const V4 = '+proxy=203.0.113.7#4242-198.51.100.1#53'
const V6 = '+proxy=2001:db8::7#4242-2001:db8::53#53'
const UNANSWERED = ['+timeout=1', 'whoami.example', 'TXT']

const ask = (port: number, ...more: string[]) => kdig('127.0.0.1', port, ...more)
const serve = (options: Partial<ProxyProtocolOptions> = {}) => serveDns({ trusted: ['127.0.0.1'], ...options })

describe('from a trusted address', () => {
  test.each([
    { family: 'IPv4', option: V4, address: '203.0.113.7', destination: '198.51.100.1' },
    { family: 'IPv6', option: V6, address: '2001:db8::7', destination: '2001:db8::53' },
  ])('its word is taken ($family)', async ({ family, option, address, destination }) => {
    const server = await serve()
    const printed = await ask(server.port, option, 'whoami.example', 'TXT')
    expect(printed).toContain(`"${clientIs(address, 4242)}"`)
    expect(printed).not.toContain('WARNING')
    expect(server.seen[0]?.rinfo).toMatchObject({
      address,
      family,
      via: { address: '127.0.0.1', family: 'IPv4' },
      local: { address: '127.0.0.1' }, // where the datagram itself came to
      proxy: { version: 'v2', transport: 'DGRAM', destination: { address: destination, port: 53 } },
    })
  })

  test('a question without a header is dropped and counted', async () => {
    const server = await serve()
    expect(await ask(server.port, ...UNANSWERED)).toContain('timeout')
    expect(server.seen).toEqual([])
    expect(server.proxyStats()).toMatchObject({ accepted: 0, missing: 1 })
  })

  test('with required: false it is its sender’s own', async () => {
    const server = await serve({ required: false })
    expect(await ask(server.port, 'whoami.example', 'TXT')).toContain('"client 127.0.0.1 port ')
    expect(await ask(server.port, V4, 'whoami.example', 'TXT')).toContain(`"${clientIs('203.0.113.7', 4242)}"`)
    expect(server.proxyStats()).toMatchObject({ accepted: 1, missing: 1 })
  })
})

describe('from another address', () => {
  const IMPOSTOR = '127.0.0.9'

  test.each([
    { trusted: ['127.0.0.1'] },
    { trusted: ['127.0.0.0/29'] }, // 127.0.0.0 to 127.0.0.7
    { trusted: ['::1', '10.0.0.0/8'] },
  ])('a header is dropped and counted, with $trusted', async ({ trusted }) => {
    const server = await serve({ trusted })
    expect(await ask(server.port, '-b', IMPOSTOR, V4, ...UNANSWERED)).toContain('timeout')
    expect(server.seen).toEqual([])
    expect(server.proxyStats()).toMatchObject({ accepted: 0, untrusted: 1, invalid: 0 })
  })

  test('a header is believed when the block holds the address', async () => {
    const server = await serve({ trusted: ['127.0.0.8/29'] })
    expect(await ask(server.port, '-b', IMPOSTOR, V4, 'whoami.example', 'TXT')).toContain(clientIs('203.0.113.7', 4242))
  })

  test('with required: false a header is payload, and a question its sender’s own', async () => {
    const server = await serve({ required: false })
    expect(await ask(server.port, '-b', IMPOSTOR, V4, ...UNANSWERED)).toContain('timeout') // no question, to a DNS server
    expect(await ask(server.port, '-b', IMPOSTOR, 'whoami.example', 'TXT')).toContain(`"client ${IMPOSTOR} port `)
    expect(server.seen.map(({ rinfo }) => rinfo.address)).toEqual([IMPOSTOR, IMPOSTOR])
    expect(server.seen.filter(({ rinfo }) => rinfo.proxy !== undefined)).toEqual([])
    expect(server.proxyStats()).toMatchObject({ accepted: 0, untrusted: 2 })
  })
})
