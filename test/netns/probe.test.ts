// What a client sees of a backend, and the cures of replies: the client is `probe`, the servers node:dgram and PktInfoSocket.

import { type ReplyFixName, replyFixes } from 'udp-dsr/dsr'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Host, useNet, usePrograms } from './kit.js'

const net = useNet('all')
usePrograms('nft', 'iptables')
let client: Host
let router: Host
let backend: Host

const families = [
  {
    type: 'udp4',
    vip: '198.51.100.2',
    own: '10.0.1.11',
    other: '10.0.1.99',
    full: 1472,
    router: '10.0.0.1',
    small: 1272,
  },
  {
    type: 'udp6',
    ...{ vip: '2001:db8:51::2', own: '2001:db8:1::11', other: '2001:db8:1::99' },
    ...{ full: 1452, router: '2001:db8::1', small: 1252 },
  },
] as const

beforeAll(async () => {
  if (net.missing !== undefined) return
  ;[client, router, backend] = await net.hosts('client', 'router', 'backend')
  await net.cable(client, 'eth0', router, 'client')
  await net.cable(router, 'backend', backend, 'eth0')
  await client.ip(`
    address add 10.0.0.2/24 dev eth0
    address add 2001:db8::2/64 dev eth0
    route add default via 10.0.0.1
    route add default via 2001:db8::1`)
  await router.ip(`
    address add 10.0.0.1/24 dev client
    address add 2001:db8::1/64 dev client
    address add 10.0.1.1/24 dev backend
    address add 2001:db8:1::1/64 dev backend
    route add 198.51.100.2 via 10.0.1.11
    route add 2001:db8:51::2 via 2001:db8:1::11`)
  await router.namespace.sysctl({
    ...{ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 },
    ...{ 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 },
  })
  await backend.namespace.sysctl({ 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 })
  await backend.ip(`
    address add 10.0.1.11/24 dev eth0
    address add 2001:db8:1::11/64 dev eth0
    route add default via 10.0.1.1
    route add default via 2001:db8:1::1
    route add local 198.51.100.2 dev lo
    route add local 2001:db8:51::2 dev lo`)
})

describe.each(families)('a client on $type', ({ type, vip, own, other, full, router: hop, small }) => {
  const serve = (way: 'dgram' | 'reply', port = 0) => backend.call('serve', { way, type, port, echo: true })
  const shell = async (host: Host, script: string) => {
    const { code, stderr } = await host.namespace.run('sh', ['-e', '-c', script])
    expect([script, code, stderr]).toEqual([script, 0, ''])
  }

  test('is answered from the VIP, whatever the size', async () => {
    const result = await client.call('tryProbe', { vip, port: await serve('reply') })
    expect(result).toMatchObject({ verdict: 'works', ok: true })
    expect(result.attempts).toMatchObject([32, 1200, full].map((size) => ({ size, outcome: 'answered', answer: size })))
  })

  test('is answered from another address by node:dgram, and told which', async () => {
    const port = await serve('dgram')
    const result = await client.call('tryProbe', { vip, port, payload: 'hello' })
    expect(result).toMatchObject({
      ...{ verdict: 'wrong-source', ok: false, summary: `${vip} port ${port} answered from ${own} instead of ${vip}` },
      ...{ attempts: [{ size: 5, outcome: 'wrong-source', address: own, port }] },
    })
    expect(result.fix).toContain('replyFixes')
    expect(await client.call('tryProbe', { vip: own, port })).toMatchObject({ verdict: 'works' })
  })

  test('is told that nobody listens, and by whom', async () => {
    const result = await client.call('tryProbe', { vip, port: 9, sizes: [10] })
    // ICMPv6 errors leave from an address of an interface (RFC 4443 §2.2), which the VIP is none of.
    const who = type === 'udp4' ? vip : own
    expect(result).toMatchObject({ verdict: 'refused', attempts: [{ code: 'ECONNREFUSED', by: who, mtu: 0 }] })
    expect(result.summary).toBe(`${vip} port 9 refused: ECONNREFUSED, says ${who}`)
  })

  test('is told that nobody is there', async () => {
    const result = await client.call('tryProbe', { vip: other, port: 9, sizes: [10], timeout: 10_000 })
    expect(result).toMatchObject({ verdict: 'refused', attempts: [{ outcome: 'refused', by: hop }] })
  })

  test('is told that no answer came', async () => {
    const port = await backend.call('collectNothing', type)
    const result = await client.call('tryProbe', { vip, port, sizes: [10], timeout: 200 })
    expect(result).toMatchObject({ verdict: 'no-answer', attempts: [{ size: 10, outcome: 'silent' }] })
  })

  test('sees that only small ones get through', async () => {
    const port = await serve('reply')
    await router.ip('link set backend mtu 1300')
    try {
      const result = await client.call('tryProbe', { vip, port })
      expect(result).toMatchObject({
        verdict: 'small-only',
        attempts: [{}, {}, { outcome: 'refused', by: hop, mtu: 1300 }],
      })
      expect(result.summary).toContain(`none of ${full}: ${hop} says that 1300 bytes`)
      expect(await client.call('tryProbe', { vip, port, sizes: [small] })).toMatchObject({ verdict: 'works' })
    } finally {
      await router.ip('link set backend mtu 1500')
      // What the client has learned of the path would outlive it.
      await client.namespace.run('ip', [type === 'udp4' ? '-4' : '-6', 'route', 'flush', 'cache'])
    }
  })

  test.each<ReplyFixName>(['nft', 'iptables'])('is answered right by node:dgram after %s', async (name) => {
    const port = await serve('dgram')
    const target = { vip, port, local: own, interface: 'eth0' }
    const ask = () => client.call('tryProbe', { vip, port, payload: 'hello' })
    expect(await ask()).toMatchObject({ verdict: 'wrong-source' })
    const { commands, undo } = replyFixes[name]
    await shell(backend, commands(target))
    expect(await ask()).toMatchObject({ verdict: 'works' })
    await shell(backend, undo(target)!)
    expect(await ask()).toMatchObject({ verdict: 'wrong-source' })
  })
})
