import { setImmediate as nextTurn } from 'node:timers/promises'
import { PktInfoSocket } from 'udp-dsr'
import { describe, expect, it, onTestFinished } from 'vitest'

async function open(): Promise<PktInfoSocket> {
  const socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
  onTestFinished(() => socket[Symbol.asyncDispose]())
  return socket
}

/** Sends to itself, and waits until all has arrived. */
async function sendToSelf(socket: PktInfoSocket, count: number): Promise<void> {
  const before = socket.stats().received
  for (let i = 0; i < count; i++) socket.send(`${before + i}`, socket.address().port, '127.0.0.1')
  while (socket.stats().received < before + count) await nextTurn()
}

function listeners(socket: PktInfoSocket): number[] {
  return (['message', 'close', 'error'] as const).map((event) => socket.listenerCount(event))
}

describe('an iterator', () => {
  it('left by break takes its listeners with it, and the next one begins anew', async () => {
    const socket = await open()
    for (let round = 0; round < 50; round++) {
      const iterator = socket.messages()
      await sendToSelf(socket, 3)
      for await (const { msg } of iterator) {
        expect(String(msg)).toBe(`${round * 3}`)
        break
      }
      expect(listeners(socket)).toEqual([0, 0, 0])
    }
  })

  it('left by a throw takes its listeners with it', async () => {
    const socket = await open()
    const loop = async () => {
      for await (const _ of socket) throw new Error('enough')
    }
    const ended = expect(loop()).rejects.toThrow('enough')
    await sendToSelf(socket, 1)
    await ended
    expect(listeners(socket)).toEqual([0, 0, 0])
  })

  it('waiting when return() is called ends', async () => {
    const socket = await open()
    const iterator = socket.messages()
    const first = iterator.next()
    const second = iterator.next()
    await iterator.return?.()
    expect([(await first).done, (await second).done]).toEqual([true, true])
    expect((await iterator.next()).done).toBe(true)
  })

  it('shares with others: each gets every datagram', async () => {
    const socket = await open()
    const iterators = [socket.messages(), socket.messages(), socket.messages()]
    await sendToSelf(socket, 5)
    for (const iterator of iterators) {
      for (let i = 0; i < 5; i++) expect(String((await iterator.next()).value.msg)).toBe(`${i}`)
      await iterator.return?.()
    }
    expect(listeners(socket)).toEqual([0, 0, 0])
  })

  it('nobody reads keeps what its limit allows, and counts the rest', async () => {
    const socket = await open()
    const iterator = socket.messages({ limit: 10 })
    await sendToSelf(socket, 100)
    expect(socket.stats().droppedByQueue).toBe(90)
    socket.close()
    const kept = []
    for await (const { msg } of iterator) kept.push(String(msg))
    expect(kept).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`))
  })

  it('of a closed socket cannot be made; one that was made before ends', async () => {
    const socket = await open()
    const iterator = socket.messages()
    socket.close()
    expect((await iterator.next()).done).toBe(true)
    expect(() => socket.messages()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
    expect(listeners(socket)).toEqual([0, 0, 0])
  })

  it('throws once what the socket emits as an error, then it is over', async () => {
    const socket = await open()
    const iterator = socket.messages()
    const waiting = iterator.next()
    socket.emit('error', new Error('from the kernel'))
    await expect(waiting).rejects.toThrow('from the kernel')
    expect((await iterator.next()).done).toBe(true)
    expect(listeners(socket)).toEqual([0, 0, 0])
  })

  it('hands out messages that may be kept', async () => {
    const socket = await open()
    const kept: Buffer[] = []
    const iterator = socket.messages()
    for (let round = 0; round < 20; round++) {
      await sendToSelf(socket, 100)
      for (let i = 0; i < 100; i++) kept.push((await iterator.next()).value.msg)
    }
    await iterator.return?.()
    expect(kept.map(String)).toEqual(Array.from({ length: 2000 }, (_, i) => `${i}`))
  })
})
