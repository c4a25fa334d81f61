// Merging of sends (UDP_SEGMENT) and of receives (UDP_GRO): seen from outside by a program of Python's, which shows what
// the kernel was given; and the datagrams are the same with and without.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bind, client, portOf, receive, sent, VIPS_V4 } from './kit.js'

/** Prints the port that it has, then for each message its length and the size of its segments (0: it is one datagram). */
const AGGREGATES = `
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0))
s.setsockopt(socket.IPPROTO_UDP, 104, 1)
print(s.getsockname()[1], flush=True)
while True:
    data, ancillary, flags, peer = s.recvmsg(65536, 64)
    sizes = [struct.unpack('i', c[2][:4])[0] for c in ancillary if c[0] == socket.IPPROTO_UDP and c[1] == 104]
    print(len(data), sizes[0] if sizes else 0, flush=True)
`

/** Sends the bytes 0, 1, 2, … to a port, cut into segments by the kernel. */
const SEGMENTER = `
import socket, sys
port, length, segment = map(int, sys.argv[1:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 103, segment)
s.sendto(bytes(i % 251 for i in range(length)), (sys.argv[4] if len(sys.argv) > 4 else '127.0.0.1', port))
`

/** A receiver that shows what the kernel merged. */
async function witness(): Promise<{ port: number; messages(count: number): Promise<string[]> }> {
  const child: ChildProcess = spawn('python3', ['-c', AGGREGATES], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill())
  const lines: string[] = []
  let rest = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const atLeast = async (count: number) => {
    while (lines.length < count) await once(child.stdout!, 'data')
  }
  await atLeast(1)
  return {
    port: Number(lines[0]),
    async messages(count) {
      await atLeast(count + 1)
      return lines.slice(1)
    },
  }
}

async function segments(port: number, length: number, segment: number): Promise<void> {
  const [code] = await once(
    spawn('python3', ['-c', SEGMENTER, String(port), String(length), String(segment)], { stdio: 'inherit' }),
    'close',
  )
  expect(code).toBe(0)
}

describe('gso', () => {
  test.each([
    ['equal sizes are one message', Array(10).fill(100), ['1000 100']],
    ['the last may be shorter', [100, 100, 40], ['240 100']],
    ['a shorter one ends it, a longer one begins anew', [100, 40, 40, 100], ['140 100', '40 0', '100 0']],
    ['empty datagrams stay alone', [0, 0, 100, 100, 0], ['0 0', '0 0', '200 100', '0 0']],
    ['no more than one datagram holds: 65507 bytes', Array(3).fill(30_000), ['60000 30000', '30000 0']],
    ['the longest datagram stays alone', [65_507, 65_507], ['65507 0', '65507 0']],
  ] as [string, number[], string[]][])('%s', async (_title, sizes, expected) => {
    const { port, messages } = await witness()
    const socket = await bind({ type: 'udp4', gso: true })
    for (const size of sizes) socket.send(Buffer.alloc(size), port, '127.0.0.1')
    expect(await messages(expected.length)).toEqual(expected)
    expect(socket.stats().sent).toBe(sizes.length)
  })

  test('no more than the kernel takes: 64 segments, since Linux 6.9 128', async () => {
    const { port, messages } = await witness()
    const socket = await bind({ type: 'udp4', gso: true })
    for (let i = 0; i < 300; i++) socket.send(Buffer.alloc(10), port, '127.0.0.1')
    let lengths: number[] = []
    while (lengths.reduce((sum, length) => sum + length, 0) < 3000) {
      lengths = (await messages(lengths.length + 1)).map((line) => Number(line.split(' ')[0]))
    }
    expect(lengths.length).toBeLessThanOrEqual(Math.ceil(300 / 64))
    expect(Math.max(...lengths)).toBeLessThanOrEqual(1280)
  })

  test('without it each datagram is a message', async () => {
    const { port, messages } = await witness()
    const socket = await bind({ type: 'udp4' })
    for (let i = 0; i < 3; i++) socket.send('x', port, '127.0.0.1')
    expect(await messages(3)).toEqual(['1 0', '1 0', '1 0'])
  })

  test('only what goes to one peer from one address', async () => {
    const { port, messages } = await witness()
    const other = await client()
    const socket = await bind({ type: 'udp4', gso: true })
    const send = (to: number, address: string) => socket.send('x', to, '127.0.0.1', { from: { address } })
    for (const address of ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.2']) send(port, address)
    send(port, '127.0.0.2')
    send(portOf(other), '127.0.0.2')
    send(port, '127.0.0.2')
    expect(await messages(3)).toEqual(['2 1', '3 1', '1 0'])
  })

  test('callbacks are those of the datagrams', async () => {
    const peer = await client()
    const socket = await bind({ type: 'udp4', gso: true })
    const sizes = [10, 10, 10, 3, 0, 65_508, 10, 10]
    const results = await Promise.allSettled(
      sizes.map((size) => sent((done) => socket.send(Buffer.alloc(size), portOf(peer), '127.0.0.1', done))),
    )
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.code))).toEqual(
      sizes.map((size) => (size === 65_508 ? 'EMSGSIZE' : size)),
    )
  })

  test('echo of a batch is merged', async () => {
    const echo = await bind({ type: 'udp4', gso: true })
    echo.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
    })
    const asker = await bind({ type: 'udp4', gso: true, gro: true })
    const answers = receive(asker, 50)
    for (let i = 0; i < 50; i++) asker.send(Buffer.alloc(100, i), portOf(echo), '127.0.0.5')
    for (const [i, { msg, rinfo }] of (await answers).entries()) {
      expect([msg.length, msg[0], rinfo.address]).toEqual([100, i, '127.0.0.5'])
    }
  })
})

describe('gro', () => {
  test.each([
    [10_000, 1000],
    [9999, 1000],
    [10_001, 1000],
    [128, 2],
    [64, 1],
    [65_000, 1200],
    [500, 1000],
    [1000, 1000],
  ])('%i bytes in segments of %i arrive one by one', async (length, segment) => {
    const server = await bind({ type: 'udp4', gro: true })
    const count = Math.ceil(length / segment)
    const arriving = receive(server, count)
    await segments(portOf(server), length, segment)
    const received = await arriving
    const bytes = Buffer.concat(received.map(({ msg }) => msg))
    expect(bytes.equals(Buffer.from(Array.from({ length }, (_, i) => i % 251)))).toBe(true)
    for (const [i, { msg, rinfo }] of received.entries()) {
      expect(msg.length).toBe(i < count - 1 ? segment : length - segment * (count - 1))
      expect(rinfo).toMatchObject({ size: msg.length, truncated: false, local: { address: '127.0.0.1' } })
    }
    expect(server.stats()).toMatchObject({ received: count, truncated: 0, batches: 1 })
  })
})

describe('any datagrams, merged or not', () => {
  const datagrams = fc.array(
    fc.record({
      vip: fc.constantFrom(...VIPS_V4.slice(0, 3)),
      peer: fc.nat(1),
      size: fc.oneof(fc.constantFrom(0, 1, 100, 100, 100, 1000), fc.nat(2000)),
      run: fc.integer({ min: 1, max: 8 }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  for (const [gso, gro] of [
    [true, true],
    [true, false],
    [false, true],
  ] as const) {
    test(`arrive as they were, each with its addresses (gso: ${gso}, gro: ${gro})`, async () => {
      const sender = await bind({ type: 'udp4', gso })
      const peers = [
        await bind({ type: 'udp4', gro, recvBufferSize: 1 << 20 }),
        await bind({ type: 'udp6', gro, recvBufferSize: 1 << 20 }),
      ] as const
      await fc.assert(
        fc.asyncProperty(datagrams, async (runs) => {
          const wanted: string[][] = [[], []]
          for (const [n, { vip, peer, size, run }] of runs.entries()) {
            for (let i = 0; i < run; i++) wanted[peer]!.push(`${vip} ${size} ${size === 0 ? '' : (n * 16 + i) % 256}`)
          }
          const arriving = peers.map((peer, n) => (wanted[n]!.length === 0 ? [] : receive(peer, wanted[n]!.length)))
          for (const [n, { vip, peer, size, run }] of runs.entries()) {
            for (let i = 0; i < run; i++) sender.send(Buffer.alloc(size, n * 16 + i), portOf(peers[peer]!), vip)
          }
          for (const [n, received] of (await Promise.all(arriving)).entries()) {
            const seen = received.map(({ msg, rinfo }) => {
              expect(msg.every((byte) => byte === msg[0])).toBe(true)
              return `${rinfo.local.address.replace('::ffff:', '')} ${msg.length} ${msg[0] ?? ''}`
            })
            expect(seen).toEqual(wanted[n])
          }
        }),
        { numRuns: 100 },
      )
    })
  }
})
