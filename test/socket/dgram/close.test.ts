import { once } from 'node:events'
import { describe } from 'vitest'
import { same } from './stage.js'

describe('close', () => {
  same('returns the socket, then tells in the next tick', async (stage) => {
    const a = stage.watch(await stage.bound('a'))
    stage.attempt('a', 'close', () => a.close(stage.callback('a', 'callback')))
    process.nextTick(() => stage.log('a', 'a tick later'))
    stage.log('a', 'the same tick')
    await stage.entries('a', 5)
  })

  same('the port is free at once', async (stage) => {
    const a = await stage.bound('a')
    const { port } = a.address()
    a.close()
    const b = stage.watch(stage.open('b'))
    b.bind(port, '127.0.0.1')
    await stage.entries('b', 1)
  })

  same('twice', async (stage) => {
    const a = await stage.bound('a')
    a.close()
    stage.attempt('a', 'in the same tick', () => a.close())
    await once(a, 'close')
    stage.attempt('a', 'later', () => a.close(stage.callback('a', 'callback')))
    await stage.settle()
  })

  same('a socket that nobody bound', async (stage) => {
    const a = stage.watch(stage.open('a'))
    a.close(stage.callback('a', 'callback'))
    await stage.entries('a', 2)
  })

  same('while binding: no "listening"', async (stage) => {
    const a = stage.watch(stage.open('a'))
    a.bind(0, '127.0.0.1', stage.callback('a', 'bound'))
    a.close(stage.callback('a', 'closed'))
    await stage.entries('a', 2)
    await stage.settle()
  })

  same('while binding by name', async (stage) => {
    const a = stage.watch(stage.open('a'))
    a.bind(0, 'localhost')
    a.close()
    await stage.entries('a', 1)
    await stage.settle()
  })

  same('with a send before bind: it waits until the socket is bound', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(stage.open('a'))
    a.send('x', peer.address().port, '127.0.0.1')
    stage.attempt('a', 'close', () => a.close(stage.callback('a', 'closed')))
    await stage.entries('a', 4)
  })

  same('in a message listener: no more messages', async (stage) => {
    const a = stage.watch(await stage.bound('a'))
    const peer = await stage.peer('peer')
    a.on('message', () => {
      a.close()
      stage.log('a', 'closed')
    })
    peer.connect(a.address().port, '127.0.0.1')
    await once(peer, 'connect')
    for (let i = 0; i < 3; i++) peer.send(`datagram ${i}`)
    await stage.entries('a', 3)
    await stage.settle()
  })

  same('in the callback of a send, and in "listening"', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(await stage.bound('a'))
    a.send('x', peer.address().port, '127.0.0.1', () => a.close())
    await stage.entries('a', 1)
    const b = stage.watch(stage.open('b'))
    b.bind(0, '127.0.0.1', () => b.close())
    await stage.entries('b', 2)
  })

  same('while connecting: no "connect"', async (stage) => {
    const peer = await stage.peer('peer')
    const a = stage.watch(await stage.bound('a'))
    a.connect(peer.address().port, '127.0.0.1', stage.callback('a', 'connected'))
    a.close()
    await stage.entries('a', 1)
    await stage.settle()
  })

  same('methods of a closed socket that say so', async (stage) => {
    const a = await stage.bound('a')
    a.close()
    await once(a, 'close')
    stage.attempt('a', 'address', () => a.address())
    stage.attempt('a', 'remoteAddress', () => a.remoteAddress())
    stage.attempt('a', 'bind', () => a.bind(0))
    stage.attempt('a', 'send', () => a.send('x', 9, '127.0.0.1'))
    stage.attempt('a', 'send a number', () => a.send(5 as unknown as string, 9))
    stage.attempt('a', 'send to port 0', () => a.send('x', 0))
    stage.attempt('a', 'setMulticastInterface', () => a.setMulticastInterface('127.0.0.1'))
    stage.attempt('a', 'addMembership', () => a.addMembership('224.0.0.251'))
    stage.attempt('a', 'dropMembership', () => a.dropMembership('224.0.0.251'))
    stage.attempt('a', 'addSourceSpecificMembership', () => a.addSourceSpecificMembership('127.0.0.1', '232.0.0.1'))
    stage.attempt('a', 'dropSourceSpecificMembership', () => a.dropSourceSpecificMembership('127.0.0.1', '232.0.0.1'))
    stage.attempt('a', 'ref', () => a.ref())
    stage.attempt('a', 'unref', () => a.unref())
    await a[Symbol.asyncDispose]()
    stage.log('a', 'disposed')
  })

  same('Symbol.asyncDispose waits for "close"', async (stage) => {
    const a = stage.watch(await stage.bound('a'))
    const disposed = a[Symbol.asyncDispose]()
    stage.log('a', 'disposing')
    stage.log('a', await disposed)
  })

  same('listeners stay, and may be asked', async (stage) => {
    const a = await stage.bound('a')
    a.on('message', () => {})
    a.close()
    await once(a, 'close')
    stage.log('a', a.listenerCount('message'))
  })
})

describe('signal', () => {
  same('aborted before the socket is made', async (stage) => {
    const a = stage.watch(stage.open('a', { type: 'udp4', signal: AbortSignal.abort() }))
    await stage.entries('a', 1)
    stage.attempt('a', 'bind', () => a.bind(0))
  })

  same('aborted when bound', async (stage) => {
    const controller = new AbortController()
    const a = stage.watch(await stage.bound('a', { type: 'udp4', signal: controller.signal }))
    controller.abort()
    stage.attempt('a', 'address', () => a.address())
    await stage.entries('a', 2)
  })

  same('aborted while binding', async (stage) => {
    const controller = new AbortController()
    const a = stage.watch(stage.open('a', { type: 'udp4', signal: controller.signal }))
    a.bind(0, '127.0.0.1')
    controller.abort()
    await stage.entries('a', 1)
    await stage.settle()
  })

  same('aborted when closed already', async (stage) => {
    const controller = new AbortController()
    const a = stage.watch(await stage.bound('a', { type: 'udp4', signal: controller.signal }))
    a.close()
    await stage.entries('a', 1)
    controller.abort()
    await stage.settle()
  })

  same('that is none', (stage) => {
    for (const signal of [null, 5, 'abort', {}, () => {}]) {
      stage.attempt('a', 'open', () => stage.open('a', { type: 'udp4', signal }))
    }
    const { signal } = new AbortController()
    stage.log('a', 'undefined is fine', stage.open('b', { type: 'udp4', signal: undefined }))
    stage.log('a', 'a signal is fine', stage.open('c', { type: 'udp4', signal }))
  })
})
