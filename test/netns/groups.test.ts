// Multicast and broadcast: the destination may not be a source, so answers leave from the interface's own address.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Host, useNet } from './kit.js'

const GROUP_V4 = '239.1.2.3'
const GROUPS_V6 = ['ff02::1:2:3', 'ff05::1:2:3']

const net = useNet('all')
let client: Host
let server: Host

// The server has a second interface, over which the way to the client would be wrong, and its own first address there.
beforeAll(async () => {
  if (net.missing !== undefined) return
  ;[client, server] = await net.hosts('client', 'server')
  await net.cable(server, 'eth0', client, 'other')
  await net.cable(server, 'eth1', client, 'eth1')
  await server.ip(`
    address add 10.0.0.1/24 dev eth0
    address add 10.0.1.1/24 dev eth1
    address add 10.0.1.100/24 dev eth1
    address add fd00:1::1/64 dev eth1 nodad`)
  await client.ip(`
    address add 10.0.1.2/24 dev eth1
    address add fd00:1::2/64 dev eth1 nodad`)
})

const ways = ['reply', 'batch', 'from'] as const
const mapped = (type: 'udp4' | 'udp6', address: string) => (type === 'udp6' ? `::ffff:${address}` : address)

describe.each(['udp4', 'udp6'] as const)('on a %s socket', (type) => {
  test.each(ways)('a question to an IPv4 group is answered from the interface (%s)', async (way) => {
    const port = await server.call('serve', { way, type, groups: [[GROUP_V4, '10.0.1.1']] })
    const [answer] = await client.call('ask', [{ address: GROUP_V4, port, multicastInterface: '10.0.1.2' }])
    expect(answer).toMatchObject({
      from: '10.0.1.1',
      told: { local: { address: mapped(type, GROUP_V4), source: mapped(type, '10.0.1.1') } },
    })
    await server.call('stop')
  })

  test.each(ways)('a broadcast question is answered from the interface (%s)', async (way) => {
    const port = await server.call('serve', { way, type })
    const addresses = ['10.0.1.255', '255.255.255.255']
    // The limited broadcast goes where the default route leads.
    await client.ip('route replace default dev eth1')
    const answers = await client.call(
      'ask',
      addresses.map((address) => ({ address, port, broadcast: true })),
    )
    expect(answers.map((answer) => answer.from)).toEqual(['10.0.1.1', '10.0.1.1'])
    expect(answers.map((answer) => answer.told?.local?.address)).toEqual(addresses.map((a) => mapped(type, a)))
    await server.call('stop')
  })
})

test.each(ways)('a question to an IPv6 group is answered from the interface (%s)', async (way) => {
  const port = await server.call('serve', {
    way,
    type: 'udp6',
    groups: GROUPS_V6.map((group) => [group, '::%eth1'] as const),
  })
  const answers = await client.call(
    'ask',
    GROUPS_V6.map((address) => ({ address, port, multicastInterface: '::%eth1' })),
  )
  const ifindex = await indexOf(server, 'eth1')
  expect(answers.map((answer) => answer.told?.local)).toEqual(
    GROUPS_V6.map((address) => ({ address, family: 'IPv6', port, ifindex, source: '::' })),
  )
  // The kernel chooses by the scope of the peer (RFC 6724 §5): link-local asked from link-local, else global.
  for (const { from } of answers) expect(from).toMatch(/^(fe80::.*%eth1|fd00:1::1)$/)
  await server.call('stop')
})

async function indexOf(host: Host, device: string): Promise<number> {
  const { stdout } = await host.namespace.run('cat', [`/sys/class/net/${device}/ifindex`])
  return Number(stdout)
}
