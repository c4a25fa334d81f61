import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ArgumentRangeError, ArgumentTypeError, QuicLbError } from '../../src/errors.js'
import { QuicLbCipher } from '../../src/pinning/quic-lb-cipher.js'
import type { QuicLbConfig } from '../../src/pinning/quic-lb-config.js'
import { QuicLbEncoder, unroutableConnectionId } from '../../src/pinning/quic-lb-encoder.js'
import { QuicLbSelector } from '../../src/pinning/quic-lb-selector.js'
import published from '../vectors/quic-lb.json' with { type: 'json' }

const KEY = '8f95f09245765f80256934e50c66207f'
const KEYED: QuicLbConfig = { configId: 2, serverIdLength: 3, nonceLength: 13, key: KEY }

/** A datagram with a short header (RFC 8999 §5.2): bits beside the first are arbitrary, and so is what follows. */
function short(cid: Uint8Array, rest = Buffer.alloc(30, 0xee)): Buffer {
  return Buffer.concat([Buffer.of(0x4f), cid, rest])
}

/** A datagram with a long header (RFC 8999 §5.1) of QUIC version 1. */
function long(dcid: Uint8Array, scid = Buffer.alloc(8, 0x55), rest = Buffer.alloc(30, 0xee)): Buffer {
  return Buffer.concat([Buffer.of(0xc3, 0, 0, 0, 1, dcid.length), dcid, Buffer.of(scid.length), scid, rest])
}

/** The bytes in the middle of a larger buffer that is full of others. */
function within(bytes: Uint8Array, poison: number): Buffer {
  const larger = Buffer.alloc(bytes.length + 64, poison)
  larger.set(bytes, 32)
  return larger.subarray(32, 32 + bytes.length)
}

const arbitraryConfig = fc
  .record({
    configId: fc.integer({ min: 0, max: 6 }),
    serverIdLength: fc.integer({ min: 1, max: 15 }),
    nonceLength: fc.integer({ min: 4, max: 18 }),
    key: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined }),
    encodesLength: fc.boolean(),
  })
  .filter(({ serverIdLength, nonceLength }) => serverIdLength + nonceLength <= 19)
  .map(({ key, ...config }): QuicLbConfig => (key === undefined ? config : { ...config, key }))

describe('vectors of the draft', () => {
  test.each(published.vectors)('$name', ({ configId, serverId, nonce, cid, key }) => {
    const config: QuicLbConfig = {
      configId,
      serverIdLength: serverId.length / 2,
      nonceLength: nonce.length / 2,
      encodesLength: true,
      ...(key === undefined ? {} : { key }),
    }
    const selector = new QuicLbSelector([{ ...config, servers: { [serverId]: 'here' } }])
    const bytes = Buffer.from(cid, 'hex')
    for (const datagram of [short(bytes), long(bytes)]) {
      expect(selector.select(datagram)).toBe('here')
      expect(selector.explain(datagram)).toMatchObject({ outcome: 'routed', configId, serverId })
    }
    if (key === undefined) {
      expect(cid.slice(2)).toBe(serverId + nonce)
      return
    }
    const resume = { firstNonce: nonce, issued: 0 }
    expect(new QuicLbEncoder({ ...config, serverId, resume }).next().toString('hex')).toBe(cid)
    const plain = new Uint8Array(19)
    new QuicLbCipher(Buffer.from(key, 'hex'), (serverId + nonce).length / 2).decrypt(bytes, 1, plain, 19)
    expect(
      Buffer.from(plain)
        .toString('hex')
        .slice(0, (serverId + nonce).length),
    ).toBe(serverId + nonce)
  })

  test('whose printed form contradicts the draft are not read as such', () => {
    const errata = published.vectors.filter((vector) => vector.printed !== undefined)
    expect(errata.map(({ name }) => name)).toEqual(['plaintext 2', 'encrypted 4: the longest'])
    for (const { configId, serverId, nonce, printed, key } of errata) {
      const selector = new QuicLbSelector([
        {
          configId,
          serverIdLength: serverId.length / 2,
          nonceLength: nonce.length / 2,
          servers: { [serverId]: 'here' },
          ...(key === undefined ? {} : { key }),
        },
      ])
      expect(selector.select(short(Buffer.from(printed!, 'hex')))).toBeUndefined()
    }
  })
})

describe('what an encoder makes', () => {
  test('names its server to the selector, with every configuration', () => {
    fc.assert(
      fc.property(arbitraryConfig, fc.infiniteStream(fc.nat(255)), fc.nat(20), (config, bytes, extra) => {
        const serverId = Buffer.from([...bytes.take(config.serverIdLength)])
        const extraLength = Math.min(extra, 19 - config.serverIdLength - config.nonceLength)
        const encoder = new QuicLbEncoder({ ...config, serverId, extraLength })
        const selector = new QuicLbSelector([{ ...config, servers: { [serverId.toString('hex')]: 'here' } }])
        const ids = Array.from({ length: 20 }, () => encoder.next())
        expect(new Set(ids.map((id) => id.toString('hex'))).size).toBe(20)
        for (const id of ids) {
          expect(id.length).toBe(encoder.length)
          expect(id[0]! >> 5).toBe(config.configId)
          if (config.encodesLength) expect(id[0]! & 31).toBe(id.length - 1)
          expect(selector.select(short(id))).toBe('here')
          expect(selector.select(short(id, Buffer.alloc(0)))).toBe('here')
          expect(selector.select(long(id))).toBe('here')
          expect(selector.explain(short(id)).serverId).toBe(serverId.toString('hex'))
        }
      }),
    )
  })

  test.each([
    ['with a key', KEYED],
    ['with a key, four passes', { configId: 0, serverIdLength: 2, nonceLength: 4, key: KEY }],
    ['without a key', { configId: 0, serverIdLength: 2, nonceLength: 4 }],
  ])('never comes twice, and looks unlike what came before: %s', (_, config) => {
    const serverId = 'ab'.repeat(config.serverIdLength)
    const encoder = new QuicLbEncoder({ ...config, serverId })
    const ids = Array.from({ length: 20_000 }, () => encoder.next().subarray(1).toString('hex'))
    expect(new Set(ids).size).toBe(ids.length)
    // Of 160,000 bits of each byte's position about half differ from the ID before; a bare counter changes few.
    const nonces = ids.map((id) => Number.parseInt(id.slice(-6), 16))
    let changed = 0
    for (let i = 1; i < nonces.length; i++) changed += bits(nonces[i]! ^ nonces[i - 1]!)
    expect(changed / (ids.length - 1) / 24).toBeCloseTo(0.5, 1)
  })

  test('goes on where an earlier run ended', () => {
    for (const config of [KEYED, { configId: 1, serverIdLength: 1, nonceLength: 4 }]) {
      const options = { ...config, serverId: '07'.repeat(config.serverIdLength) }
      const all = new QuicLbEncoder(options)
      const start = all.state()
      const whole = Array.from({ length: 600 }, () => all.next().subarray(1).toString('hex'))
      const first = new QuicLbEncoder({ ...options, resume: start })
      const parts = Array.from({ length: 300 }, () => first.next().subarray(1).toString('hex'))
      const second = new QuicLbEncoder({ ...options, resume: JSON.parse(JSON.stringify(first.state())) })
      for (let i = 0; i < 300; i++) parts.push(second.next().subarray(1).toString('hex'))
      expect(parts).toEqual(whole)
      expect(second.state()).toEqual(all.state())
    }
  })

  test('ends when every nonce was used, also over the largest', () => {
    const config = { configId: 4, serverIdLength: 2, nonceLength: 4, key: KEY, serverId: '0001' }
    const encoder = new QuicLbEncoder({ ...config, resume: { firstNonce: '00000001', issued: 2 ** 32 - 3 } })
    expect(encoder.remaining).toBe(3)
    const plain = new Uint8Array(6)
    const nonces = Array.from({ length: 3 }, () => {
      new QuicLbCipher(Buffer.from(KEY, 'hex'), 6).decrypt(encoder.next(), 1, plain, 6)
      return Buffer.from(plain.subarray(2)).toString('hex')
    })
    expect(nonces).toEqual(['fffffffe', 'ffffffff', '00000000'])
    expect(encoder.remaining).toBe(0)
    expect(() => encoder.next()).toThrow(QuicLbError)
    expect(() => encoder.next()).toThrow(expect.objectContaining({ code: 'ERR_QUIC_LB_EXHAUSTED' }))
  })

  test('can say that it cannot be routed', () => {
    const selector = new QuicLbSelector([{ ...KEYED, servers: { '000001': 'here' } }])
    for (let length = 8; length <= 20; length++) {
      const id = unroutableConnectionId(length)
      expect([id.length, id[0]]).toEqual([length, 0xe0 | (length - 1)])
      expect(selector.explain(long(id)).outcome).toBe('unroutable')
    }
    expect(() => unroutableConnectionId(7)).toThrow(ArgumentRangeError)
    expect(unroutableConnectionId().equals(unroutableConnectionId())).toBe(false)
  })
})

describe('a selector', () => {
  test('knows several configurations at once, and goes over to others', () => {
    const old = { configId: 0, serverIdLength: 1, nonceLength: 7 }
    const oldId = new QuicLbEncoder({ ...old, serverId: '05' }).next()
    const newId = new QuicLbEncoder({ ...KEYED, serverId: '000005' }).next()
    const oldRoutes = { ...old, servers: { '05': 'a' } }
    const newRoutes = { ...KEYED, servers: { '000005': 'b', '000006': 'b' } }
    const selector = new QuicLbSelector([oldRoutes])
    expect([oldId, newId].map((id) => selector.select(short(id)))).toEqual(['a', undefined])
    selector.update([oldRoutes, newRoutes])
    expect([oldId, newId].map((id) => selector.select(short(id)))).toEqual(['a', 'b'])
    selector.update([newRoutes])
    expect([oldId, newId].map((id) => selector.select(short(id)))).toEqual([undefined, 'b'])
    expect(selector.stats()).toMatchObject({ routed: 4, 'no-config': 2 })
    expect(() => selector.update([newRoutes, newRoutes])).toThrow(ArgumentTypeError)
    expect(selector.select(short(newId))).toBe('b')
  })

  test('leaves to the hash what names no server, and says why', () => {
    const config = { ...KEYED, encodesLength: true }
    const selector = new QuicLbSelector([{ ...config, servers: { '000001': 'here' } }])
    const known = new QuicLbEncoder({ ...config, serverId: '000001' }).next()
    const other = new QuicLbEncoder({ ...config, serverId: '000002' }).next()
    const unequal = Buffer.from(known)
    unequal[0]! ^= 1
    const judged = (datagram: Uint8Array) => selector.explain(datagram).outcome
    expect(judged(short(known))).toBe('routed')
    expect(judged(long(known))).toBe('routed')
    expect(judged(short(other))).toBe('no-server')
    expect(judged(long(unequal))).toBe('length-differs')
    // In a short header the ID may be longer than is seen, but not longer than the datagram nor too short to decode.
    expect(judged(short(Buffer.from([known[0]! - 1, ...known.subarray(1)])))).toBe('length-differs')
    expect(judged(short(Buffer.from([known[0]! + 1, ...known.subarray(1)])))).toBe('routed')
    expect(judged(short(Buffer.from([known[0]! + 1, ...known.subarray(1)]), Buffer.alloc(0)))).toBe('length-differs')
    // A long header tells how long the ID is.
    expect(judged(long(Buffer.concat([known, Buffer.alloc(1)])))).toBe('length-differs')
    expect(judged(long(known.subarray(0, 16)))).toBe('short-id')
    expect(judged(short(known.subarray(0, 16), Buffer.alloc(0)))).toBe('short-id')
    // Too short whatever follows: the length field ends it.
    expect(judged(long(known.subarray(0, 8)))).toBe('short-id')
    expect(judged(long(Buffer.alloc(0)))).toBe('short-id')
    expect(judged(short(Buffer.alloc(0), Buffer.alloc(0)))).toBe('short-id')
    expect(judged(long(unroutableConnectionId()))).toBe('unroutable')
    expect(judged(long(Buffer.alloc(8)))).toBe('no-config')
    expect(judged(Buffer.alloc(0))).toBe('not-quic')
    for (let size = 1; size < 6 + known.length; size++) expect(judged(long(known).subarray(0, size))).toBe('not-quic')
    // A handshake record of DTLS 1.2 (RFC 6347 §4.1).
    expect(judged(Buffer.from('16fefd0000000000000000003001', 'hex'))).toBe('unroutable')
    expect(selector.stats().routed).toBe(0)
  })

  test('throws nothing for any bytes, and reads none outside of them', () => {
    const configs = [
      { configId: 0, serverIdLength: 1, nonceLength: 4, servers: { '00': 'a', ff: 'b' } },
      { configId: 1, serverIdLength: 15, nonceLength: 4, key: KEY, servers: { ['00'.repeat(15)]: 'a' } },
      { ...KEYED, servers: { '000000': 'a' } },
      { configId: 3, serverIdLength: 2, nonceLength: 5, encodesLength: true, servers: { '0000': 'a' } },
    ]
    const selector = new QuicLbSelector(configs)
    const ids = configs.map(({ servers, ...config }) => {
      return new QuicLbEncoder({ ...config, serverId: Object.keys(servers)[0]! }).next()
    })
    const cut = fc
      .tuple(fc.constantFrom(...ids.flatMap((id) => [short(id), long(id)])), fc.nat(40))
      .map(([datagram, length]) => datagram.subarray(0, length))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), cut), (bytes) => {
        const low = selector.explain(within(bytes, 0x00))
        expect(selector.explain(within(bytes, 0xff))).toEqual(low)
        expect(selector.select(bytes)).toBe(low.backend)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a cipher', () => {
  test('permutes blocks of every length', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        fc.uint8Array({ minLength: 4, maxLength: 19 }),
        (key, plain) => {
          const cipher = new QuicLbCipher(key, plain.length)
          const bytes = new Uint8Array(plain.length + 2).fill(0xaa)
          bytes.set(plain, 1)
          cipher.encrypt(bytes, 1)
          expect([bytes[0], bytes.at(-1)]).toEqual([0xaa, 0xaa])
          const out = new Uint8Array(19)
          cipher.decrypt(bytes, 1, out, plain.length)
          expect(out.subarray(0, plain.length)).toEqual(plain)
          for (let needed = 1; needed < plain.length; needed++) {
            cipher.decrypt(bytes, 1, out, needed)
            expect(out.subarray(0, needed)).toEqual(plain.subarray(0, needed))
          }
        },
      ),
    )
  })
})

describe('arguments', () => {
  const server = { ...KEYED, serverId: '000001' }
  const refusals: [string, () => unknown, string][] = [
    ['a reserved configuration', () => new QuicLbEncoder({ ...server, configId: 7 }), 'ERR_OUT_OF_RANGE'],
    ['a short nonce', () => new QuicLbEncoder({ ...server, nonceLength: 3 }), 'ERR_OUT_OF_RANGE'],
    ['more than 19 bytes', () => new QuicLbSelector([{ ...KEYED, nonceLength: 17, servers: {} }]), 'ERR_OUT_OF_RANGE'],
    ['more than 20 with others', () => new QuicLbEncoder({ ...server, extraLength: 4 }), 'ERR_OUT_OF_RANGE'],
    ['another length of the ID', () => new QuicLbEncoder({ ...server, serverId: '01' }), 'ERR_INVALID_ARG_VALUE'],
    ['half a byte', () => new QuicLbEncoder({ ...server, serverId: '00001' }), 'ERR_INVALID_ARG_VALUE'],
    ['a misspelt option', () => new QuicLbEncoder({ ...server, extra: 1 } as never), 'ERR_UNKNOWN_OPTION'],
    ['a number for a key', () => new QuicLbEncoder({ ...server, key: 5 as never }), 'ERR_INVALID_ARG_TYPE'],
    [
      'a mask beside a key',
      () => resume({ firstNonce: '00'.repeat(13), issued: 0, mask: 'aa' }),
      'ERR_INVALID_ARG_VALUE',
    ],
    ['a nonce of another length', () => resume({ firstNonce: '00', issued: 0 }), 'ERR_OUT_OF_RANGE'],
    ['a negative count', () => resume({ firstNonce: '00'.repeat(13), issued: -1 }), 'ERR_OUT_OF_RANGE'],
    ['no configurations', () => new QuicLbSelector([]), 'ERR_INVALID_ARG_VALUE'],
    ['no list', () => new QuicLbSelector({} as never), 'ERR_INVALID_ARG_TYPE'],
    ['no servers', () => new QuicLbSelector([KEYED as never]), 'ERR_INVALID_ARG_TYPE'],
    ['an ID twice', () => routes({ '0000ab': 'a', '0000AB': 'b' }), 'ERR_INVALID_ARG_VALUE'],
    ['an ID too long', () => routes({ '000000ab': 'a' }), 'ERR_INVALID_ARG_VALUE'],
    ['a backend without ID', () => routes({ '0000ab': '' }), 'ERR_INVALID_ARG_TYPE'],
    ['a text for a datagram', () => routes({}).select('x' as never), 'ERR_INVALID_ARG_TYPE'],
  ]

  function resume(state: { firstNonce: string; issued: number; mask?: string }): QuicLbEncoder {
    return new QuicLbEncoder({ ...server, resume: state })
  }

  function routes(servers: Record<string, string>): QuicLbSelector {
    return new QuicLbSelector([{ ...KEYED, servers }])
  }

  test.each(refusals)('are refused: %s', (_, act, code) => {
    expect(act).toThrow(expect.objectContaining({ code }))
  })

  test('show no key', () => {
    for (const key of [`${KEY}0`, `${KEY}00`, KEY.slice(2), `g${KEY.slice(1)}`, Buffer.from(KEY.slice(2), 'hex')]) {
      let message = ''
      try {
        new QuicLbEncoder({ ...server, key })
      } catch (error) {
        message = inspect(error)
      }
      expect(message).toMatch(/key/)
      expect(message).not.toContain(KEY.slice(2, 12))
      expect(message).not.toContain('95, 240')
      expect(message).not.toContain('95 f0')
    }
    const secrets = [new QuicLbEncoder(server), routes({ '000001': 'a' })]
    const shown = secrets
      .map((object) => inspect(object, { depth: 9, showHidden: true }) + JSON.stringify(object))
      .join()
    expect(shown).not.toMatch(/8f95|143, *149|8f 95/)
  })
})

function bits(value: number): number {
  let count = 0
  for (let rest = value; rest !== 0; rest &= rest - 1) count++
  return count
}
