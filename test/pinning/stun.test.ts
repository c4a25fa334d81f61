import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FlowKey } from '../../src/pinning/flow-key.js'
import { datagramKind } from '../../src/pinning/stun-demultiplex.js'
import { StunSelector, type StunSelectorOptions } from '../../src/pinning/stun-selector.js'
import { makeUfrag, type UfragFormat } from '../../src/pinning/stun-ufrag.js'

const USERNAME = 0x0006
const PRIORITY = 0x0024
const REQUEST = 0x0001
const INDICATION = 0x0011
const SUCCESS = 0x0101
const FAILURE = 0x0111
/** TURN's Allocate, which has USERNAME too (RFC 8656 §17). */
const ALLOCATE = 0x0003

type Attribute = readonly [type: number, value: string | Uint8Array]

/** A STUN message (RFC 8489 §5, §14). */
function stun(type: number, attributes: readonly Attribute[] = []): Buffer {
  const body = attributes.map(([kind, value]) => {
    const bytes = Buffer.from(value as Uint8Array)
    const head = Buffer.alloc(4)
    head.writeUInt16BE(kind, 0)
    head.writeUInt16BE(bytes.length, 2)
    return Buffer.concat([head, bytes, Buffer.alloc(-bytes.length & 3)])
  })
  const head = Buffer.alloc(20, 0x77)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(Buffer.concat(body).length, 2)
  head.writeUInt32BE(0x2112a442, 4)
  return Buffer.concat([head, ...body])
}

const check = (username: string) => stun(REQUEST, [[USERNAME, username]])
const dtls = Buffer.from('16fefd0000000000000000003001', 'hex')
const srtp = Buffer.from('80600001000000010000000a', 'hex')

const key = new FlowKey('flow')
function flow(client: number): FlowKey {
  key.setIPv4(0x0a000000 + client, 4242, 0xc6336402, 3478)
  return key
}

function selector(options: Partial<StunSelectorOptions> = {}): StunSelector {
  return new StunSelector({
    format: { length: 2, hex: true },
    nodes: { a1: 'media-1', b2: 'media-2' },
    flows: { capacity: 64, idleTimeout: 'short', create: 'first-reply' },
    ...options,
  })
}

/** The sample request of RFC 5769 §2.1. */
const SAMPLE = Buffer.from(
  '000100582112a442b7e7a701bc34d686fa87dfae802200105354554e20746573' +
    '7420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a683676' +
    '592020200008' +
    '00149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf',
  'hex',
)

describe('a check', () => {
  test('goes to the node in its USERNAME, and what follows from there goes along', () => {
    const stuns = selector()
    expect(stuns.select(check('a1Qx:9fGh'), flow(1), 0)).toBe('media-1')
    expect(stuns.select(check('B2Qx:9fGh'), flow(2), 0)).toBe('media-2')
    for (const datagram of [dtls, srtp, stun(INDICATION), stun(SUCCESS), stun(REQUEST), Buffer.alloc(0)]) {
      expect(stuns.select(datagram, flow(1), 1)).toBe('media-1')
      expect(stuns.select(datagram, flow(2), 1)).toBe('media-2')
      expect(stuns.select(datagram, flow(3), 1)).toBeUndefined()
    }
    expect(stuns.stats()).toEqual({ named: 2, remembered: 12, unknownNode: 0, undecided: 6 })
  })

  test('is that of RFC 5769: USERNAME is the fourth attribute', () => {
    const stuns = selector({ format: { length: 4 }, nodes: { evtj: 'here' } })
    expect(stuns.select(SAMPLE, flow(1), 0)).toBe('here')
  })

  test('is looked through for eight attributes', () => {
    const others = (count: number) => Array.from({ length: count }, (): Attribute => [PRIORITY, 'abcde'])
    const at = (count: number) => selector().select(stun(REQUEST, [...others(count), [USERNAME, 'a1xx:y']]), flow(1), 0)
    expect([0, 1, 7, 8, 20].map(at)).toEqual(['media-1', 'media-1', 'media-1', undefined, undefined])
  })

  test.each([
    ['no colon', check('a1xxyyyy')],
    ['a fragment that is too short', check('a:1xx')],
    ['another node', check('c3xx:y')],
    ['nothing in it', check('')],
    ['too long a USERNAME', check(`a1:${'x'.repeat(506)}`)],
    ['another method', stun(ALLOCATE, [[USERNAME, 'a1xx:y']])],
    ['another class', stun(INDICATION, [[USERNAME, 'a1xx:y']])],
    ['another cookie', Buffer.from(check('a1xx:y')).fill(0, 4, 8)],
    ['bytes after it', Buffer.concat([check('a1xx:y'), Buffer.alloc(4)])],
    ['less than it says', check('a1xx:y').subarray(0, -4)],
    ['the first two bits set', Buffer.concat([Buffer.of(0xc0), check('a1xx:y').subarray(1)])],
    [
      'less than it says, after USERNAME',
      stun(REQUEST, [
        [USERNAME, 'a1xx:yyy'],
        [PRIORITY, 'abcd'],
      ]).subarray(0, -4),
    ],
    ['an attribute that ends beyond it', Buffer.from(check('a1xx:yyy')).fill(9, 23, 24)],
  ])('that names no node is left to the hash: %s', (_, datagram) => {
    expect(selector().select(datagram, flow(1), 0)).toBeUndefined()
  })

  test('with a colon beyond USERNAME has none', () => {
    const message = stun(REQUEST, [
      [USERNAME, 'a1xxyyyy'],
      [PRIORITY, ':::: :::'],
    ])
    expect(selector().select(message, flow(1), 0)).toBeUndefined()
  })
})

describe('a flow that is known', () => {
  test('moves when another node has answered a check with success, and not before', () => {
    const stuns = selector()
    stuns.select(check('a1xx:y'), flow(1), 0)
    stuns.reply(stun(SUCCESS), flow(1), 'media-1', 1)
    // A check for another node, forged or not, goes there alone.
    expect(stuns.select(check('b2xx:y'), flow(1), 2)).toBe('media-2')
    expect(stuns.select(srtp, flow(1), 3)).toBe('media-1')
    stuns.reply(stun(FAILURE), flow(1), 'media-2', 4)
    expect(stuns.select(srtp, flow(1), 5)).toBe('media-1')
    stuns.reply(stun(SUCCESS), flow(1), 'media-2', 6)
    expect(stuns.select(srtp, flow(1), 7)).toBe('media-2')
  })

  test('moves at once where replies are not seen', () => {
    const stuns = selector({ flows: { capacity: 64, idleTimeout: 'short', create: 'first-packet' } })
    stuns.select(check('a1xx:y'), flow(1), 0)
    expect(stuns.select(check('b2xx:y'), flow(1), 1)).toBe('media-2')
    expect(stuns.select(srtp, flow(1), 2)).toBe('media-2')
  })

  test('is not pushed out by checks from forged addresses', () => {
    const stuns = selector()
    for (let client = 0; client < 50; client++) {
      stuns.select(check('a1xx:y'), flow(client), 0)
      stuns.reply(stun(SUCCESS), flow(client), 'media-1', 0)
    }
    for (let client = 1000; client < 9000; client++) stuns.select(check('b2xx:y'), flow(client), 1)
    for (let client = 0; client < 50; client++) expect(stuns.select(srtp, flow(client), 2)).toBe('media-1')
  })

  test('lives as long as its backend sends, and is forgotten after', () => {
    const stuns = selector()
    stuns.select(check('a1xx:y'), flow(1), 0)
    stuns.reply(srtp, flow(1), 'media-1', 25_000)
    stuns.reply(srtp, flow(1), 'media-2', 50_000)
    stuns.reply(srtp, flow(1), 'somewhere else', 50_000)
    expect(stuns.flows.peek(flow(1), 55_000)).toBe(0)
    expect(stuns.select(srtp, flow(1), 55_001)).toBeUndefined()
  })

  test('is forgotten with its node, and others keep theirs', () => {
    const stuns = selector()
    stuns.select(check('a1xx:y'), flow(1), 0)
    stuns.select(check('b2xx:y'), flow(2), 0)
    expect(stuns.update({ b3: 'media-2', '00': 'media-0' })).toBe(1)
    expect(stuns.select(srtp, flow(1), 1)).toBeUndefined()
    expect(stuns.select(srtp, flow(2), 1)).toBe('media-2')
    expect(stuns.select(check('b2xx:y'), flow(3), 1)).toBeUndefined()
    expect(stuns.select(check('b3xx:y'), flow(3), 1)).toBe('media-2')
  })
})

describe('fragments', () => {
  const formats: [UfragFormat, string, string][] = [
    [{ length: 4 }, 'Ab+9', 'aB+9'],
    [{ length: 3, hex: true }, '0aF', '0aE'],
    [{ until: '+' }, 'node/7', 'node/'],
    [{ until: '/' }, 'x', 'xx'],
  ]
  test.each(formats)('that are made in the format %j are read in it', (format, nodeId, other) => {
    const stuns = selector({ format, nodes: { [nodeId]: 'here', [other]: 'there' } })
    const made = new Set<string>()
    for (let i = 0; i < 500; i++) {
      const ufrag = makeUfrag(nodeId, format)
      // ice-char and length of RFC 8839 §5.4.
      expect(ufrag).toMatch(/^[A-Za-z0-9+/]{4,256}$/)
      made.add(ufrag)
      expect(stuns.select(check(`${ufrag}:abcd`), flow(i % 8), 0)).toBe('here')
    }
    expect(made.size).toBe(500)
  })

  test.each([
    [() => makeUfrag('abc', { length: 4 }), 'ERR_INVALID_ARG_VALUE'],
    [() => makeUfrag('ab:c', { length: 4 }), 'ERR_INVALID_ARG_VALUE'],
    [() => makeUfrag('xy', { length: 2, hex: true }), 'ERR_INVALID_ARG_VALUE'],
    [() => makeUfrag('a+b', { until: '+' }), 'ERR_INVALID_ARG_VALUE'],
    [() => makeUfrag('', { until: '+' }), 'ERR_INVALID_ARG_VALUE'],
    [() => makeUfrag('a', { until: ':' as '+' }), 'ERR_INVALID_ARG_VALUE'],
    [() => makeUfrag('a', { until: '+' }, 3), 'ERR_OUT_OF_RANGE'],
    [() => makeUfrag('a'.repeat(252), { until: '+' }), 'ERR_OUT_OF_RANGE'],
    [() => makeUfrag('a', { length: 253 }), 'ERR_OUT_OF_RANGE'],
    [() => makeUfrag('a', { lenght: 1 } as never), 'ERR_UNKNOWN_OPTION'],
    [() => makeUfrag(1 as never, { length: 1 }), 'ERR_INVALID_ARG_TYPE'],
    [() => selector({ nodes: { A1: 'x', a1: 'y' } }), 'ERR_INVALID_ARG_VALUE'],
    [() => selector({ nodes: { a1: 5 as never } }), 'ERR_INVALID_ARG_TYPE'],
    [() => selector({ node: {} } as never), 'ERR_UNKNOWN_OPTION'],
    [() => selector().select('x' as never, flow(1)), 'ERR_INVALID_ARG_TYPE'],
    [() => selector().reply('x' as never, flow(1), 'media-1'), 'ERR_INVALID_ARG_TYPE'],
    [() => selector().select(dtls, {} as never), 'ERR_INVALID_ARG_TYPE'],
  ])('are refused in words: %s', (act, code) => {
    expect(act).toThrow(expect.objectContaining({ code }))
  })
})

test('any bytes are read without an error, and none outside of them', () => {
  const near = fc
    .record({
      type: fc.constantFrom(REQUEST, SUCCESS, ALLOCATE),
      attributes: fc.array(fc.tuple(fc.constantFrom(USERNAME, PRIORITY, 0x8022), fc.uint8Array({ maxLength: 12 }))),
      cut: fc.nat(30),
      broken: fc.option(fc.tuple(fc.nat(40), fc.nat(255))),
    })
    .map(({ type, attributes, cut, broken }) => {
      const bytes = stun(type, attributes)
      if (broken && broken[0] < bytes.length) bytes[broken[0]] = broken[1]
      return cut > 20 ? bytes.subarray(0, -cut) : bytes
    })
  const format: UfragFormat = { length: 1 }
  const nodes = Object.fromEntries([...'abcdefghijklmnopqrstuvwxyz0123456789'].map((id) => [id, id]))
  let named = 0
  const real = fc.string({ minLength: 4, maxLength: 9 }).map((text) => check(`a${text}:b`))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), near, real), (bytes) => {
      const results = [0x00, 0xff, 0x3a].map((poison) => {
        const larger = Buffer.alloc(bytes.length + 64, poison)
        larger.set(bytes, 32)
        return selector({ format, nodes }).select(larger.subarray(32, 32 + bytes.length), flow(1), 0)
      })
      expect(new Set(results).size).toBe(1)
      if (results[0] !== undefined) named++
    }),
    { numRuns: 1000 },
  )
  expect(named).toBeGreaterThan(100)
})

test('the first byte tells what shares a port (RFC 7983 §7, RFC 9443 §3)', () => {
  const ranges: Record<string, [number, number][]> = {}
  for (let byte = 0; byte < 256; byte++) {
    const kind = datagramKind(byte)
    const last = ranges[kind]?.at(-1)
    if (last !== undefined && last[1] === byte - 1) last[1] = byte
    else ranges[kind] = [...(ranges[kind] ?? []), [byte, byte]]
  }
  expect(ranges).toEqual({
    stun: [[0, 3]],
    unknown: [[4, 15]],
    zrtp: [[16, 19]],
    dtls: [[20, 63]],
    'turn-channel': [[64, 79]],
    quic: [
      [80, 127],
      [192, 255],
    ],
    rtp: [[128, 191]],
  })
  expect(datagramKind(undefined)).toBe('unknown')
})
