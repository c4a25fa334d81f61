import { once } from 'node:events'
import { describe } from 'vitest'
import { same } from './stage.js'

/** No resolver is asked for it: a label holds 63 characters (RFC 1035 §2.3.4). */
const NOWHERE = 'x'.repeat(64)

describe('connect', () => {
  same('port, address and callback', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(await stage.bound('a'))
    const { port } = peer.address()
    stage.attempt('a', 'connect', () => a.connect(port, '127.0.0.1', stage.callback('a', 'callback')))
    await stage.entries('a', 3)
    stage.log('a', a.remoteAddress(), a.address())
    stage.log('a', 'listeners', a.listenerCount('connect'))
  })

  same('port and callback, port alone: the loopback address', async (stage) => {
    const peer = await stage.peer('peer')
    const a = await stage.bound('a')
    a.connect(peer.address().port, stage.callback('a', 'callback'))
    await stage.entries('a', 1)
    stage.log('a', a.remoteAddress())
    const b = stage.watch(await stage.bound('b'), 'connect')
    b.connect(peer.address().port)
    await stage.entries('b', 1)
    stage.log('b', b.remoteAddress())
  })

  same('udp6', async (stage) => {
    const peer = await stage.peer('peer', 'udp6')
    const a = stage.watch(await stage.bound('a', 'udp6'), 'connect')
    a.connect(peer.address().port)
    await stage.entries('a', 1)
    stage.log('a', a.remoteAddress())
  })

  same('a socket that is not bound: it gets the local address that leads there', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(stage.open('a'))
    a.connect(peer.address().port, '127.0.0.1')
    await stage.entries('a', 2)
    stage.learn(a)
    stage.log('a', a.address())
  })

  same('a host name', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(await stage.bound('a'), 'connect')
    a.connect(peer.address().port, 'localhost')
    await stage.entries('a', 1)
    stage.log('a', a.remoteAddress())
  })

  same('only the peer is heard, and send needs no address', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const stranger = await stage.peer('stranger')
    const a = stage.watch(await stage.bound('a'), 'message')
    const { port } = a.address()
    a.connect(peer.address().port, '127.0.0.1')
    await once(a, 'connect')
    const bytes = Buffer.from('0123456789')
    a.send('plain')
    a.send('callback', stage.callback('sent', 'callback'))
    a.send(bytes, 1, 2)
    a.send(bytes, 2, 3, stage.callback('sent', 'slice'))
    a.send(['a', 'list'], stage.callback('sent', 'list'))
    a.send([], stage.callback('sent', 'nothing'))
    await stage.entries('peer', 6)
    await stage.entries('sent', 4)
    stranger.send('stranger', port, '127.0.0.1')
    await stage.settle()
    peer.send('peer', port, '127.0.0.1')
    await stage.entries('a', 1)
  })

  same('what may not be given on a connected socket', async (stage) => {
    const peer = await stage.peer('peer')
    const a = await stage.bound('a')
    const { port } = peer.address()
    a.connect(port, '127.0.0.1')
    await once(a, 'connect')
    const bytes = Buffer.from('0123456789')
    const send = a.send as (...args: unknown[]) => void
    stage.attempt('a', 'slice and port', () => send.call(a, bytes, 0, 1, port))
    stage.attempt('a', 'slice, port, address', () => send.call(a, bytes, 0, 1, port, '127.0.0.1'))
    stage.attempt('a', 'slice and address', () => send.call(a, bytes, 0, 1, undefined, '127.0.0.1'))
    stage.attempt('a', 'port, address, callback', () => send.call(a, bytes, port, '127.0.0.1', () => {}))
    stage.attempt('a', 'outside', () => send.call(a, bytes, 0, 11))
    stage.attempt('a', 'no payload', () => send.call(a, 5))
    stage.attempt('a', 'bad list', () => send.call(a, [5]))
    stage.attempt('a', 'connect again', () => a.connect(port, '127.0.0.1'))
    stage.attempt('a', 'connect again with a bad port', () => a.connect(0, '127.0.0.1'))
  })

  same('while it is connecting, it is not connected', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const a = await stage.bound('a')
    a.connect(peer.address().port, '127.0.0.1')
    stage.attempt('a', 'connect again', () => a.connect(peer.address().port))
    stage.attempt('a', 'remoteAddress', () => a.remoteAddress())
    stage.attempt('a', 'disconnect', () => a.disconnect())
    stage.attempt('a', 'send', () => a.send('connecting'))
    await once(a, 'connect')
    a.send('to the peer')
    await stage.entries('peer', 1)
  })

  same('wrong arguments', async (stage) => {
    const a = await stage.bound('a')
    const connect = a.connect as (...args: unknown[]) => void
    for (const args of [[], [0], [-1], [65_536], ['x'], [null], [() => {}], [9, 5], [9, null], [9, {}]]) {
      stage.attempt('a', 'connect', () => connect.apply(a, args))
    }
    stage.attempt('a', 'still not connected', () => a.remoteAddress())
  })

  same('what fails comes to the callback, else to "error", and the socket may connect elsewhere', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(await stage.bound('a'))
    a.connect(9, '::1', stage.callback('a', 'callback'))
    await stage.entries('a', 1)
    a.connect(9, '::1')
    await stage.entries('a', 2)
    a.connect(9, '255.255.255.255', stage.callback('a', 'broadcast'))
    await stage.entries('a', 3)
    stage.log('a', 'listeners', a.listenerCount('connect'))
    a.connect(peer.address().port, '127.0.0.1', stage.callback('a', 'callback'))
    await stage.entries('a', 6)
  })

  same('a name that does not resolve', async (stage) => {
    const a = stage.watch(await stage.bound('a'))
    a.connect(9, NOWHERE, stage.callback('a', 'callback'))
    await stage.entries('a', 1)
    stage.attempt('a', 'disconnect', () => a.disconnect())
  })
})

describe('disconnect', () => {
  same('takes the peer off', async (stage) => {
    const peer = stage.watch(await stage.peer('peer'), 'message')
    const other = stage.watch(await stage.peer('other'), 'message')
    const port = await stage.freePort('a')
    const a = await stage.bound('a', 'udp4', { port })
    a.connect(peer.address().port, '127.0.0.1')
    await once(a, 'connect')
    a.send('connected')
    stage.attempt('a', 'disconnect', () => a.disconnect())
    stage.attempt('a', 'remoteAddress', () => a.remoteAddress())
    stage.attempt('a', 'disconnect', () => a.disconnect())
    stage.attempt('a', 'send', () => a.send('nowhere'))
    stage.log('a', a.address())
    a.send('free', other.address().port, '127.0.0.1')
    await stage.entries('peer', 1)
    await stage.entries('other', 1)
    a.connect(other.address().port, '127.0.0.1')
    await once(a, 'connect')
    stage.log('a', a.remoteAddress())
  })

  same('a socket that never was connected', async (stage) => {
    const a = await stage.bound('a')
    stage.attempt('a', 'disconnect', () => a.disconnect())
    stage.attempt('a', 'remoteAddress', () => a.remoteAddress())
    const unbound = stage.open('unbound')
    stage.attempt('unbound', 'disconnect', () => unbound.disconnect())
    stage.attempt('unbound', 'remoteAddress', () => unbound.remoteAddress())
  })
})

describe('a connected peer that is not there', () => {
  same('"error" tells it, when somebody listens, and the socket goes on', async (stage) => {
    const port = await stage.freePort()
    const a = await stage.bound('a')
    a.connect(port, '127.0.0.1')
    await once(a, 'connect')
    a.on('error', (error: NodeJS.ErrnoException) => stage.log('a', error.code, error.errno, error.syscall))
    a.send('x', stage.callback('a', 'sent'))
    await stage.entries('a', 2)
    const peer = await stage.peer('peer')
    a.disconnect()
    a.connect(peer.address().port, '127.0.0.1')
    await once(a, 'connect')
    a.on('message', stage.callback('a', 'message'))
    peer.send('back', a.address().port, '127.0.0.1')
    await stage.entries('a', 3)
  })
})
