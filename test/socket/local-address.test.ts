// Every answer leaves from the address that was asked, whichever way it is sent. IPv6 has only one local address on the
// loopback interface; test/netns/vips.test.ts has more.
import type dgram from 'node:dgram'
import fc from 'fast-check'
import type { Batch, PktInfoSocket, RemoteInfo, SocketOptions } from 'udp-dsr'
import { describe, expect, test } from 'vitest'
import { ask, bind, client, LO, portOf, sent, VIPS_V4, VIPS_V6 } from './kit.js'

/** Ways to answer. Each answers with the address that the server believes to have been asked at. */
const WAYS: Record<string, (server: PktInfoSocket) => void> = {
  reply: (server) => server.on('message', (_msg, rinfo) => server.reply(rinfo.local.address, rinfo)),
  'reply with a callback': (server) =>
    server.on('message', (_msg, rinfo) => server.reply([rinfo.local.address], rinfo, () => {})),
  'reply later': (server) =>
    server.on('message', (_msg, rinfo) => setImmediate(() => server.reply(rinfo.local.address, rinfo))),
  'reply to a copy of rinfo': (server) =>
    server.on('message', (_msg, rinfo) => server.reply(rinfo.local.address, structuredClone(rinfo))),
  'send from': (server) =>
    server.on('message', (_msg, { address, port, local }) =>
      server.send(local.address, port, address, { from: { address: local.address } }),
    ),
  'send from, with a callback': (server) =>
    server.on('message', (_msg, { address, port, local }) =>
      server.send(local.address, port, address, { from: { address: local.address, ifindex: local.ifindex } }, () => {}),
    ),
  'batch.reply': (server) => server.on('batch', (batch) => each(batch, (i) => batch.reply(i, text(batch, i)))),
  'batch.reply in place': (server) =>
    server.on('batch', (batch) =>
      each(batch, (i) => {
        const payload = batch.payload(i)
        batch.reply(i, payload.subarray(0, payload.write(batch.local(i).address)))
      }),
    ),
  'batch.send': (server) =>
    server.on('batch', (batch) =>
      each(batch, (i) => {
        const { address, port } = batch.peer(i)
        batch.send(text(batch, i), port, address, { from: { address: batch.local(i).address } })
      }),
    ),
  'the async iterator': async (server) => {
    for await (const { rinfo } of server) server.reply(rinfo.local.address, rinfo)
  },
}

function each(batch: Batch, visit: (i: number) => void): void {
  for (let i = 0; i < batch.length; i++) visit(i)
}

function text(batch: Batch, i: number): Buffer {
  return Buffer.from(batch.local(i).address)
}

/** Room for the answer, so that it can be written in place. */
const QUESTION = 'x'.repeat(40)

describe.each(Object.entries(WAYS))('%s', (_way, serve) => {
  test('udp4: from each of 8 addresses', async () => {
    const server = await bind({ type: 'udp4' })
    serve(server)
    const asker = await client()
    for (const vip of VIPS_V4) {
      expect(await ask(asker, vip, portOf(server), QUESTION)).toEqual({ text: vip, address: vip, port: portOf(server) })
    }
  })

  test('udp6: from each address, of IPv4 too', async () => {
    const server = await bind({ type: 'udp6' })
    serve(server)
    const four = await client()
    const six = await client('udp6')
    const port = portOf(server)
    for (const vip of VIPS_V6) expect(await ask(six, vip, port, QUESTION)).toEqual({ text: vip, address: vip, port })
    for (const vip of VIPS_V4) {
      const mapped = `::ffff:${vip}`
      expect(await ask(four, vip, port, QUESTION)).toEqual({ text: mapped, address: vip, port })
      expect(await ask(six, mapped, port, QUESTION)).toEqual({ text: mapped, address: mapped, port })
    }
  })

  test('a socket that is bound to one address', async () => {
    const server = await bind({ type: 'udp4', address: '127.0.0.5' })
    serve(server)
    const { address, text } = await ask(await client(), '127.0.0.5', portOf(server), QUESTION)
    expect([address, text]).toEqual(['127.0.0.5', '127.0.0.5'])
  })
})

describe('node:dgram', () => {
  test('answers from one address, whichever is asked: the reason for all this', async () => {
    const server = await client()
    server.on('message', (msg, rinfo) => server.send(msg, rinfo.port, rinfo.address))
    const asker = await client()
    const answers = []
    for (const vip of VIPS_V4) answers.push(await ask(asker, vip, portOf(server)))
    expect(new Set(answers.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']))
  })
})

describe('rinfo', () => {
  const shapes: [SocketOptions['type'], string, dgram.SocketType, string, Partial<RemoteInfo>][] = [
    ['udp4', '127.0.0.7', 'udp4', '127.0.0.2', { address: '127.0.0.2', family: 'IPv4' }],
    ['udp6', '::1', 'udp6', '::1', { address: '::1', family: 'IPv6' }],
    ['udp6', '127.0.0.7', 'udp4', '127.0.0.2', { address: '::ffff:127.0.0.2', family: 'IPv6' }],
  ]
  test.each(shapes)('%s asked at %s', async (type, vip, peerType, peerAddress, peer) => {
    const server = await bind({ type })
    const seen = new Promise<RemoteInfo>((resolve) => server.once('message', (_msg, rinfo) => resolve(rinfo)))
    const asker = await client(peerType, peerAddress)
    asker.send('hello', portOf(server), vip)
    const address = type === 'udp6' && vip.includes('.') ? `::ffff:${vip}` : vip
    expect(await seen).toEqual({
      ...peer,
      port: portOf(asker),
      size: 5,
      local: { address, family: peer.family, port: portOf(server), ifindex: LO, source: address },
      tos: 0,
      ecn: 0,
      truncated: false,
    })
  })

  test('is the same by batch.rinfo, and by the methods for its parts', async () => {
    const server = await bind({ type: 'udp4' })
    const asker = await client('udp4', '127.0.0.2')
    const seen = new Promise((resolve) => {
      server.once('batch', (batch) => {
        const rinfo = batch.rinfo(0)
        const { address, family, port } = batch.peer(0)
        const parts = { address, family, port, size: batch.size(0), local: batch.local(0), tos: batch.tos(0), ecn: 0 }
        resolve([rinfo, { ...parts, truncated: batch.truncated(0) }, String(batch.payload(0)), batch.length])
      })
    })
    asker.send('hello', portOf(server), '127.0.0.4')
    const local = { address: '127.0.0.4', family: 'IPv4', port: portOf(server), ifindex: LO, source: '127.0.0.4' }
    const rinfo = { address: '127.0.0.2', family: 'IPv4', port: portOf(asker), size: 5, local, tos: 0, ecn: 0 }
    const whole = { ...rinfo, truncated: false }
    expect(await seen).toEqual([whole, whole, 'hello', 1])
  })

  test('local.port follows a socket whose port the kernel changes', async () => {
    const server = await bind({ type: 'udp4' })
    const asker = await client('udp4', '127.0.0.2')
    await new Promise<void>((done) => server.connect(portOf(asker), '127.0.0.2', done))
    server.disconnect() // an ephemeral port goes back to the kernel with the connection (connect(2), AF_UNSPEC)
    await sent((done) => server.send('x', portOf(asker), '127.0.0.2', done))
    const seen = new Promise<RemoteInfo>((resolve) => server.once('message', (_msg, rinfo) => resolve(rinfo)))
    asker.send('hello', portOf(server), '127.0.0.3')
    expect((await seen).local.port).toBe(portOf(server))
  })

  test('a reply may be sent by another socket of the same address', async () => {
    const one = await bind({ type: 'udp4', reusePort: true })
    const two = await bind({ type: 'udp4', reusePort: true, port: portOf(one) })
    for (const server of [one, two]) server.on('message', (msg, rinfo) => two.reply(msg, rinfo))
    for (const vip of VIPS_V4) {
      expect(await ask(await client(), vip, portOf(one))).toMatchObject({ address: vip, port: portOf(one) })
    }
    expect(two.stats().sent).toBe(VIPS_V4.length)
  })
})

describe('a source that may not be', () => {
  const stranger = '198.51.100.77'

  test('is an error of the callback, with the remedy', async () => {
    const server = await bind({ type: 'udp4' })
    const send = sent((done) => server.send('x', 9, '127.0.0.1', { from: { address: stranger } }, done))
    await expect(send).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_LOCAL',
      address: stranger,
      message: expect.stringContaining(`ip route add local ${stranger} dev lo`),
    })
    expect(server.stats()).toMatchObject({ sendErrors: 1, sent: 0 })
  })

  test('of IPv6 too, whose command differs', async () => {
    const server = await bind({ type: 'udp6' })
    const mapped = sent((done) => server.send('x', 9, '127.0.0.1', { from: { address: `::ffff:${stranger}` } }, done))
    await expect(mapped).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_LOCAL' })
  })

  test('reply tells "sendError" when there is no callback, and the others leave', async () => {
    const server = await bind({ type: 'udp4' })
    const asker = await client()
    const failed = new Promise((resolve) => server.once('sendError', resolve))
    server.on('message', (msg, rinfo) => {
      server.reply('lost', { ...rinfo, local: { ...rinfo.local, address: stranger, source: stranger } })
      server.reply(msg, rinfo)
    })
    expect(await ask(asker, '127.0.0.6', portOf(server))).toMatchObject({ text: 'hello', address: '127.0.0.6' })
    expect(await failed).toMatchObject({ code: 'ERR_SOURCE_NOT_LOCAL', address: stranger })
  })

  test('that is no address, or of the other family, is an argument error', async () => {
    const [four, six] = [await bind({ type: 'udp4' }), await bind({ type: 'udp6' })]
    for (const address of ['vip', '', '127.0.0', '::1', '127.0.0.1:53']) {
      if (address === '') continue
      expect(() => four.send('x', 9, '127.0.0.1', { from: { address } }), address).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      )
    }
    expect(() => six.send('x', 9, '::1', { from: { address: 'fe80::1%nowhere' } })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
    await four[Symbol.asyncDispose]()
    expect(() => four.send('x', 9, '127.0.0.1', { from: { address: 7 as unknown as string } })).toThrow(TypeError)
  })

  test('reply wants the rinfo of this library', async () => {
    const server = await bind({ type: 'udp4' })
    const rinfo = { address: '127.0.0.1', family: 'IPv4', port: 9, size: 1 } as RemoteInfo
    expect(() => server.reply('x', rinfo)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    await server[Symbol.asyncDispose]()
    expect(() => server.reply('x', rinfo)).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' }))
  })
})

describe('any mixture of addresses, peers and sizes', () => {
  const questions = fc.array(
    fc.record({ vip: fc.constantFrom(...VIPS_V4), peer: fc.nat(3), size: fc.oneof(fc.nat(1500), fc.nat(8000)) }),
    { minLength: 1, maxLength: 20 },
  )
  const servers: [string, (server: PktInfoSocket) => void][] = [
    ['message', (server) => server.on('message', (msg, rinfo) => server.reply(msg, rinfo))],
    ['batch', (server) => server.on('batch', (batch) => each(batch, (i) => batch.reply(i, batch.payload(i))))],
  ]
  for (const gso of [false, true]) {
    test.each(servers)(`comes back as it was, from where it was asked (%s, gso: ${gso})`, async (_name, serve) => {
      const server = await bind({ type: 'udp4', gso, recvBufferSize: 1 << 20 })
      serve(server)
      const peers = [await client(), await client(), await client(), await client()]
      await fc.assert(
        fc.asyncProperty(questions, async (asked) => {
          const answers: string[] = []
          const wanted = asked.map(({ vip, peer, size }, i) => `${peer} ${vip} ${i} ${size}`)
          const all = new Promise<void>((done) => {
            for (const [n, peer] of peers.entries()) {
              peer.removeAllListeners('message')
              peer.on('message', (msg, rinfo) => {
                answers.push(`${n} ${rinfo.address} ${msg.readUInt16BE()} ${msg.length - 2}`)
                if (answers.length === asked.length) done()
              })
            }
          })
          for (const [i, { vip, peer, size }] of asked.entries()) {
            const payload = Buffer.alloc(size + 2, i)
            payload.writeUInt16BE(i)
            peers[peer]!.send(payload, portOf(server), vip)
          }
          await all
          expect(answers.sort()).toEqual(wanted.sort())
        }),
        { numRuns: 60 },
      )
    })
  }
})
