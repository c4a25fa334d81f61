import { getEventListeners, once } from 'node:events'
import type { PktInfoSocket } from 'udp-dsr'
import { describe, expect, test } from 'vitest'
import { bind, connectedClient, portOf, receive } from './kit.js'

const EVENTS = ['message', 'close', 'error', 'batch'] as const

function listeners(socket: PktInfoSocket): number {
  return EVENTS.reduce((sum, event) => sum + socket.listenerCount(event), 0)
}

/** Sends from one tick, and waits until the socket has received all. */
async function deliver(socket: PktInfoSocket, ...payloads: string[]): Promise<void> {
  const peer = await connectedClient(portOf(socket))
  const received = receive(socket, payloads.length)
  for (const payload of payloads) peer.send(payload)
  await received
}

describe('for await', () => {
  test('gives datagrams in order, and leaves no listener behind', async () => {
    const socket = await bind({ type: 'udp4' })
    const peer = await connectedClient(portOf(socket))
    const seen: string[] = []
    setImmediate(() => {
      for (const text of ['a', 'b', 'c']) peer.send(text)
    })
    for await (const { msg, rinfo } of socket) {
      expect(rinfo).toMatchObject({ address: '127.0.0.1', local: { address: '127.0.0.1' } })
      if (seen.push(String(msg)) === 3) break
    }
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(listeners(socket)).toBe(0)
  })

  test('ends when the socket closes, behind what was received', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterator = socket[Symbol.asyncIterator]()
    await deliver(socket, 'a', 'b')
    socket.close()
    const seen: string[] = []
    for await (const { msg } of iterator) seen.push(String(msg))
    expect(seen).toEqual(['a', 'b'])
    expect(await iterator.next()).toEqual({ value: undefined, done: true })
    expect(listeners(socket)).toBe(0)
  })

  test('throws what "error" tells, once', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterator = socket[Symbol.asyncIterator]()
    const waiting = [iterator.next(), iterator.next()]
    socket.emit('error', new Error('broken'))
    await expect(waiting[0]).rejects.toThrow('broken')
    expect(await waiting[1]).toEqual({ value: undefined, done: true })
    expect(listeners(socket)).toBe(0)
  })

  test('an error with nobody waiting comes behind what was received', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterator = socket.messages()
    await deliver(socket, 'a')
    socket.emit('error', new Error('broken'))
    expect((await iterator.next()).value?.msg.toString()).toBe('a')
    await expect(iterator.next()).rejects.toThrow('broken')
    expect((await iterator.next()).done).toBe(true)
  })

  test('leaving it by a throw leaves no listener behind', async () => {
    const socket = await bind({ type: 'udp4' })
    const loop = (async () => {
      for await (const { msg } of socket) throw new Error(String(msg))
    })()
    await deliver(socket, 'thrown')
    await expect(loop).rejects.toThrow('thrown')
    expect(listeners(socket)).toBe(0)
  })

  test('readers that wait get one datagram each', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterator = socket.messages()
    const waiting = [iterator.next(), iterator.next(), iterator.next()]
    await deliver(socket, 'a', 'b')
    socket.close()
    const results = await Promise.all(waiting)
    expect(results.map(({ value }) => value?.msg.toString())).toEqual(['a', 'b', undefined])
  })

  test('two iterators see the same datagrams', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterators = [socket.messages(), socket.messages()]
    await deliver(socket, 'a')
    for (const iterator of iterators) expect((await iterator.next()).value?.msg.toString()).toBe('a')
  })
})

describe('the queue', () => {
  test('is bounded: what comes when it is full is dropped and counted', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterator = socket.messages({ limit: 3 })
    await deliver(socket, 'a', 'b', 'c', 'd', 'e')
    expect(socket.stats()).toMatchObject({ received: 5, droppedByQueue: 2 })
    expect((await iterator.next()).value?.msg.toString()).toBe('a')
    await deliver(socket, 'f', 'g')
    const seen: string[] = []
    socket.close()
    for await (const { msg } of iterator) seen.push(String(msg))
    expect(seen).toEqual(['b', 'c', 'f'])
    expect(socket.stats().droppedByQueue).toBe(3)
  })

  test.each([0, -1, 1.5, '3', null, Number.NaN])('a limit of %s is none', async (limit) => {
    const socket = await bind({ type: 'udp4' })
    expect(() => socket.messages({ limit: limit as number })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/ERR_OUT_OF_RANGE|ERR_INVALID_ARG_TYPE/) }),
    )
    expect(listeners(socket)).toBe(0)
  })

  test('a closed socket has none', async () => {
    const socket = await bind({ type: 'udp4' })
    await socket[Symbol.asyncDispose]()
    expect(() => socket.messages()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })
})

describe('signal', () => {
  test('ends the iteration with its reason; the socket stays open', async () => {
    const socket = await bind({ type: 'udp4' })
    const controller = new AbortController()
    const iterator = socket.messages({ signal: controller.signal })
    const waiting = iterator.next()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(await iterator.next()).toEqual({ value: undefined, done: true })
    expect(listeners(socket)).toBe(0)
    await deliver(socket, 'still open')
  })

  test('aborted before: the first next rejects', async () => {
    const socket = await bind({ type: 'udp4' })
    const iterator = socket.messages({ signal: AbortSignal.abort('no') })
    await expect(iterator.next()).rejects.toBe('no')
    expect(listeners(socket)).toBe(0)
  })

  test('keeps no listener when the iteration ends otherwise', async () => {
    const { signal } = new AbortController()
    const socket = await bind({ type: 'udp4' })
    const one = socket.messages({ signal })
    const two = socket.messages({ signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(2)
    await one.return?.()
    socket.close()
    await once(socket, 'close')
    expect((await two.next()).done).toBe(true)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  test('that is none', async () => {
    const socket = await bind({ type: 'udp4' })
    expect(() => socket.messages({ signal: 'x' as unknown as AbortSignal })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    )
    expect(listeners(socket)).toBe(0)
  })
})
