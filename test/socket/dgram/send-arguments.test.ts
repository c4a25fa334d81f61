import dgram from 'node:dgram'
import { type LookupOptions, lookup } from 'node:dns'
import { once } from 'node:events'
import fc from 'fast-check'
import { createSocket } from 'udp-dsr'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** One side, with a peer that says what came. */
interface Pair {
  socket: dgram.Socket
  peer: dgram.Socket
  arrived: string[]
  /** Resolves when no name is being looked up for the socket. */
  lookedUp(): Promise<void>
}

async function makePair(create: typeof dgram.createSocket, connected: boolean): Promise<Pair> {
  const lookups = new Set<Promise<void>>()
  const countedLookup = (name: string, options: LookupOptions, callback: (...result: never[]) => void) => {
    const done = new Promise<void>((resolve) =>
      lookup(name, options, (...result) => {
        callback(...(result as unknown as never[]))
        resolve()
      }),
    ).then(() => void lookups.delete(done))
    lookups.add(done)
  }
  const peer = dgram.createSocket('udp4')
  const arrived: string[] = []
  peer.on('message', (msg) => arrived.push(msg.toString('latin1')))
  const socket = create({ type: 'udp4', lookup: countedLookup as never })
  for (const each of [peer, socket]) each.bind(0, '127.0.0.1')
  await Promise.all([once(peer, 'listening'), once(socket, 'listening')])
  if (connected) {
    socket.connect(peer.address().port, '127.0.0.1')
    await once(socket, 'connect')
  }
  // A datagram to a closed port may come back as an error to the connected ones.
  socket.on('error', () => {})
  return {
    socket,
    peer,
    arrived,
    async lookedUp() {
      while (lookups.size > 0) await Promise.all(lookups)
    },
  }
}

/** Enough to meet each pair of places and values often. */
const RUNS = 1500

/** Stands for the port of the peer, which differs between the sides. */
const PEER = Symbol('the port of the peer')
const PEER_TEXT = Symbol('the same as text')
const CALLBACK = Symbol('a callback')

const messages = fc.constantFrom<unknown>(
  '0123456789',
  Buffer.from('0123456789'),
  new Uint16Array([0x3130, 0x3332]),
  new DataView(new ArrayBuffer(4)),
  '',
  [],
  ['01', Buffer.from('23')],
  ['0', 5],
  5,
  null,
  undefined,
)
const values = fc.constantFrom<unknown>(
  ...[undefined, null, '', 0, 1, 3, 10, 11, 65_536, -1, 1.5, Number.NaN],
  ...['127.0.0.1', '::1', true, PEER, PEER, PEER_TEXT, CALLBACK, CALLBACK],
)
const calls = fc.tuple(messages, fc.array(values, { maxLength: 5 }))

/** What a call of `send` comes to: an error that is thrown, or what arrives and what the callback is told. */
async function outcome(
  { socket, peer, arrived, lookedUp }: Pair,
  [message, rest]: [unknown, unknown[]],
  connected: boolean,
) {
  const { port } = peer.address()
  const called: unknown[] = []
  const callback = (error: NodeJS.ErrnoException | null, bytes: number) => called.push(error?.code ?? bytes)
  const stand = new Map<unknown, unknown>([
    [PEER, port],
    [PEER_TEXT, String(port)],
    [CALLBACK, callback],
  ])
  arrived.length = 0
  let threw: unknown
  try {
    ;(socket.send as (...args: unknown[]) => void)(
      message,
      ...rest.map((value) => (stand.has(value) ? stand.get(value) : value)),
    )
  } catch (error) {
    threw = (error as NodeJS.ErrnoException).code
  }
  // A text that is no address is looked up in a thread, and what is sent meanwhile would come before it.
  await lookedUp()
  // What is sent behind it arrives behind it, and its callback is called behind its own.
  await new Promise<unknown>((done) => {
    if (connected) socket.send('END', done)
    else socket.send('END', port, '127.0.0.1', done)
  })
  while (arrived.at(-1) !== 'END') await once(peer, 'message')
  return { threw, arrived: arrived.slice(0, -1), called }
}

/** The calls that docs/dgram.md excepts. */
function excepted([message, [a, b, c, d]]: [unknown, unknown[]], connected: boolean): boolean {
  if (!connected) return false
  const badMessage = typeof message === 'number' || message === null || message === undefined
  if (typeof b === 'number') return d === CALLBACK || badMessage
  return Boolean(c || d || b || (a && a !== CALLBACK) || badMessage) || typeof d === 'number'
}

describe.each([false, true])('any arguments of send, connected: %s', (connected) => {
  let pairs: Pair[]
  beforeAll(async () => {
    pairs = await Promise.all([makePair(dgram.createSocket, connected), makePair(createSocket as never, connected)])
  })
  afterAll(() => {
    for (const { socket, peer } of pairs) {
      socket.close()
      peer.close()
    }
  })

  test('mean the same as in dgram', async () => {
    await fc.assert(
      fc.asyncProperty(calls, async (call) => {
        fc.pre(!excepted(call, connected))
        const [theirs, ours] = await Promise.all(pairs.map((pair) => outcome(pair, call, connected)))
        expect(ours).toEqual(theirs)
      }),
      { numRuns: RUNS },
    )
  })
})
