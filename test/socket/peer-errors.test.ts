// ICMP errors that the loopback interface makes: port unreachable. Routers and MTUs: test/netns/peer-errors.test.ts.
import { once } from 'node:events'
import type { PeerError } from 'udp-dsr'
import { describe, expect, test } from 'vitest'
import { ask, bind, client, portOf, receive, sent } from './kit.js'

async function closedPort(type: 'udp4' | 'udp6'): Promise<number> {
  const socket = await client(type)
  const port = portOf(socket)
  socket.close()
  await once(socket, 'close')
  return port
}

const LOOPBACK = { udp4: '127.0.0.1', udp6: '::1' } as const
const UNREACHABLE = {
  udp4: { origin: 'icmp', type: 3, icmpCode: 3 },
  udp6: { origin: 'icmp6', type: 1, icmpCode: 4 },
} as const

describe.each(['udp4', 'udp6'] as const)('%s', (type) => {
  test('an ICMP error is told as "peerError", with all that is known', async () => {
    const socket = await bind({ type, receiveErrors: true })
    const port = await closedPort(type)
    const told = once(socket, 'peerError') as Promise<[PeerError]>
    socket.send('x', port, LOOPBACK[type])
    expect((await told)[0]).toEqual({
      code: 'ECONNREFUSED',
      errno: -111,
      address: LOOPBACK[type],
      port,
      mtu: 0,
      offender: LOOPBACK[type],
      ...UNREACHABLE[type],
    })
  })

  test('of a connected socket too, and it goes on', async () => {
    const socket = await bind({ type, receiveErrors: true })
    const port = await closedPort(type)
    await new Promise<void>((done) => socket.connect(port, LOOPBACK[type], done))
    const told = once(socket, 'peerError') as Promise<[PeerError]>
    socket.send('x')
    expect((await told)[0]).toMatchObject({ code: 'ECONNREFUSED', port, address: LOOPBACK[type] })
    socket.disconnect()
    const peer = await client(type)
    const arrived = once(peer, 'message')
    socket.send('y', portOf(peer), LOOPBACK[type])
    expect(String((await arrived)[0])).toBe('y')
  })

  test('hits no datagram to somebody else', async () => {
    const socket = await bind({ type, receiveErrors: true })
    const gone = await closedPort(type)
    const peer = await bind({ type })
    const arriving = receive(peer, 50)
    for (let i = 0; i < 50; i++) {
      socket.send('lost', gone, LOOPBACK[type])
      await sent((done) => socket.send(`datagram ${i}`, portOf(peer), LOOPBACK[type], done))
    }
    expect((await arriving).map(({ msg }) => String(msg))).toEqual(
      Array.from({ length: 50 }, (_, i) => `datagram ${i}`),
    )
    expect(socket.stats()).toMatchObject({ sent: 100, sendErrors: 0 })
  })

  test('nobody needs to listen', async () => {
    const socket = await bind({ type, receiveErrors: true })
    socket.on('message', (msg, rinfo) => socket.reply(msg, rinfo))
    const gone = await closedPort(type)
    for (let i = 0; i < 10; i++) socket.send('x', gone, LOOPBACK[type])
    expect(await ask(await client(type), LOOPBACK[type], portOf(socket))).toMatchObject({ text: 'hello' })
  })

  test('without the option an unconnected socket hears nothing of it', async () => {
    const socket = await bind({ type })
    socket.on('message', (msg, rinfo) => socket.reply(msg, rinfo))
    for (const event of ['peerError', 'error', 'sendError'] as const) {
      socket.on(event, (error: unknown) => expect.fail(`${event} ${error}`))
    }
    socket.send('x', await closedPort(type), LOOPBACK[type])
    expect(await ask(await client(type), LOOPBACK[type], portOf(socket))).toMatchObject({ text: 'hello' })
  })
})

test('errors of IPv4 on a dual-stack socket', async () => {
  const socket = await bind({ type: 'udp6', receiveErrors: true })
  const port = await closedPort('udp4')
  const told = once(socket, 'peerError') as Promise<[PeerError]>
  socket.send('x', port, '127.0.0.1')
  expect((await told)[0]).toMatchObject({
    code: 'ECONNREFUSED',
    address: '::ffff:127.0.0.1',
    port,
    origin: 'icmp',
    type: 3,
    icmpCode: 3,
  })
})

test('a broken peer never ends a server that listens to no error', async () => {
  const server = await bind({ type: 'udp4' })
  server.on('message', (msg, rinfo) => {
    server.reply(msg, rinfo)
    server.send('into the void', 9, '198.51.100.1', { from: { address: '198.51.100.2' } })
    server.send(Buffer.alloc(65_508), rinfo.port, rinfo.address)
  })
  const asker = await client()
  for (let i = 0; i < 20; i++) {
    const broken = await client()
    broken.send('gone before the answer', portOf(server), '127.0.0.1', () => broken.close())
    expect(await ask(asker, '127.0.0.4', portOf(server))).toMatchObject({ address: '127.0.0.4' })
  }
  expect(server.stats().sendErrors).toBeGreaterThanOrEqual(40)
})
