import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { type Batch, PktInfoSocket, type RemoteInfo, type SocketOptions } from '../../src/index.js'
import type { ProxyProtocolOptions } from '../../src/socket/types.js'

const open: PktInfoSocket[] = []

afterEach(async () => {
  for (const socket of open.splice(0)) await socket[Symbol.asyncDispose]()
})

async function bind(options: Partial<SocketOptions> & { address?: string } = {}): Promise<PktInfoSocket> {
  const socket = await PktInfoSocket.bind({ type: 'udp4', ...options })
  open.push(socket)
  return socket
}

/** A server on the wildcard; `proxyProtocol` trusts 127.0.0.1 unless told otherwise. */
function server(proxyProtocol: Partial<ProxyProtocolOptions> = {}, options: Partial<SocketOptions> = {}) {
  return bind({ ...options, proxyProtocol: { trusted: ['127.0.0.1'], ...proxyProtocol } })
}

type Received = [msg: Buffer, rinfo: RemoteInfo]

/** The next so many, which may come in one batch. */
function messages(socket: PktInfoSocket, count: number): Promise<Received[]> {
  const received: Received[] = []
  return new Promise((resolve) => {
    const onMessage = (...message: Received) => {
      if (received.push(message) < count) return
      socket.off('message', onMessage)
      resolve(received)
    }
    socket.on('message', onMessage)
  })
}

/** Version 2, UDP. `192.0.2.1:1000 → 198.51.100.7:53` unless told otherwise. */
function v2(source = '192.0.2.1', sourcePort = 1000, destination = '198.51.100.7', destinationPort = 53): Buffer {
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(sourcePort, 0)
  ports.writeUInt16BE(destinationPort, 2)
  const quad = (text: string) => Buffer.from(text.split('.').map(Number))
  const fixed = Buffer.from('0d0a0d0a000d0a515549540a2112000c', 'hex')
  return Buffer.concat([fixed, quad(source), quad(destination), ports])
}

const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')

/** Cloudflare's: magic, client, proxy, client port, proxy port. */
function spp(client: string, port: number): Buffer {
  const mapped = (text: string) =>
    Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), Buffer.from(text.split('.').map(Number))])
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(port, 0)
  ports.writeUInt16BE(53, 2)
  return Buffer.concat([Buffer.from('56ec', 'hex'), mapped(client), mapped('198.51.100.7'), ports])
}

const said = (header: Uint8Array, text: string): Buffer => Buffer.concat([header, Buffer.from(text)])

describe("mode 'each'", () => {
  it('tells client, proxy and header, and answers bare through the proxy', async () => {
    const socket = await server()
    const proxy = await bind({ address: '127.0.0.1' })
    const got = messages(socket, 1)
    proxy.send(said(v2(), 'question'), socket.address().port, '127.0.0.5')
    const [[msg, rinfo]] = (await got) as [Received]
    expect(msg.toString()).toBe('question')
    expect(rinfo).toMatchObject({
      address: '192.0.2.1',
      family: 'IPv4',
      port: 1000,
      size: 8,
      local: { address: '127.0.0.5', source: '127.0.0.5' },
      via: { address: '127.0.0.1', family: 'IPv4', port: proxy.address().port },
      proxy: {
        version: 'v2',
        command: 'PROXY',
        family: 'IPv4',
        transport: 'DGRAM',
        source: { address: '192.0.2.1', port: 1000 },
        destination: { address: '198.51.100.7', port: 53 },
        tlvs: [],
      },
    })
    const answered = messages(proxy, 2)
    socket.reply('now', rinfo)
    await new Promise(setImmediate)
    socket.reply(['la', 'ter'], rinfo)
    for (const [index, [answer, from]] of (await answered).entries()) {
      expect(answer.toString()).toBe(['now', 'later'][index])
      expect(from).toMatchObject({ address: '127.0.0.5', port: socket.address().port })
    }
    expect(socket.stats().proxy).toEqual({
      accepted: 1,
      untrusted: 0,
      missing: 0,
      invalid: 0,
      sessions: 0,
      evicted: 0,
    })
  })

  it('gives batches the payload behind the header, and answers them in place', async () => {
    const socket = await server()
    const proxy = await bind({ address: '127.0.0.1' })
    const seen: unknown[] = []
    socket.on('batch', (batch: Batch) => {
      for (let i = 0; i < batch.length; i++) {
        const payload = batch.payload(i)
        seen.push([payload.toString(), batch.size(i), batch.client(i), batch.peer(i), batch.proxy(i)?.command])
        expect(batch.rinfo(i)).toMatchObject({ address: batch.client(i).address, via: batch.peer(i) })
        payload[0] = 0x21
        batch.reply(i, payload)
      }
    })
    const answers = messages(proxy, 3)
    for (let i = 0; i < 3; i++) proxy.send(said(v2(`192.0.2.${i}`, i), `?${i}`), socket.address().port, '127.0.0.1')
    expect((await answers).map(([msg]) => msg.toString())).toEqual(['!0', '!1', '!2'])
    const peer = { address: '127.0.0.1', family: 'IPv4', port: proxy.address().port }
    expect(seen).toEqual(
      [0, 1, 2].map((i) => [`?${i}`, 2, { address: `192.0.2.${i}`, family: 'IPv4', port: i }, peer, 'PROXY']),
    )
  })

  it('drops and counts strangers, bare datagrams and broken headers', async () => {
    const socket = await server()
    const proxy = await bind({ address: '127.0.0.1' })
    const stranger = await bind({ address: '127.0.0.9' })
    const { port } = socket.address()
    const got = messages(socket, 1)
    stranger.send(said(v2(), 'forged'), port, '127.0.0.1')
    proxy.send('bare', port, '127.0.0.1')
    proxy.send(Buffer.alloc(0), port, '127.0.0.1')
    proxy.send(v2().subarray(0, 20), port, '127.0.0.1')
    proxy.send(Buffer.concat([v2().fill(0x31, 12, 13), Buffer.from('version 3')]), port, '127.0.0.1')
    proxy.send(said(v2(), 'last'), port, '127.0.0.1')
    expect((await got)[0]![0].toString()).toBe('last')
    expect(socket.stats()).toMatchObject({
      received: 6,
      proxy: { accepted: 1, untrusted: 1, missing: 2, invalid: 2 },
    })
  })

  it('passes strangers and bare datagrams on untouched with required: false', async () => {
    const socket = await server({ required: false })
    const proxy = await bind({ address: '127.0.0.1' })
    const stranger = await bind({ address: '127.0.0.9' })
    const { port } = socket.address()
    const got = messages(socket, 4)
    const forged = said(v2(), 'forged')
    stranger.send(forged, port, '127.0.0.1')
    await once(socket, 'message')
    proxy.send('bare', port, '127.0.0.1')
    await once(socket, 'message')
    proxy.send(v2().subarray(0, 20), port, '127.0.0.1') // broken, so dropped all the same
    proxy.send(Buffer.from([0x0d]), port, '127.0.0.1')
    await once(socket, 'message')
    proxy.send(said(v2(), 'last'), port, '127.0.0.1')
    const [first, bare, short, last] = (await got) as [Received, Received, Received, Received]
    expect(first[0].equals(forged)).toBe(true)
    expect(first[1]).toMatchObject({ address: '127.0.0.9', port: stranger.address().port })
    expect(bare[1]).toMatchObject({ address: '127.0.0.1', port: proxy.address().port })
    for (const [, rinfo] of [first, bare, short]) {
      expect('via' in rinfo).toBe(false)
      expect('proxy' in rinfo).toBe(false)
    }
    expect(last[1].address).toBe('192.0.2.1')
    const answer = messages(stranger, 1)
    socket.reply('to you', first[1])
    expect((await answer)[0]![0].toString()).toBe('to you')
    expect(socket.stats().proxy).toMatchObject({ accepted: 1, untrusted: 1, missing: 2, invalid: 1 })
  })

  it('answers LOCAL as the real peer', async () => {
    const socket = await server()
    const proxy = await bind({ address: '127.0.0.1' })
    const got = messages(socket, 1)
    proxy.send(said(LOCAL, 'are you there?'), socket.address().port, '127.0.0.1')
    const [[msg, rinfo]] = (await got) as [Received]
    expect(msg.toString()).toBe('are you there?')
    expect(rinfo).toMatchObject({ address: '127.0.0.1', port: proxy.address().port, proxy: { command: 'LOCAL' } })
    const answer = messages(proxy, 1)
    socket.reply('yes', rinfo)
    expect((await answer)[0]![0].toString()).toBe('yes')
  })

  it('carries the same SPP header back, from both APIs', async () => {
    const socket = await server({ versions: ['v2', 'spp'] })
    const proxy = await bind({ address: '127.0.0.1' })
    const { port } = socket.address()
    const header = spp('192.0.2.33', 4444)
    const got = messages(socket, 1)
    proxy.send(said(header, 'x'), port, '127.0.0.1')
    const [[, rinfo]] = (await got) as [Received]
    expect(rinfo).toMatchObject({ address: '192.0.2.33', port: 4444, size: 1, proxy: { version: 'spp' } })
    const later = messages(proxy, 2)
    socket.reply('one', rinfo)
    socket.reply(['t', 'wo'], rinfo)
    const sent = await later
    expect(sent.map(([msg]) => msg.toString('latin1'))).toEqual(
      ['one', 'two'].map((text) => said(header, text).toString('latin1')),
    )

    socket.removeAllListeners('message')
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) {
        batch.reply(i, batch.payload(i))
        batch.reply(i, Buffer.from('another'))
      }
    })
    const both = messages(proxy, 3)
    proxy.send(said(header, 'itself'), port, '127.0.0.1')
    proxy.send(said(v2(), 'version 2'), port, '127.0.0.1')
    const [itself, another, bare] = (await both) as [Received, Received, Received]
    expect(itself[0].equals(said(header, 'itself'))).toBe(true)
    expect(another[0].equals(said(header, 'another'))).toBe(true)
    expect(bare[0].toString()).toBe('version 2')
  })

  it("answers the client from the VIP with reply: 'direct'", async () => {
    const socket = await server({ reply: 'direct' })
    const proxy = await bind({ address: '127.0.0.1' })
    const client = await bind({ address: '127.0.0.20' })
    const header = v2('127.0.0.20', client.address().port, '127.0.0.77', socket.address().port)
    const got = messages(socket, 1)
    const batches = once(socket, 'batch') as Promise<[Batch]>
    socket.once('batch', (batch) => batch.reply(0, Buffer.from('batch')))
    const answers = messages(client, 2)
    proxy.send(said(header, 'question'), socket.address().port, '127.0.0.1')
    await batches
    socket.reply('message', (await got)[0]![1])
    for (const [, from] of await answers) {
      expect(from).toMatchObject({ address: '127.0.0.77', port: socket.address().port })
    }
    // A health check has nobody else to be answered to.
    const checked = messages(socket, 1)
    const local = messages(proxy, 1)
    proxy.send(said(LOCAL, '?'), socket.address().port, '127.0.0.1')
    socket.reply('alive', (await checked)[0]![1])
    expect((await local)[0]![0].toString()).toBe('alive')
  })

  it('says what is wrong when the client is of a family that the socket has not', async () => {
    const socket = await server({ reply: 'direct' })
    const proxy = await bind({ address: '127.0.0.1' })
    const v6 = Buffer.concat([
      Buffer.from('0d0a0d0a000d0a515549540a21220024', 'hex'),
      Buffer.from('20010db8000000000000000000000001', 'hex'),
      Buffer.from('20010db8000000000000000000000002', 'hex'),
      Buffer.from('03e80035', 'hex'),
    ])
    socket.on('batch', (batch) => batch.reply(0, batch.payload(0)))
    const failed = once(socket, 'sendError')
    const got = messages(socket, 1)
    proxy.send(said(v6, 'question'), socket.address().port, '127.0.0.1')
    const [[, rinfo]] = (await got) as [Received]
    expect(rinfo).toMatchObject({ address: '2001:db8::1', family: 'IPv6', port: 1000 })
    expect((await failed)[0]).toMatchObject({ code: 'EAFNOSUPPORT', address: '2001:db8::1' })
    const error = await new Promise<unknown>((resolve) => socket.reply('answer', rinfo, resolve))
    expect(error).toMatchObject({ code: 'EAFNOSUPPORT' })
  })

  it('finds a header in each segment of a merged datagram', async () => {
    const socket = await server({}, { gro: true })
    const proxy = await bind({ address: '127.0.0.1', gso: true })
    const got = messages(socket, 20)
    for (let i = 0; i < 20; i++) {
      proxy.send(said(v2(`192.0.2.${i}`), `${i}`.padStart(3)), socket.address().port, '127.0.0.1')
    }
    const received = await got
    expect(received.map(([msg, { address }]) => `${address} ${Number(msg)}`)).toEqual(
      Array.from({ length: 20 }, (_, i) => `192.0.2.${i} ${i}`),
    )
    expect(socket.stats().batches).toBeLessThan(20)
  })

  it('knows trusted IPv4 proxies on a dual-stack socket', async () => {
    const socket = await server({ trusted: ['127.0.0.0/30', '::1'] }, { type: 'udp6' })
    const proxy = await bind({ address: '127.0.0.2' })
    const stranger = await bind({ address: '127.0.0.4' })
    const got = messages(socket, 1)
    stranger.send(said(v2(), 'no'), socket.address().port, '127.0.0.1')
    proxy.send(said(v2(), 'yes'), socket.address().port, '127.0.0.1')
    const [[msg, rinfo]] = (await got) as [Received]
    expect(msg.toString()).toBe('yes')
    expect(rinfo).toMatchObject({ address: '192.0.2.1', family: 'IPv4', via: { address: '::ffff:127.0.0.2' } })
    const answer = messages(proxy, 1)
    socket.reply('answer', rinfo)
    expect((await answer)[0]![0].toString()).toBe('answer')
  })
})

describe("mode 'first'", () => {
  const line = (client: string, port: number) => Buffer.from(`PROXY TCP4 ${client} 198.51.100.7 ${port} 53\r\n`)

  it('remembers the client of a flow, by proxy and by the address asked', async () => {
    const socket = await server({ mode: 'first', versions: ['v1', 'v2'] })
    const a = await bind({ address: '127.0.0.1' })
    const b = await bind({ address: '127.0.0.1' })
    const { port } = socket.address()
    const clients: string[] = []
    socket.on('message', (msg, rinfo) => {
      clients.push(`${msg} ${rinfo.address}:${rinfo.port}`)
      socket.reply(msg, rinfo)
    })
    const send = async (from: PktInfoSocket, payload: Uint8Array | string, to = '127.0.0.1') => {
      const answer = once(from, 'message')
      from.send(payload, port, to)
      await answer
    }
    await send(a, said(line('192.0.2.1', 1), 'a1'))
    await send(b, said(v2('192.0.2.2', 2), 'b1'))
    await send(a, 'a2')
    await send(b, 'b2')
    // The same proxy's end towards another address of ours is another flow.
    await send(a, said(v2('192.0.2.3', 3), 'c1'), '127.0.0.2')
    await send(a, 'a3')
    await send(a, 'c2', '127.0.0.2')
    expect(clients).toEqual([
      'a1 192.0.2.1:1',
      'b1 192.0.2.2:2',
      'a2 192.0.2.1:1',
      'b2 192.0.2.2:2',
      'c1 192.0.2.3:3',
      'a3 192.0.2.1:1',
      'c2 192.0.2.3:3',
    ])
    expect(socket.stats().proxy).toMatchObject({ accepted: 7, sessions: 3, evicted: 0 })
  })

  it('takes a header alone for the beginning of a session, and a later one for payload', async () => {
    const socket = await server({ mode: 'first' })
    const proxy = await bind({ address: '127.0.0.1' })
    const { port } = socket.address()
    const got = messages(socket, 1)
    proxy.send(v2('192.0.2.9', 9), port, '127.0.0.1')
    proxy.send('first', port, '127.0.0.1')
    const [[msg, rinfo]] = (await got) as [Received]
    expect([msg.toString(), rinfo.address]).toEqual(['first', '192.0.2.9'])
    // What a client sends reaches us behind the proxy's header: it may look like one, and must not be believed.
    const forged = messages(socket, 1)
    proxy.send(said(v2('192.0.2.66', 66), 'forged'), port, '127.0.0.1')
    const [[payload, from]] = (await forged) as [Received]
    expect(from.address).toBe('192.0.2.9')
    expect(payload.equals(said(v2('192.0.2.66', 66), 'forged'))).toBe(true)
  })

  it('drops what belongs to no session', async () => {
    const socket = await server({ mode: 'first', sessions: { limit: 2, idleTimeout: 60_000 } })
    const { port } = socket.address()
    const proxies = await Promise.all([1, 2, 3].map(() => bind({ address: '127.0.0.1' })))
    const [a, b, c] = proxies as [PktInfoSocket, PktInfoSocket, PktInfoSocket]
    const ask = async (proxy: PktInfoSocket, payload: Uint8Array) => {
      const got = messages(socket, 1)
      proxy.send(payload, port, '127.0.0.1')
      return (await got)[0]![1].address
    }
    a.send('too early', port, '127.0.0.1')
    expect(await ask(a, said(v2('192.0.2.1'), 'a'))).toBe('192.0.2.1')
    expect(await ask(b, said(v2('192.0.2.2'), 'b'))).toBe('192.0.2.2')
    expect(await ask(a, Buffer.from('a'))).toBe('192.0.2.1')
    expect(await ask(c, said(v2('192.0.2.3'), 'c'))).toBe('192.0.2.3') // b was idle longest
    b.send('forgotten', port, '127.0.0.1')
    expect(await ask(a, Buffer.from('a'))).toBe('192.0.2.1')
    expect(socket.stats().proxy).toMatchObject({ accepted: 5, missing: 2, sessions: 2, evicted: 1 })
  })

  it('keeps a session while it is answered', async () => {
    const socket = await server({ mode: 'first', sessions: { idleTimeout: 400 } })
    const proxy = await bind({ address: '127.0.0.1' })
    const { port } = socket.address()
    const first = messages(socket, 1)
    proxy.send(said(v2('192.0.2.1'), '1'), port, '127.0.0.1')
    const [[, rinfo]] = (await first) as [Received]
    const pushes = messages(proxy, 6)
    for (let i = 0; i < 6; i++) {
      socket.reply('push', rinfo)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await pushes
    const second = messages(socket, 1)
    proxy.send('2', port, '127.0.0.1')
    expect((await second)[0]![1].address).toBe('192.0.2.1')
  })

  it('forgets a session that was idle too long', async () => {
    const socket = await server({ mode: 'first', sessions: { idleTimeout: 30 } })
    const proxy = await bind({ address: '127.0.0.1' })
    const { port } = socket.address()
    const first = messages(socket, 1)
    proxy.send(said(v2('192.0.2.1'), '1'), port, '127.0.0.1')
    await first
    await new Promise((resolve) => setTimeout(resolve, 60))
    const second = messages(socket, 1)
    proxy.send('lost', port, '127.0.0.1')
    proxy.send(said(v2('192.0.2.2'), '2'), port, '127.0.0.1')
    const [[msg, rinfo]] = (await second) as [Received]
    expect([msg.toString(), rinfo.address]).toEqual(['2', '192.0.2.2'])
    expect(socket.stats().proxy).toMatchObject({ accepted: 2, missing: 1, sessions: 1 })
  })
})

describe('the option', () => {
  const make = (proxyProtocol: unknown) => () =>
    new PktInfoSocket({ type: 'udp4', proxyProtocol: proxyProtocol as ProxyProtocolOptions })
  const trusted = ['127.0.0.1']

  it.each<[string, unknown, string, RegExp]>([
    ['nothing', null, 'ERR_INVALID_ARG_TYPE', /proxyProtocol" property must be of type object/],
    ['no trusted', {}, 'ERR_INVALID_ARG_TYPE', /trusted" property must be .*There is no default/],
    ['trusted as text', { trusted: '10.0.0.0/8' }, 'ERR_INVALID_ARG_TYPE', /trusted/],
    ['trusted nobody', { trusted: [] }, 'ERR_INVALID_ARG_VALUE', /at least one/],
    ['trusted name', { trusted: ['proxy.example'] }, 'ERR_INVALID_ARG_VALUE', /trusted\[0\].*IP address or CIDR/],
    ['trusted prefix', { trusted: ['::1', '10.0.0.0/33'] }, 'ERR_OUT_OF_RANGE', /trusted\[1\].*\/0 to \/32/],
    ['version', { trusted, versions: ['v3'] }, 'ERR_INVALID_ARG_VALUE', /versions\[0\].*v1, v2, spp/],
    ['no version', { trusted, versions: [] }, 'ERR_INVALID_ARG_VALUE', /versions.*at least one of v1, v2, spp/],
    ['mode', { trusted, mode: 'last' }, 'ERR_INVALID_ARG_VALUE', /'each', 'first'/],
    ['first with SPP', { trusted, mode: 'first', versions: ['spp'] }, 'ERR_INVALID_ARG_VALUE', /SPP/],
    ['reply', { trusted, reply: 'vip' }, 'ERR_INVALID_ARG_VALUE', /'proxy', 'direct'/],
    ['switch', { trusted, required: 'no' }, 'ERR_INVALID_ARG_TYPE', /required/],
    ['unknown', { trusted, requred: false }, 'ERR_UNKNOWN_OPTION', /proxyProtocol\.required/],
    ['limit', { trusted, sessions: { limit: 0 } }, 'ERR_OUT_OF_RANGE', /sessions\.limit/],
    ['unknown limit', { trusted, sessions: { timeout: 1 } }, 'ERR_UNKNOWN_OPTION', /idleTimeout|limit/],
  ])('refuses %s', (_, given, code, message) => {
    expect(make(given)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }))
  })
})
