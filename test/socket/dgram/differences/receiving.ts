import { AsyncLocalStorage } from 'node:async_hooks'
import dgram from 'node:dgram'
import { once } from 'node:events'
import type { Difference } from './index.js'
import { code } from './sending.js'

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
    async scenario(stage) {
      const a = await stage.bound('a')
      stage.log('a', a instanceof dgram.Socket, '_healthCheck' in a, '_bindState' in a)
      await new AsyncLocalStorage().run({}, () => stage.settle())
    },
    dgram: { a: [[true, true, true]] },
    ours: { a: [[false, false, false]] },
  },
]
