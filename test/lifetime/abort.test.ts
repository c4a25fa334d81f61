import { getEventListeners, once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createSocket, PktInfoSocket } from 'udp-dsr'
import { describe, expect, it, onTestFinished } from 'vitest'

const reason = new Error('no longer wanted')

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextTurn()
}

/** A `lookup` that answers when it is told to. */
function slowLookup() {
  let answer: (() => void) | undefined
  return {
    lookup: (_name: string, _options: unknown, callback: (error: null, address: string, family: number) => void) => {
      answer = () => callback(null, '127.0.0.1', 4)
    },
    answer: () => answer?.(),
  }
}

describe('PktInfoSocket.bind with a signal', () => {
  it('aborted before', async () => {
    await expect(PktInfoSocket.bind({ type: 'udp4', signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  it('aborted while binding', async () => {
    const controller = new AbortController()
    const binding = PktInfoSocket.bind({ type: 'udp4', signal: controller.signal })
    controller.abort(reason)
    await expect(binding).rejects.toBe(reason)
    await settle()
    expect(listeners(controller.signal)).toBe(0)
  })

  it('aborted during the look-up, which answers later', async () => {
    const controller = new AbortController()
    const { lookup, answer } = slowLookup()
    const binding = PktInfoSocket.bind({ type: 'udp4', address: 'slow.test', lookup, signal: controller.signal })
    await nextTurn()
    controller.abort(reason)
    await expect(binding).rejects.toBe(reason)
    answer()
    await settle()
    expect(listeners(controller.signal)).toBe(0)
  })

  it('aborted during the look-up, which never answers', async () => {
    const controller = new AbortController()
    const { lookup } = slowLookup()
    const binding = PktInfoSocket.bind({ type: 'udp4', address: 'slow.test', lookup, signal: controller.signal })
    await nextTurn()
    controller.abort(reason)
    await expect(binding).rejects.toBe(reason)
  })

  it('aborted once bound: the socket closes', async () => {
    const controller = new AbortController()
    const socket = await PktInfoSocket.bind({ type: 'udp4', signal: controller.signal })
    const closed = once(socket, 'close')
    controller.abort(reason)
    await closed
    expect(() => socket.address()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })

  it('that fails for another reason leaves no listener on the signal', async () => {
    const { signal } = new AbortController()
    const taken = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
    onTestFinished(() => taken[Symbol.asyncDispose]())
    const { port } = taken.address()
    await expect(PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1', port, signal })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await settle()
    expect(listeners(signal)).toBe(0)
  })
})

describe('createSocket with a signal', () => {
  it('aborted before: it closes', async () => {
    const socket = createSocket({ type: 'udp4', signal: AbortSignal.abort(reason) })
    await once(socket, 'close')
    expect(() => socket.bind()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })

  it('aborted before it is bound', async () => {
    const controller = new AbortController()
    const socket = createSocket({ type: 'udp4', signal: controller.signal })
    socket.setBroadcast(true) // has a descriptor, is not bound
    controller.abort()
    await once(socket, 'close')
  })

  it('closed otherwise: lets go of the signal', async () => {
    const { signal } = new AbortController()
    const sockets = Array.from({ length: 5 }, () => createSocket({ type: 'udp4', signal }))
    expect(listeners(signal)).toBe(5)
    for (const socket of sockets) socket.close()
    await settle()
    expect(listeners(signal)).toBe(0)
  })

  it('aborted with datagrams waiting for the look-up: they are told', async () => {
    const controller = new AbortController()
    const { lookup, answer } = slowLookup()
    const socket = createSocket({ type: 'udp4', signal: controller.signal, lookup })
    const told = new Promise((resolve) => socket.send('x', 9, 'slow.test', resolve))
    await nextTurn()
    controller.abort()
    answer() // of bind's
    await settle()
    answer() // of send's, if it was begun
    await told
    expect(() => socket.address()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })

  it('aborted in traffic, from inside a listener', async () => {
    const controller = new AbortController()
    const socket = await PktInfoSocket.bind({ type: 'udp4', signal: controller.signal })
    let got = 0
    socket.on('message', () => {
      if (++got === 3) controller.abort()
    })
    const from = createSocket('udp4')
    onTestFinished(() => void from.close())
    for (let i = 0; i < 10; i++) from.send('x', socket.address().port, '127.0.0.1')
    await once(socket, 'close')
    await settle()
    expect(got).toBe(3)
  })

  it('aborted while datagrams wait for room in the kernel: their callbacks are called', async () => {
    const controller = new AbortController()
    const socket = await PktInfoSocket.bind({
      type: 'udp4',
      signal: controller.signal,
      sendBufferSize: 1, // the kernel makes some kilobytes of it
      sendQueue: { datagrams: 5 },
    })
    const outcomes: (Error | null)[] = []
    const payload = Buffer.alloc(9000)
    // Nobody is in a hurry on loopback, so the buffer is never full for long: only the limit of the queue is sure.
    for (let i = 0; i < 50; i++)
      socket.send(payload, socket.address().port, '127.0.0.1', (error) => outcomes.push(error))
    controller.abort()
    await once(socket, 'close')
    await settle()
    expect(outcomes).toHaveLength(50)
  })
})

describe('an iterator with a signal', () => {
  it('ends with its reason, and the socket stays open', async () => {
    const controller = new AbortController()
    const socket = await PktInfoSocket.bind({ type: 'udp4' })
    onTestFinished(() => socket[Symbol.asyncDispose]())
    const loop = (async () => {
      for await (const _ of socket.messages({ signal: controller.signal })) expect.unreachable()
    })()
    await nextTurn()
    controller.abort(reason)
    await expect(loop).rejects.toBe(reason)
    expect(socket.listenerCount('message')).toBe(0)
    expect(socket.listenerCount('close')).toBe(0)
    expect(listeners(controller.signal)).toBe(0)
    expect(socket.address().port).toBeGreaterThan(0)
  })

  it('aborted before: throws at the first turn', async () => {
    const socket = await PktInfoSocket.bind({ type: 'udp4' })
    onTestFinished(() => socket[Symbol.asyncDispose]())
    await expect(socket.messages({ signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)
    expect(socket.listenerCount('message')).toBe(0)
  })

  it('lets go of the signal when the loop is left', async () => {
    const { signal } = new AbortController()
    const socket = await PktInfoSocket.bind({ type: 'udp4' })
    onTestFinished(() => socket[Symbol.asyncDispose]())
    socket.send('x', socket.address().port, '127.0.0.1')
    for await (const _ of socket.messages({ signal })) break
    expect(listeners(signal)).toBe(0)
  })
})
