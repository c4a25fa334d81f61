import { once } from 'node:events'
import type { Batch, PktInfoSocket } from 'udp-dsr'
import { afterEach, describe, expect, test } from 'vitest'
import { ask, bind, client, connectedClient, portOf, receive } from './kit.js'

/** Fills the receive buffer of a socket in one tick, so that one batch brings it. */
async function fill(socket: PktInfoSocket, ...payloads: string[]): Promise<void> {
  const peer = await connectedClient(portOf(socket))
  for (const payload of payloads) peer.send(payload)
}

function texts(batch: Batch): string[] {
  return Array.from({ length: batch.length }, (_, i) => String(batch.payload(i)))
}

describe('batch', () => {
  test('brings what one system call brought, in order', async () => {
    const socket = await bind({ type: 'udp4' })
    const batches: string[][] = []
    socket.on('batch', (batch) => batches.push(texts(batch)))
    await fill(socket, 'a', 'b', '', 'd')
    await once(socket, 'batch')
    expect(batches).toEqual([['a', 'b', '', 'd']])
    expect(socket.stats()).toMatchObject({ received: 4, batches: 1 })
  })

  test('message listeners get the same datagrams, behind the batch', async () => {
    const socket = await bind({ type: 'udp4' })
    const seen: string[] = []
    socket.on('message', (msg) => seen.push(`message ${msg}`))
    socket.on('batch', (batch) => seen.push(`batch ${texts(batch)}`))
    const received = receive(socket, 2)
    await fill(socket, 'a', 'b')
    await received
    expect(seen).toEqual(['batch a,b', 'message a', 'message b'])
  })

  test('answers of several kinds leave in the order they were given', async () => {
    const socket = await bind({ type: 'udp4' })
    const other = Buffer.from('own buffer')
    socket.on('batch', (batch) => {
      const { address, port } = batch.peer(0)
      batch.reply(0, batch.payload(0))
      batch.reply(0, other)
      batch.send(Buffer.from('sent'), port, address)
      socket.send('by the socket', port, address)
      batch.reply(0, batch.payload(0).subarray(1, 3))
      other.fill('x') // it was copied
    })
    const asker = await client()
    const answers: string[] = []
    const all = new Promise<void>((done) => {
      asker.on('message', (msg) => {
        answers.push(String(msg))
        if (answers.length === 5) done()
      })
    })
    asker.send('hello', portOf(socket), '127.0.0.2')
    await all
    expect(answers).toEqual(['hello', 'own buffer', 'sent', 'by the socket', 'el'])
  })

  test('a payload may be changed in place before it is sent back', async () => {
    const socket = await bind({ type: 'udp4' })
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) {
        batch.payload(i).reverse()
        batch.reply(i, batch.payload(i))
      }
    })
    expect(await ask(await client(), '127.0.0.1', portOf(socket), 'hello')).toMatchObject({ text: 'olleh' })
  })

  test('a callback of batch.send is no argument of it: failures are told by "sendError"', async () => {
    const socket = await bind({ type: 'udp4' })
    const failed = once(socket, 'sendError')
    socket.on('batch', (batch) => {
      const { address, port } = batch.peer(0)
      batch.send(Buffer.alloc(65_508), port, address)
      batch.reply(0, Buffer.alloc(65_508))
      batch.reply(0, Buffer.from('fine'))
    })
    expect(await ask(await client(), '127.0.0.1', portOf(socket))).toMatchObject({ text: 'fine' })
    expect((await failed)[0]).toMatchObject({ code: 'EMSGSIZE' })
    expect(socket.stats().sendErrors).toBe(2)
  })
})

describe('a batch that is over', () => {
  const gone = expect.objectContaining({ code: 'ERR_OUT_OF_RANGE', message: expect.stringContaining('batch listener') })

  test('refuses every use of its datagrams', async () => {
    const socket = await bind({ type: 'udp4' })
    let kept: Batch | undefined
    socket.once('batch', (batch) => {
      kept = batch
    })
    await fill(socket, 'a')
    await once(socket, 'batch')
    const batch = kept!
    expect(batch.length).toBe(0)
    for (const use of [
      () => batch.payload(0),
      () => batch.size(0),
      () => batch.peer(0),
      () => batch.local(0),
      () => batch.rinfo(0),
      () => batch.tos(0),
      () => batch.truncated(0),
      () => batch.reply(0, Buffer.from('x')),
    ]) {
      expect(use, String(use)).toThrow(gone)
    }
  })

  test('also behind an await, and in the callback of a timer', async () => {
    const socket = await bind({ type: 'udp4' })
    const failed = new Promise((resolve) => {
      socket.once('batch', async (batch) => {
        await null
        try {
          batch.reply(0, Buffer.from('late'))
        } catch (error) {
          resolve(error)
        }
      })
    })
    await fill(socket, 'a')
    expect(await failed).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })

  test('so are indices that it does not have', async () => {
    const socket = await bind({ type: 'udp4' })
    const errors: unknown[] = []
    socket.once('batch', (batch) => {
      for (const i of [1, -1, Number.NaN, undefined as unknown as number, 1e9]) {
        try {
          batch.payload(i)
        } catch (error) {
          errors.push((error as NodeJS.ErrnoException).code)
        }
      }
    })
    await fill(socket, 'a')
    await once(socket, 'batch')
    expect(errors).toEqual(Array(5).fill('ERR_OUT_OF_RANGE'))
  })

  test('a socket closed by the listener sends what it was given, and no more', async () => {
    const socket = await bind({ type: 'udp4' })
    let late: unknown
    socket.on('batch', (batch) => {
      batch.reply(0, Buffer.from('goodbye'))
      socket.close()
      try {
        batch.reply(0, Buffer.from('too late'))
      } catch (error) {
        late = error
      }
    })
    expect(await ask(await client(), '127.0.0.1', portOf(socket))).toMatchObject({ text: 'goodbye' })
    expect(late).toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
  })
})

describe('a batch listener that throws', () => {
  afterEach(() => process.setUncaughtExceptionCaptureCallback(null))

  test('loses neither answers nor later batches', async () => {
    const uncaught: unknown[] = []
    process.setUncaughtExceptionCaptureCallback((error) => uncaught.push(error))
    const socket = await bind({ type: 'udp4' })
    socket.on('batch', (batch) => {
      batch.reply(0, batch.payload(0))
      throw new Error('thrown')
    })
    const asker = await client()
    for (const text of ['one', 'two'])
      expect(await ask(asker, '127.0.0.1', portOf(socket), text)).toMatchObject({ text })
    process.setUncaughtExceptionCaptureCallback(null)
    expect(uncaught).toHaveLength(2)
  })
})

describe('a message', () => {
  test('is its own: it stays as it was while many others come', async () => {
    const socket = await bind({ type: 'udp4' })
    const peer = await connectedClient(portOf(socket))
    const kept: { msg: Buffer; text: string }[] = []
    for (let round = 0; round < 300; round++) {
      const count = 1 + (round % 17)
      const arriving = receive(socket, count)
      for (let i = 0; i < count; i++) peer.send(`${round} ${i} `.repeat(1 + ((round * 31 + i * 7) % 200)))
      for (const { msg } of await arriving) kept.push({ msg, text: String(msg) })
    }
    for (const { msg, text } of kept) expect(String(msg)).toBe(text)
    kept[0]!.msg.fill(0)
    for (const { msg, text } of kept.slice(1)) expect(String(msg)).toBe(text)
  })

  test('that is empty is a Buffer too', async () => {
    const socket = await bind({ type: 'udp4' })
    const arriving = receive(socket, 2)
    await fill(socket, '', 'x')
    const [empty] = await arriving
    expect(empty!.msg).toBeInstanceOf(Buffer)
    expect(empty!.rinfo.size).toBe(0)
  })

  test.each([
    ['udp4', '127.0.0.1', 65_507],
    ['udp6', '::1', 65_527],
  ] as const)('of the greatest length over %s is whole', async (type, address, length) => {
    const [server, sender] = [await bind({ type }), await bind({ type })]
    for (let round = 0; round < 5; round++) {
      const arriving = receive(server)
      sender.send(Buffer.alloc(length, round), portOf(server), address)
      const { msg, rinfo } = (await arriving)[0]!
      expect([msg.length, rinfo.size, rinfo.truncated, msg.every((byte) => byte === round)]).toEqual([
        length,
        length,
        false,
        true,
      ])
    }
    expect(server.stats().truncated).toBe(0)
  })
})
