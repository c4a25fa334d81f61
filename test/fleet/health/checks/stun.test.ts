import { beforeEach, describe, expect, test } from 'vitest'
import { bindingRequest, readResponse } from '../../../../src/fleet/health/checks/stun-message.js'
import { startTurn, whyNoCoturn } from '../../../pinning/programs/coturn.js'
import { checkOnce, closedUdpPort, IMPATIENT, udpServer } from '../kit.js'

describe('coturn', () => {
  beforeEach((context) => {
    const missing = whyNoCoturn()
    if (missing !== undefined) context.skip(missing)
  })

  test('answers', async () => {
    expect(await checkOnce({ check: 'stun', port: await startTurn() })).toEqual({ verdict: 'passed' })
  })
})

/** Of RFC 5769 §2.2: a success response with FINGERPRINT, whose transaction is the one of the request there. */
const RESPONSE = Buffer.from(
  '0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96',
  'hex',
)
const TRANSACTION = Buffer.from('b7e7a701bc34d686fa87dfae', 'hex')

describe('responses', () => {
  test('the sample of RFC 5769 §2.2', () => {
    expect(readResponse(RESPONSE, TRANSACTION)).toBe('success')
  })

  test('of another transaction are none', () => {
    for (let i = 0; i < 12; i++) {
      const other = Buffer.from(TRANSACTION)
      other[i]! ^= 1
      expect(readResponse(RESPONSE, other)).toBe('unrelated')
    }
  })

  test('with any bit wrong, of the header or of a value, are none', () => {
    // With another type or length of an attribute there may be no FINGERPRINT, which servers may leave out.
    const attributes = [20, 36, 48, 72]
    for (let bit = 0; bit < RESPONSE.length * 8; bit++) {
      if (attributes.some((at) => bit >>> 3 >= at && bit >>> 3 < at + 4)) continue
      const broken = Buffer.from(RESPONSE)
      broken[bit >>> 3]! ^= 1 << (bit & 7)
      expect([bit, readResponse(broken, TRANSACTION)]).toEqual([bit, 'unrelated'])
    }
  })

  test('cut short or random never throw', () => {
    for (let length = 0; length < RESPONSE.length; length++) {
      expect(readResponse(RESPONSE.subarray(0, length), TRANSACTION)).toBe('unrelated')
    }
  })

  test('errors have their code (RFC 8489 §14.8)', () => {
    const error = Buffer.from('011100082112a442000000000000000000000000000900040000042a', 'hex')
    expect(readResponse(error, new Uint8Array(12))).toEqual({ error: 442 })
  })
})

test('the request is one that its own reader calls unrelated', () => {
  expect(readResponse(bindingRequest(TRANSACTION), TRANSACTION)).toBe('unrelated')
})

test('a server that sends the request back is no STUN server', async () => {
  const { port } = await udpServer((msg, answer) => answer(msg))
  expect((await checkOnce({ check: 'stun', port }, { timeout: IMPATIENT })).verdict).toBe('failed')
})

test('an answer to an older request is none', async () => {
  const { port } = await udpServer((_, answer) => answer(RESPONSE))
  expect((await checkOnce({ check: 'stun', port }, { timeout: IMPATIENT })).verdict).toBe('failed')
})

test('a STUN error fails, with its code', async () => {
  const { port } = await udpServer((msg, answer) => {
    const error = Buffer.from('011100082112a442000000000000000000000000000900040000042a', 'hex')
    msg.copy(error, 8, 8, 20)
    answer(error)
  })
  expect(await checkOnce({ check: 'stun', port })).toEqual({ verdict: 'failed', reason: 'STUN error 442' })
})

test('nobody there', async () => {
  expect((await checkOnce({ check: 'stun', port: await closedUdpPort() })).verdict).toBe('failed')
})
