import dgram from 'node:dgram'
import { once } from 'node:events'
import type { Difference } from './index.js'
import { code } from './sending.js'

/** Whether dgram's bind listens to 'error' for itself. */
const SWALLOWS = (() => {
  const probe = dgram.createSocket('udp4').bind(0, '127.0.0.1', () => probe.close())
  return probe.listenerCount('error') > 0
})()

export const receiving: Difference[] = [
  {
    title: 'A receive error crashes nobody',
    why: 'A connected peer that goes away makes dgram emit "error", and a program that does not listen ends. One client must not end a server.',
    async scenario(stage) {
      process.setUncaughtExceptionCaptureCallback((error) => stage.log('uncaught', code(error)))
      const a = await stage.bound('a')
      a.connect(await stage.freePort(), '127.0.0.1')
      await once(a, 'connect')
      a.send('x')
      await stage.settle()
      process.setUncaughtExceptionCaptureCallback(null)
      stage.log('a', 'goes on')
    },
    dgram: { uncaught: [['ECONNREFUSED']], a: [['goes on']] },
    ours: { a: [['goes on']] },
  },
  {
    title: 'Microtasks and ticks run once for each batch',
    why: 'The datagrams of one recvmmsg are handed over in one go; promises and ticks that their listeners make run behind the last of them.',
    async scenario(stage) {
      const a = await stage.bound('a')
      a.on('message', (msg) => {
        stage.log('a', 'message', msg)
        queueMicrotask(() => stage.log('a', 'microtask', msg))
        process.nextTick(() => stage.log('a', 'tick', msg))
      })
      const peer = await stage.peer('peer')
      peer.connect(a.address().port, '127.0.0.1')
      await once(peer, 'connect')
      for (const payload of ['1', '2']) peer.send(payload)
      await stage.entries('a', 6)
    },
    dgram: {
      a: ['1', '2'].flatMap((n) => [
        ['message', n],
        ['tick', n],
        ['microtask', n],
      ]),
    },
    ours: {
      a: ['message', 'tick', 'microtask'].flatMap((what) => [
        [what, '1'],
        [what, '2'],
      ]),
    },
  },
  {
    title: 'rinfo says more',
    why: 'That is what this library is for: the address that the datagram came to, its TOS and ECN bits, and whether it was cut.',
    async scenario(stage) {
      const a = await stage.bound('a')
      a.on('message', (_msg, rinfo) => stage.log('a', ...Object.keys(rinfo)))
      const peer = await stage.peer('peer')
      peer.send('x', a.address().port, '127.0.0.1')
      await stage.entries('a', 1)
    },
    dgram: { a: [['address', 'family', 'port', 'size']] },
    ours: { a: [['address', 'family', 'port', 'size', 'local', 'tos', 'ecn', 'truncated']] },
  },
  {
    title: 'Another class, and no underscores',
    why: 'A dgram.Socket is bound to libuv. Of its deprecated insides (_handle, _receiving, …) there is nothing.',
    scenario(stage) {
      const a = stage.open('a')
      stage.log('a', a instanceof dgram.Socket)
    },
    dgram: { a: [[true]] },
    ours: { a: [[false]] },
  },
  {
    title: 'An error of bind is not swallowed by its callback',
    why: 'The listener by which dgram before Node 24 forgets the callback counts as one of the program: nobody is told.',
    async scenario(stage) {
      process.setUncaughtExceptionCaptureCallback((error) => stage.log('a', 'uncaught', code(error)))
      const taken = await stage.peer('taken')
      stage.open('a').bind(taken.address().port, '127.0.0.1', () => {})
      await stage.settle()
      process.setUncaughtExceptionCaptureCallback(null)
      stage.log('a', 'goes on')
    },
    dgram: { a: SWALLOWS ? [['goes on']] : [['uncaught', 'EADDRINUSE'], ['goes on']] },
    ours: { a: [['uncaught', 'EADDRINUSE'], ['goes on']] },
  },
]
