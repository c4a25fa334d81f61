// TOS and ECN in both directions.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bind, portOf, receive } from './kit.js'

/** Sender, receiver, and the address between them. */
const PATHS = [
  ['udp4', 'udp4', '127.0.0.3'],
  ['udp6', 'udp6', '::1'],
  ['udp6', 'udp4', '127.0.0.3'],
  ['udp6', 'udp4', '::ffff:127.0.0.3'],
  ['udp4', 'udp6', '127.0.0.3'],
  ['udp6', 'udp6', '::ffff:127.0.0.3'],
] as const

describe.each(PATHS)('from %s to %s at %s', (from, to, address) => {
  test('every octet arrives as it was sent', async () => {
    const [sender, receiver] = [await bind({ type: from }), await bind({ type: to })]
    const octets = Array.from({ length: 64 }, (_, i) => i * 4 + (i % 4))
    const arriving = receive(receiver, octets.length)
    for (const tos of octets) sender.send('x', portOf(receiver), address, { tos: tos as number })
    const received = await arriving
    expect(received.map(({ rinfo }) => rinfo.tos)).toEqual(octets)
    expect(received.map(({ rinfo }) => rinfo.ecn)).toEqual(octets.map((tos) => tos & 3))
  })

  test('ecn stands for the two low bits, with a source or without', async () => {
    const [sender, receiver] = [await bind({ type: from }), await bind({ type: to })]
    const arriving = receive(receiver, 6)
    const port = portOf(receiver)
    for (const ecn of [0, 1, 2, 3] as const) sender.send('x', port, address, { ecn })
    sender.send('x', port, address, { tos: 0xb9, ecn: 2 })
    sender.send('x', port, address, {
      tos: 0xb8,
      ecn: 1,
      from: { address: address.includes('.') ? '127.0.0.4' : '::1' },
    })
    expect((await arriving).map(({ rinfo }) => [rinfo.tos, rinfo.ecn])).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [0xba, 2],
      [0xb9, 1],
    ])
  })
})

test('on a connected socket', async () => {
  const [sender, receiver] = [await bind({ type: 'udp4' }), await bind({ type: 'udp4' })]
  await new Promise<void>((done) => sender.connect(portOf(receiver), '127.0.0.1', done))
  const arriving = receive(receiver, 2)
  sender.send('x', { ecn: 3 })
  sender.send('x')
  expect((await arriving).map(({ rinfo }) => rinfo.ecn)).toEqual([3, 0])
})

test('a batch sees them, and batch.send sends them', async () => {
  const [sender, echo] = [await bind({ type: 'udp4' }), await bind({ type: 'udp4' })]
  echo.on('batch', (batch) => {
    for (let i = 0; i < batch.length; i++) {
      const { address, port } = batch.peer(i)
      batch.send(batch.payload(i), port, address, { tos: batch.tos(i) ^ 0xff })
    }
  })
  const answered = receive(sender)
  sender.send('x', portOf(echo), '127.0.0.1', { tos: 0x2d })
  expect((await answered)[0]!.rinfo.tos).toBe(0xd2)
})

test('marks do not stick to the socket, and merging keeps them apart', async () => {
  const [sender, receiver] = [await bind({ type: 'udp4', gso: true }), await bind({ type: 'udp4', gro: true })]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(undefined, 0, 0xb8, 2), { minLength: 1, maxLength: 30 }),
      async (marks) => {
        const arriving = receive(receiver, marks.length)
        for (const tos of marks) {
          if (tos === undefined) sender.send('x', portOf(receiver), '127.0.0.1')
          else sender.send('x', portOf(receiver), '127.0.0.1', { tos })
        }
        expect((await arriving).map(({ rinfo }) => rinfo.tos)).toEqual(marks.map((tos) => tos ?? 0))
      },
    ),
    { numRuns: 50 },
  )
})

test('values that are none', async () => {
  const socket = await bind({ type: 'udp4' })
  for (const options of [{ tos: 256 }, { tos: -1 }, { tos: 1.5 }, { ecn: 4 }, { tos: '1' }, { ecn: null }]) {
    expect(() => socket.send('x', 9, '127.0.0.1', options as never), JSON.stringify(options)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/ERR_OUT_OF_RANGE|ERR_INVALID_ARG_TYPE/) }),
    )
  }
})
