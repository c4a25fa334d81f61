import { AsyncLocalStorage } from 'node:async_hooks'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe } from 'vitest'
import { type Stage, same } from './stage.js'

/** Sends from a connected peer, which puts all of them into the kernel's buffer before anybody can read one. */
async function burst(stage: Stage, to: Socket, ...payloads: string[]): Promise<Socket> {
  const peer = await stage.peer('peer')
  peer.connect(to.address().port, '127.0.0.1')
  await once(peer, 'connect')
  for (const payload of payloads) peer.send(payload)
  return peer
}

describe('message', () => {
  same('payload, source, and the socket as this', async (stage) => {
    const a = await stage.bound('a')
    a.on('message', stage.callback('a', 'message'))
    await burst(stage, a, 'hello', '')
    await stage.entries('a', 2)
  })

  same('the listener that createSocket was given, and others in order', async (stage) => {
    const a = stage.open('a', 'udp4', (msg) => stage.log('a', 'first', msg))
    a.bind(0, '127.0.0.1')
    await once(a, 'listening')
    a.on('message', (msg) => stage.log('a', 'second', msg))
    a.once('message', (msg) => stage.log('a', 'once', msg))
    a.prependListener('message', (msg) => stage.log('a', 'before', msg))
    await burst(stage, a, 'one', 'two')
    await stage.entries('a', 7)
  })

  same('sources of IPv6, and of IPv4 on a dual-stack socket', async (stage) => {
    const a = stage.watch(stage.open('a', 'udp6'), 'message')
    a.bind(0, '::')
    await once(a, 'listening')
    const { port } = a.address()
    const six = await stage.peer('six', 'udp6')
    six.send('IPv6', port, '::1')
    await stage.entries('a', 1)
    const four = await stage.peer('four', 'udp4', '127.0.0.2')
    four.send('IPv4', port, '127.0.0.1')
    await stage.entries('a', 2)
    a.send('back', four.address().port, '::ffff:127.0.0.2', stage.callback('a', 'sent'))
    const [message] = await once(four, 'message')
    stage.log('four', message)
    await stage.entries('a', 3)
  })

  same('a listener added late gets what comes later', async (stage) => {
    const a = await stage.bound('a')
    await burst(stage, a, 'nobody listens')
    await stage.settle()
    a.on('message', stage.callback('a', 'message'))
    await burst(stage, a, 'somebody listens')
    await stage.entries('a', 1)
  })

  same('a listener taken away gets no more', async (stage) => {
    const a = await stage.bound('a')
    const listener = (msg: Buffer) => {
      stage.log('a', 'listener', msg)
      a.off('message', listener)
    }
    a.on('message', listener)
    await burst(stage, a, 'one', 'two')
    await stage.settle()
    await stage.entries('a', 1)
  })

  same('events.once', async (stage) => {
    const a = stage.open('a')
    a.bind(0, '127.0.0.1')
    await once(a, 'listening')
    const received = once(a, 'message')
    await burst(stage, a, 'hello')
    stage.log('a', ...(await received))
    const closed = once(a, 'close')
    a.close()
    stage.log('a', await closed)
  })

  same('messages stay as they were', async (stage) => {
    const a = await stage.bound('a')
    const kept: Buffer[] = []
    a.on('message', (msg) => {
      kept.push(msg)
      stage.log('count', kept.length)
    })
    const peer = await burst(stage, a, 'first', 'second', 'third')
    await stage.entries('count', 3)
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 10; i++) peer.send(`${round} ${i} ${'x'.repeat(1000)}`)
      await stage.entries('count', 3 + (round + 1) * 10)
    }
    stage.log('kept', ...kept.slice(0, 3))
    stage.log(
      'kept',
      kept.length,
      kept.every((msg, i) => i < 3 || msg.length > 1000),
    )
  })
})

describe('a listener that throws', () => {
  afterEach(() => process.setUncaughtExceptionCaptureCallback(null))

  same('the error is uncaught, and the other datagrams still come', async (stage) => {
    process.setUncaughtExceptionCaptureCallback(null)
    process.setUncaughtExceptionCaptureCallback((error) => stage.log('a', 'uncaught', error))
    const a = await stage.bound('a')
    a.on('message', (msg) => {
      stage.log('a', msg)
      if (msg.length < 6) throw new Error(`thrown at ${msg}`)
    })
    await burst(stage, a, 'one', 'two', 'and three')
    await stage.entries('a', 5)
    process.setUncaughtExceptionCaptureCallback(null)
  })

  same('so are errors of "listening", "close" and callbacks', async (stage) => {
    process.setUncaughtExceptionCaptureCallback((error) => stage.log('a', 'uncaught', error))
    const a = stage.open('a')
    a.bind(0, '127.0.0.1', () => {
      throw new Error('thrown in listening')
    })
    await stage.entries('a', 1)
    a.send('x', 9, '127.0.0.1', () => {
      throw new Error('thrown in a callback')
    })
    await stage.entries('a', 2)
    a.close(() => {
      throw new Error('thrown in close')
    })
    await stage.entries('a', 3)
    process.setUncaughtExceptionCaptureCallback(null)
  })

  same('"error" without a listener is uncaught', async (stage) => {
    process.setUncaughtExceptionCaptureCallback((error) => stage.log('a', 'uncaught', error))
    const taken = await stage.peer('taken')
    stage.open('a').bind(taken.address().port, '127.0.0.1')
    await stage.entries('a', 1)
    process.setUncaughtExceptionCaptureCallback(null)
  })
})

describe('AsyncLocalStorage', () => {
  same('listeners run in the context that made the socket, callbacks in that of the call', async (stage) => {
    const context = new AsyncLocalStorage<string>()
    const where = (actor: string, event: string) => () => stage.log(actor, event, context.getStore())
    const peer = await stage.peer('peer')
    const a = context.run('createSocket', () => stage.open('a'))
    context.run('on', () => a.on('message', where('message', 'message')))
    context.run('bind', () => a.bind(0, '127.0.0.1', where('bind', 'listening')))
    await once(a, 'listening')
    for (const call of ['first send', 'second send', 'third send']) {
      context.run(call, () => a.send('x', peer.address().port, '127.0.0.1', where('send', call)))
    }
    a.send('x', peer.address().port, '127.0.0.1', where('send', 'none'))
    await stage.entries('send', 4)
    context.run('peer', () => peer.send('x', a.address().port, '127.0.0.1'))
    await stage.entries('message', 1)
    context.run('connect', () => a.connect(peer.address().port, '127.0.0.1', where('connect', 'connect')))
    await stage.entries('connect', 1)
    context.run('connected send', () => a.send('x', where('send', 'connected')))
    await stage.entries('send', 5)
    context.run('close', () => a.close(where('close', 'close')))
    await stage.entries('close', 1)
  })
})
