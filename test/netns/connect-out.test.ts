// connect of udp-dsr/ports where only namespaces can show it: no route, no answer, ports of the kernel's own range.

import { beforeEach, expect, test } from 'vitest'
import { type Host, useNet } from './kit.js'

const net = useNet('each')
let client: Host
let server: Host

beforeEach(async (context) => {
  if (net.missing !== undefined) context.skip(net.missing)
  ;[client, server] = await net.hosts('client', 'server')
  await net.cable(client, 'up0', server, 'down0')
  await client.ip('address add 10.9.0.1/24 dev up0\naddress add 2001:db8:9::1/64 dev up0')
  await server.ip('address add 10.9.0.2/24 dev down0\naddress add 2001:db8:9::2/64 dev down0')
})

test('10,000 connections at once from one address, each from a port of its own', { timeout: 120_000 }, async () => {
  await server.namespace.sysctl({ 'net.core.somaxconn': 4096 })
  const port = await server.call('acceptTcp', '10.9.0.2')
  const made = await client.call('connectOut', { host: '10.9.0.2', port, localAddress: '10.9.0.1' }, 10_000)
  expect(made.filter(({ failed }) => failed !== undefined)).toEqual([])
  expect(new Set(made.map(({ localPort }) => localPort)).size).toBe(10_000)
})

test('no route, no host, no answer', async () => {
  const [unrouted] = await client.call('connectOut', { host: '203.0.113.1', port: 80 })
  expect(unrouted?.failed).toBe('ENETUNREACH')
  const [late] = await client.call('connectOut', { host: '10.9.0.77', port: 80, connectTimeout: 150 })
  expect(late).toMatchObject({ failed: 'ETIMEDOUT' })
  expect(late?.message).toContain('10.9.0.77 did not answer in time')
  const [nobody] = await client.call('connectOut', { host: '10.9.0.77', port: 80 })
  expect(nobody?.failed).toBe('EHOSTUNREACH')
  const [nobody6] = await client.call('connectOut', { host: '2001:db8:9::77', port: 80 })
  expect(nobody6?.failed).toBe('EHOSTUNREACH')
})

test('a refused connection gives its port back', async () => {
  await client.namespace.sysctl({ 'net.ipv4.ip_local_port_range': '40000 40001' })
  for (let i = 0; i < 4; i++) {
    const refused = await client.call('connectOut', { host: '10.9.0.2', port: 9 }, 2)
    expect(refused.map(({ failed }) => failed)).toEqual(['ECONNREFUSED', 'ECONNREFUSED'])
  }
})

test('the range is the kernel’s own, less what it reserves, for IPv4 and IPv6', async () => {
  await client.namespace.sysctl({
    'net.ipv4.ip_local_port_range': '40000 40009',
    'net.ipv4.ip_local_reserved_ports': '40002,40004-40006',
  })
  const free = [40000, 40001, 40003, 40007, 40008, 40009]
  for (const address of ['10.9.0.2', '2001:db8:9::2']) {
    const port = await server.call('acceptTcp', address)
    const made = await client.call('connectOut', { host: address, port, strategy: 'exact' }, free.length)
    expect(made.map(({ localPort }) => localPort).sort()).toEqual(free)
    const [none] = await client.call('connectOut', { host: address, port, strategy: 'exact' })
    expect(none).toMatchObject({ failed: 'ERR_PORTS_EXHAUSTED' })
    expect(none?.message).toContain('of 6, 0 are free, 6 leased')
    const [reserved] = await client.call('connectOut', { host: address, port, localPort: 40005 })
    expect(reserved?.localPort).toBe(40005)
  }
})
