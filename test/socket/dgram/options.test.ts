import dgram from 'node:dgram'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { PktInfoSocket } from 'udp-dsr'
import { describe, expect, test } from 'vitest'
import { same } from './stage.js'

describe('createSocket', () => {
  test('makes a socket with every method of dgram', () => {
    const methods = Object.getOwnPropertyNames(dgram.Socket.prototype).filter((name) => !name.startsWith('_'))
    expect(methods.length).toBeGreaterThan(25)
    for (const name of methods) expect(PktInfoSocket.prototype, name).toHaveProperty(name)
    expect(PktInfoSocket.prototype[Symbol.asyncDispose]).toBeTypeOf('function')
  })

  same('is told on the diagnostics channel udp.socket', (stage) => {
    const seen: unknown[] = []
    const onSocket = (message: unknown) => seen.push((message as { socket: unknown }).socket)
    subscribe('udp.socket', onSocket)
    const a = stage.open('a')
    unsubscribe('udp.socket', onSocket)
    stage.open('b')
    stage.log('channel', seen.length, seen[0] === a)
  })

  same('types', (stage) => {
    for (const type of ['udp4', 'udp6', { type: 'udp4' }, { type: 'udp6' }]) {
      stage.attempt('a', 'open', () => stage.open('socket', type as 'udp4').constructor.name.length > 0)
    }
  })

  same('types that do not exist', (stage) => {
    for (const type of [undefined, null, '', 'udp', 'UDP4', 5, {}, { type: 'udp5' }, { type: null }, []]) {
      stage.attempt('a', 'open', () => stage.open('socket', type as 'udp4'))
    }
  })

  same('a listener, and what is none', async (stage) => {
    const a = stage.open('a', 'udp4', () => {})
    stage.log('a', a.listenerCount('message'))
    for (const none of [undefined, null, 5, {}]) {
      const socket = stage.open('none', 'udp4', none as undefined)
      stage.log('none', socket.listenerCount('message'))
    }
  })

  same('option values of the wrong kind', (stage) => {
    for (const options of [
      { lookup: 5 },
      { lookup: null },
      { recvBufferSize: 'big' },
      { recvBufferSize: -1 },
      { recvBufferSize: 1.5 },
      { recvBufferSize: 2 ** 32 },
      { sendBufferSize: {} },
      { sendBufferSize: Number.POSITIVE_INFINITY },
      { recvBufferSize: 0, sendBufferSize: 0 },
      { recvBufferSize: undefined, reuseAddr: undefined, ipv6Only: undefined, lookup: undefined, signal: undefined },
    ]) {
      stage.attempt('a', 'open', () => stage.open('socket', { type: 'udp4', ...options }).constructor.name.length > 0)
    }
  })
})

describe('buffer sizes', () => {
  same('options are in force when bound', async (stage) => {
    const a = await stage.bound('a', { type: 'udp4', recvBufferSize: 10_000, sendBufferSize: 12_000 })
    stage.log('a', a.getRecvBufferSize(), a.getSendBufferSize())
    const b = await stage.bound('b', { type: 'udp6', recvBufferSize: 0, sendBufferSize: undefined })
    stage.log('b', b.getRecvBufferSize(), b.getSendBufferSize())
  })

  same('may be set later', async (stage) => {
    const a = await stage.bound('a')
    stage.attempt('a', 'setRecvBufferSize', () => a.setRecvBufferSize(20_000))
    stage.attempt('a', 'setSendBufferSize', () => a.setSendBufferSize(22_000))
    stage.log('a', a.getRecvBufferSize(), a.getSendBufferSize())
    stage.attempt('a', 'more than the sysctl allows', () => a.setRecvBufferSize(0x7fffffff))
    stage.log('a', a.getRecvBufferSize())
  })

  for (const size of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 'Doh!', null, undefined, {}, true]) {
    same(`${size} is none`, async (stage) => {
      const a = await stage.bound('a')
      stage.attempt('a', 'setRecvBufferSize', () => a.setRecvBufferSize(size as number))
      stage.attempt('a', 'setSendBufferSize', () => a.setSendBufferSize(size as number))
    })
  }

  same('0 changes nothing', async (stage) => {
    const a = await stage.bound('a')
    stage.attempt('a', 'setRecvBufferSize', () => a.setRecvBufferSize(0))
    stage.attempt('a', 'setSendBufferSize', () => a.setSendBufferSize(0))
    stage.log('a', a.getRecvBufferSize(), a.getSendBufferSize())
  })

  same('more than an int holds', async (stage) => {
    const a = await stage.bound('a')
    for (const call of [() => a.setRecvBufferSize(2 ** 31), () => a.setSendBufferSize(2 ** 31)]) {
      try {
        stage.log('a', call())
      } catch (error) {
        stage.log('a', (error as NodeJS.ErrnoException).code)
      }
    }
  })

  same('the send queue is empty when the kernel has room', async (stage) => {
    const peer = await stage.peer('peer')
    const a = await stage.bound('a')
    stage.log('a', a.getSendQueueSize(), a.getSendQueueCount())
    a.send('hello', peer.address().port, '127.0.0.1', () => {
      stage.log('a', a.getSendQueueSize(), a.getSendQueueCount())
    })
    await stage.entries('a', 2)
  })
})

describe('switches and hops', () => {
  const values = [0, 1, 64, 255, 256, -1, 1.5, Number.NaN, 1e10, '5', null, undefined, true, {}]
  for (const type of ['udp4', 'udp6'] as const) {
    same(`${type}: setTTL and setMulticastTTL`, async (stage) => {
      const a = await stage.bound('a', type)
      for (const value of values) {
        stage.attempt('a', `setTTL ${value}`, () => a.setTTL(value as number))
        stage.attempt('a', `setMulticastTTL ${value}`, () => a.setMulticastTTL(value as number))
      }
    })

    same(`${type}: setBroadcast and setMulticastLoopback take anything`, async (stage) => {
      const a = await stage.bound('a', type)
      for (const value of [true, false, 1, 0, 16, 'yes', '', null, undefined, {}]) {
        stage.attempt('a', `setBroadcast ${value}`, () => a.setBroadcast(value as boolean))
        stage.attempt('a', `setMulticastLoopback ${value}`, () => a.setMulticastLoopback(value as boolean))
      }
    })
  }
})

describe('ref and unref', () => {
  same('return the socket, at any time', async (stage) => {
    const a = stage.open('a')
    stage.attempt('a', 'unref', () => a.unref())
    stage.attempt('a', 'ref', () => a.ref())
    a.bind(0, '127.0.0.1')
    stage.attempt('a', 'unref', () => a.unref())
    await once(a, 'listening')
    stage.attempt('a', 'ref', () => a.ref())
    stage.attempt('a', 'unref', () => a.unref().ref())
  })
})
