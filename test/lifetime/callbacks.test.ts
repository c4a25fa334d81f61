import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createSocket, type OpenOptions, PktInfoSocket } from 'udp-dsr'
import { describe, expect, it, onTestFinished } from 'vitest'

async function open(options: Partial<OpenOptions> = {}): Promise<PktInfoSocket> {
  const socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1', ...options })
  onTestFinished(() => socket[Symbol.asyncDispose]())
  return socket
}

/** Lets everything happen that is going to. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await nextTurn()
}

/** Sends `count` datagrams that arrive together: staged in one tick, they leave in one system call. */
async function sendTogether(to: PktInfoSocket, count: number): Promise<PktInfoSocket> {
  const from = await open()
  for (let i = 0; i < count; i++) from.send(`datagram ${i}`, to.address().port, '127.0.0.1')
  return from
}

function closes(socket: PktInfoSocket): { readonly count: number } {
  const seen = { count: 0 }
  socket.on('close', () => seen.count++)
  return seen
}

describe('close() inside a listener', () => {
  it('of message: no more of that batch', async () => {
    const socket = await open()
    const closed = closes(socket)
    const got: string[] = []
    socket.on('message', (msg) => {
      got.push(String(msg))
      if (got.length === 2) socket.close()
    })
    await sendTogether(socket, 20)
    await once(socket, 'close')
    await settle()
    expect(got).toEqual(['datagram 0', 'datagram 1'])
    expect(closed.count).toBe(1)
    expect(socket.stats()).toMatchObject({ received: 20, sendErrors: 0 })
    expect(() => socket.address()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })

  it('of message: later listeners of the same datagram still hear it', async () => {
    const socket = await open()
    let heard = 0
    socket.on('message', () => socket.close())
    socket.on('message', () => heard++)
    await sendTogether(socket, 5)
    await once(socket, 'close')
    expect(heard).toBe(1)
  })

  it('of batch: message listeners get nothing of it, and the batch is over', async () => {
    const socket = await open()
    let messages = 0
    let batches = 0
    let kept: { length: number } | undefined
    socket.on('message', () => messages++)
    socket.on('batch', (batch) => {
      batches++
      kept = batch
      socket.close()
      expect(batch.length).toBe(0)
      expect(() => batch.payload(0)).toThrow(RangeError)
    })
    await sendTogether(socket, 20)
    await once(socket, 'close')
    await settle()
    expect({ messages, batches }).toEqual({ messages: 0, batches: 1 })
    expect(kept?.length).toBe(0)
  })

  it('of batch: replies that were queued before are sent', async () => {
    const socket = await open()
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
      socket.close()
    })
    const from = await sendTogether(socket, 3)
    const answers: string[] = []
    await new Promise<void>((resolve) => {
      from.on('message', (msg) => {
        answers.push(String(msg))
        if (answers.length === 3) resolve()
      })
    })
    expect(answers).toEqual(['datagram 0', 'datagram 1', 'datagram 2'])
  })

  it('of listening', async () => {
    const socket = createSocket('udp4')
    const closed = closes(socket)
    socket.bind(0, () => socket.close())
    await once(socket, 'close')
    await settle()
    expect(closed.count).toBe(1)
  })

  it('of listening, with datagrams waiting to be sent: they are sent first', async () => {
    const to = await open()
    const socket = createSocket('udp4')
    socket.once('listening', () => socket.close())
    const told = new Promise((resolve) => socket.send('x', to.address().port, '127.0.0.1', resolve))
    await once(socket, 'close')
    expect(await told).toBeNull()
    expect(socket.stats().sent).toBe(1)
  })

  it('of close: it is closed already', async () => {
    const socket = await open()
    const failed = new Promise((resolve) => {
      socket.on('close', () => {
        try {
          socket.close()
          resolve(undefined)
        } catch (error) {
          resolve(error)
        }
      })
    })
    socket.close()
    expect(await failed).toMatchObject({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' })
  })

  it('of a send callback', async () => {
    const [socket, to] = [await open(), await open()]
    socket.send('x', to.address().port, '127.0.0.1', () => socket.close())
    await once(socket, 'close')
    expect(socket.stats().sent).toBe(1)
  })

  it('of error', async () => {
    const taken = await open()
    const socket = createSocket('udp4')
    socket.on('error', () => socket.close())
    const closed = new Promise<void>((resolve) => socket.on('close', resolve)) // once() would reject
    socket.bind(taken.address().port, '127.0.0.1')
    await closed
  })

  it('of sendError', async () => {
    const socket = await open()
    let errors = 0
    socket.on('sendError', () => {
      if (errors++ === 0) socket.close()
    })
    for (let i = 0; i < 3; i++) socket.send('x', 9, '255.255.255.255') // without setBroadcast: EACCES
    await once(socket, 'close')
    await settle()
    expect(errors).toBe(3) // what failed is told, closed or not
  })

  it.each(['udp4', 'udp6'] as const)('of peerError (%s)', async (type) => {
    const address = type === 'udp6' ? '::1' : '127.0.0.1'
    const gone = await open({ type, address })
    const { port } = gone.address()
    await gone[Symbol.asyncDispose]()
    const socket = await open({ type, address, receiveErrors: true })
    let errors = 0
    socket.on('peerError', () => {
      if (errors++ === 0) socket.close()
    })
    for (let i = 0; i < 5; i++) socket.send('x', port, address)
    await once(socket, 'close')
    await settle()
    expect(errors).toBeGreaterThan(0)
  })

  it('of connect', async () => {
    const [socket, to] = [createSocket('udp4'), await open()]
    socket.connect(to.address().port, '127.0.0.1', () => socket.close())
    await once(socket, 'close')
  })

  it('inside an iterator loop: the loop ends', async () => {
    const socket = await open()
    const from = await sendTogether(socket, 5)
    const got: string[] = []
    for await (const { msg } of socket) {
      got.push(String(msg))
      if (got.length === 1) socket.close()
    }
    from.close()
    // What had arrived before is not taken away.
    expect(got).toEqual([0, 1, 2, 3, 4].map((i) => `datagram ${i}`))
    expect(socket.listenerCount('message')).toBe(0)
  })

  it('inside a microtask of a listener', async () => {
    const socket = await open()
    let got = 0
    socket.on('message', () => {
      got++
      queueMicrotask(() => {
        if (got > 0) socket.close()
        got = -1000
      })
    })
    await sendTogether(socket, 1)
    await once(socket, 'close')
  })

  it('with await using', async () => {
    let inner: PktInfoSocket
    {
      await using socket = await PktInfoSocket.bind({ type: 'udp4' })
      inner = socket
    }
    expect(() => inner.close()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })
})

describe('closing another socket inside a listener', () => {
  it('takes its datagrams away, not those of this one', async () => {
    const [first, second] = [await open(), await open()]
    const got = { first: 0, second: 0 }
    const both = { first, second }
    // Whichever the loop comes to first closes the other.
    first.on('message', () => {
      if (got.first++ === 0 && got.second === 0) second.close()
    })
    second.on('message', () => {
      if (got.second++ === 0 && got.first === 0) first.close()
    })
    await sendTogether(first, 10)
    await sendTogether(second, 10)
    await new Promise<void>((resolve) => {
      for (const socket of Object.values(both)) socket.once('close', () => resolve())
    })
    await settle()
    expect([got.first, got.second].sort()).toEqual([0, 10])
  })

  it('and opening a new one that gets its descriptor', async () => {
    const [first, second] = [await open(), await open()]
    const opened: PktInfoSocket[] = []
    first.on('message', () => {
      if (opened.length > 0) return
      second.close()
      for (let i = 0; i < 5; i++) {
        const socket = createSocket('udp4')
        opened.push(socket)
        socket.on('message', () => expect.unreachable('a datagram of the closed one'))
        socket.setBroadcast(true) // opens the descriptor at once
        socket.bind(0)
      }
    })
    second.on('message', () => {})
    await sendTogether(first, 3)
    await sendTogether(second, 3)
    await settle()
    for (const socket of opened) socket.close()
    expect(first.stats().received).toBe(3)
  })

  it('closes a hundred from one listener, itself in their midst', async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open()))
    let messages = 0
    let closed = 0
    const done = new Promise<void>((resolve) => {
      for (const socket of sockets) {
        socket.on('close', () => {
          if (++closed === sockets.length) resolve()
        })
        socket.on('message', () => {
          messages++
          for (const other of sockets) other.close()
        })
      }
    })
    const from = await open()
    for (const socket of sockets) from.send('x', socket.address().port, '127.0.0.1')
    await done
    await settle()
    expect(messages).toBe(1)
  })
})

describe('a socket that is closed', () => {
  it('frees its port at once', async () => {
    const socket = await open()
    const { port } = socket.address()
    socket.close()
    const again = await open({ port })
    expect(again.address().port).toBe(port)
  })

  it('drops nothing that was handed over before', async () => {
    const [socket, to] = [await open(), await open()]
    const got: string[] = []
    to.on('message', (msg) => got.push(String(msg)))
    const told: (Error | null)[] = []
    for (let i = 0; i < 5; i++) socket.send(`${i}`, to.address().port, '127.0.0.1', (error) => told.push(error))
    socket.close()
    while (got.length < 5) await nextTurn()
    expect(got).toEqual(['0', '1', '2', '3', '4'])
    expect(told).toEqual([null, null, null, null, null])
  })

  it('refuses everything else with its code, and keeps its counters', async () => {
    const socket = await open()
    socket.close()
    const notRunning = expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' })
    const rinfo = { address: '127.0.0.1', port: 9, local: { address: '127.0.0.1', source: '127.0.0.1' } }
    for (const call of [
      () => socket.bind(),
      () => socket.close(),
      () => socket.address(),
      () => socket.connect(9),
      () => socket.disconnect(),
      () => socket.remoteAddress(),
      () => socket.send('x', 9),
      () => socket.reply('x', rinfo as never),
      () => socket.messages(),
      () => socket.setBroadcast(true),
      () => socket.setTTL(1),
      () => socket.setMulticastTTL(1),
      () => socket.setMulticastLoopback(true),
      () => socket.setMulticastInterface('127.0.0.1'),
      () => socket.addMembership('239.0.0.1'),
      () => socket.dropMembership('239.0.0.1'),
      () => socket.getRecvBufferSize(),
      () => socket.setSendBufferSize(1),
    ]) {
      expect(call, String(call)).toThrow(notRunning)
    }
    expect(socket.ref()).toBe(socket)
    expect(socket.unref()).toBe(socket)
    expect(socket.stats()).toMatchObject({ received: 0, queued: 0 })
    await socket[Symbol.asyncDispose]()
  })
})
