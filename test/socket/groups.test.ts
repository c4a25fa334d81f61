// Multicast and broadcast on the loopback interface: answers leave from the interface's own address. It carries no IPv6
// multicast; test/netns/groups.test.ts sends that over a cable.
import type dgram from 'node:dgram'
import type { PktInfoSocket, RemoteInfo } from 'udp-dsr'
import { describe, expect, test } from 'vitest'
import { ask, bind, client, LO, portOf } from './kit.js'

const GROUP = '239.255.18.1'
const BROADCAST = '127.255.255.255'

const ANSWERS: Record<string, (server: PktInfoSocket) => void> = {
  reply: (server) => server.on('message', (msg, rinfo) => server.reply(msg, rinfo)),
  'reply later': (server) => server.on('message', (msg, rinfo) => setImmediate(() => server.reply(msg, rinfo))),
  'batch.reply': (server) => server.on('batch', (batch) => batch.reply(0, batch.payload(0))),
  'send from the source': (server) =>
    server.on('message', (msg, { address, port, local }) =>
      server.send(msg, port, address, { from: { address: local.source } }),
    ),
}

async function asker(): Promise<dgram.Socket> {
  const socket = await client('udp4', '127.0.0.1')
  socket.setMulticastInterface('127.0.0.1')
  socket.setBroadcast(true)
  return socket
}

describe.each(['udp4', 'udp6'] as const)('%s', (type) => {
  const spelt = (address: string) => (type === 'udp6' ? `::ffff:${address}` : address)

  describe.each(Object.entries(ANSWERS))('%s', (_name, answer) => {
    test('to a question sent to a group', async () => {
      const server = await bind({ type })
      server.addMembership(GROUP, '127.0.0.1')
      answer(server)
      expect(await ask(await asker(), GROUP, portOf(server))).toMatchObject({ address: '127.0.0.1', text: 'hello' })
      expect(server.stats().sendErrors).toBe(0)
    })

    test('to a broadcast', async () => {
      const server = await bind({ type })
      answer(server)
      const { address } = await ask(await asker(), BROADCAST, portOf(server))
      expect(address).toBe('127.0.0.1')
    })
  })

  test.each([GROUP, BROADCAST])('rinfo of a datagram to %s', async (address) => {
    const server = await bind({ type })
    server.addMembership(GROUP, '127.0.0.1')
    const seen = new Promise<RemoteInfo>((resolve) => server.once('message', (_msg, rinfo) => resolve(rinfo)))
    ;(await asker()).send('x', portOf(server), address)
    expect((await seen).local).toMatchObject({ address: spelt(address), source: spelt('127.0.0.1'), ifindex: LO })
  })

  test('a group as source is refused', async () => {
    const server = await bind({ type })
    const failed = new Promise((resolve) => server.once('sendError', resolve))
    server.send('x', 9, '127.0.0.1', { from: { address: GROUP } })
    expect(await failed).toBeInstanceOf(Error)
  })
})

test('the socket itself sends to groups and broadcast addresses', async () => {
  const server = await bind({ type: 'udp4' })
  const member = await client('udp4', '0.0.0.0')
  member.addMembership(GROUP, '127.0.0.1')
  server.setMulticastInterface('127.0.0.1')
  server.setBroadcast(true)
  const heard: string[] = []
  const both = new Promise<void>((done) => {
    member.on('message', (msg) => {
      heard.push(String(msg))
      if (heard.length === 2) done()
    })
  })
  server.send('group', portOf(member), GROUP)
  server.send('broadcast', portOf(member), BROADCAST)
  await both
  expect(heard).toEqual(['group', 'broadcast'])
})
