import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProxyProtocolError } from '../../src/errors.js'
import { decode } from '../../src/proxy/decode.js'
import { encode } from '../../src/proxy/encode.js'
import type { ProxyHeaderInput } from '../../src/proxy/input.js'
import { type ParsedStream, ProxyStreamParser } from '../../src/proxy/stream.js'
import type { ProxyStreamOptions } from '../../src/proxy/stream-options.js'
import { V2_SIGNATURE } from '../../src/proxy/wire.js'

const port = fc.nat(0xffff)
const inet = (address: fc.Arbitrary<string>) => fc.record({ address, port })
const tlvs = fc.array(
  fc.record({ type: fc.integer({ min: 0x04, max: 0xff }), value: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 4 },
)
const flows = fc.oneof(
  fc.record({ family: fc.constant('IPv4' as const), source: inet(fc.ipV4()), destination: inet(fc.ipV4()) }),
  fc.record({ family: fc.constant('IPv6' as const), source: inet(fc.ipV6()), destination: inet(fc.ipV6()) }),
)
const path = fc.record({ path: fc.uint8Array({ maxLength: 108 }) })

/** Headers that a stream may begin with. */
const headers: fc.Arbitrary<ProxyHeaderInput> = fc.oneof(
  flows.map((flow) => ({ ...flow, version: 'v1' as const, transport: 'STREAM' as const })),
  fc.constant({ version: 'v1' as const, family: 'UNSPEC' as const }),
  fc
    .tuple(flows, tlvs)
    .map(([flow, tlvs]) => ({ ...flow, version: 'v2' as const, transport: 'STREAM' as const, tlvs })),
  fc.tuple(path, path, tlvs).map(([source, destination, tlvs]) => ({
    version: 'v2' as const,
    family: 'UNIX' as const,
    transport: 'STREAM' as const,
    source,
    destination,
    tlvs,
  })),
  fc.constantFrom(
    { version: 'v2' as const, family: 'UNSPEC' as const },
    { version: 'v2' as const, command: 'LOCAL' as const },
  ),
)
const encoded = fc
  .tuple(headers, fc.boolean())
  .map(([header, checksum]) => encode(header, { checksum: checksum && header.version === 'v2' }))

/** A stream cut into pieces, some of them empty. */
const cut = (bytes: Buffer) =>
  fc.array(fc.nat(bytes.length), { maxLength: 8 }).map((places) => {
    const sorted = [0, ...places.sort((a, b) => a - b), bytes.length]
    return sorted.slice(1).map((end, i) => bytes.subarray(sorted[i], end))
  })

/** Pushes pieces until there is a header; `left` are the pieces that were not needed. */
function parse(parser: ProxyStreamParser, pieces: readonly Buffer[]): (ParsedStream & { left: Buffer[] }) | undefined {
  for (const [i, piece] of pieces.entries()) {
    const parsed = parser.push(piece)
    if (parsed !== undefined) return { ...parsed, left: pieces.slice(i + 1) }
  }
  return undefined
}

/** Every byte as a piece of its own. */
const bytewise = (bytes: Buffer) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))

/** What parsing comes to: the header, or the code of the error, or that more is needed. */
function outcome(pieces: readonly Buffer[], options?: ProxyStreamOptions): unknown {
  try {
    return parse(new ProxyStreamParser(options), pieces)?.header ?? 'more'
  } catch (error) {
    expect(error).toBeInstanceOf(ProxyProtocolError)
    return (error as ProxyProtocolError).code
  }
}

function code(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'none'
}

/** A version 2 header whose length field says `length`, and nothing behind its fixed part. */
function announcing(length: number): Buffer {
  return Buffer.concat([V2_SIGNATURE, Buffer.of(0x21, 0x11, length >> 8, length & 255)])
}

const client = { address: '192.0.2.7', port: 4711 }
const server = { address: '198.51.100.1', port: 443 }
const v1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n')
const v2 = encode({ version: 'v2', family: 'IPv4', transport: 'STREAM', source: client, destination: server })

describe('any stream', () => {
  test('gives the header that decode gives, and all that follows it, however it is cut', () => {
    const streams = fc.tuple(encoded, fc.uint8Array({ maxLength: 200 })).chain(([header, payload]) => {
      const stream = Buffer.concat([header, payload])
      return fc.record({ stream: fc.constant(stream), payload: fc.constant(payload), pieces: cut(stream) })
    })
    fc.assert(
      fc.property(streams, ({ stream, payload, pieces }) => {
        for (const way of [pieces, bytewise(stream), [stream]]) {
          const parsed = parse(new ProxyStreamParser(), way)
          expect(parsed?.header).toEqual(decode(stream).header)
          expect(Buffer.concat([parsed!.rest, ...parsed!.left])).toEqual(Buffer.from(payload))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('needs more as long as a byte of the header is missing, and says so when it ends there', () => {
    fc.assert(
      fc.property(encoded, (header) => {
        for (let length = 0; length < header.length; length++) {
          const parser = new ProxyStreamParser()
          expect(parser.push(header.subarray(0, length))).toBeUndefined()
          expect(code(() => parser.end())).toBe('ERR_PROXY_INCOMPLETE')
        }
      }),
      { numRuns: 100 },
    )
  })

  test('that is damaged fails with ProxyProtocolError or not at all, and the same however it is cut', () => {
    const damage = fc.record({
      at: fc.nat(400),
      put: fc.oneof(fc.constant([]), fc.array(fc.nat(255), { maxLength: 3 })),
    })
    const damaged = fc.tuple(encoded, fc.array(damage, { minLength: 1, maxLength: 3 })).map(([header, damages]) => {
      let bytes = header
      for (const { at, put } of damages) {
        const place = at % (bytes.length + 1)
        bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(put), bytes.subarray(place + 1)])
      }
      return bytes
    })
    const seen = new Set<unknown>()
    fc.assert(
      fc.property(
        damaged.chain((bytes) => fc.tuple(fc.constant(bytes), cut(bytes))),
        fc.integer({ min: 16, max: 300 }),
        ([bytes, pieces], maxLength) => {
          const whole = outcome([bytes], { maxLength })
          expect(outcome(pieces, { maxLength })).toEqual(whole)
          expect(outcome(bytewise(bytes), { maxLength })).toEqual(whole)
          seen.add(typeof whole === 'string' ? whole : 'header')
        },
      ),
      { numRuns: 3000 },
    )
    for (const kind of ['header', 'more', 'ERR_PROXY_SIGNATURE', 'ERR_PROXY_LINE', 'ERR_PROXY_TLV']) {
      expect(seen).toContain(kind)
    }
  })

  test('of noise fails with ProxyProtocolError or needs more', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.concat([V2_SIGNATURE, bytes])),
      fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.concat([Buffer.from('PROXY TCP4 '), bytes])),
    )
    fc.assert(
      fc.property(noise, (bytes) => void outcome([Buffer.from(bytes)])),
      { numRuns: 2000 },
    )
  })
})

describe('a header within one chunk', () => {
  test('leaves the rest as a view of that chunk', () => {
    const chunk = Buffer.concat([v2, Buffer.from('hello')])
    const { rest } = new ProxyStreamParser().push(chunk)!
    expect(rest.toString()).toBe('hello')
    chunk.write('j', v2.length)
    expect(rest.toString()).toBe('jello')
  })

  test('may be in a Uint8Array that is a part of another', () => {
    const all = new Uint8Array([1, 2, 3, ...v1, 72, 105])
    const { header, rest } = new ProxyStreamParser().push(all.subarray(3))!
    expect(header).toMatchObject({ version: 'v1', source: client })
    expect(Buffer.isBuffer(rest)).toBe(true)
    expect(rest.toString()).toBe('Hi')
  })
})

describe('a stream without a header', () => {
  test.each([
    ['GET / HTTP/1.1\r\n', 1],
    ['PROPFIND / HTTP/1.1\r\n', 4],
    ['PROXY\tTCP4', 6],
    ['\r\n\r\nGET', 5],
    ['\r\n\r\n\0\r\nQUIX', 11],
  ])('%j fails at byte %i, and not before', (text, at) => {
    const parser = new ProxyStreamParser()
    const bytes = bytewise(Buffer.from(text, 'latin1'))
    for (const byte of bytes.slice(0, at - 1)) expect(parser.push(byte)).toBeUndefined()
    const taken = Buffer.from(parser.taken)
    expect(code(() => parser.push(bytes[at - 1]!))).toBe('ERR_PROXY_SIGNATURE')
    expect(parser.taken).toEqual(taken)
    expect(taken.toString('latin1')).toBe(text.slice(0, at - 1))
  })

  test.each([
    ['v1', v2],
    ['v2', v1],
  ] as const)('of %s fails at once when only that is accepted', (version, bytes) => {
    expect(code(() => new ProxyStreamParser({ versions: [version] }).push(bytes.subarray(0, 1)))).toBe(
      'ERR_PROXY_SIGNATURE',
    )
  })

  test('of SPP is none: that is for datagrams', () => {
    expect(code(() => new ProxyStreamParser().push(Buffer.of(0x56, 0xec)))).toBe('ERR_PROXY_SIGNATURE')
  })
})

describe('maxLength', () => {
  test('is 4096 by default, and exact', () => {
    expect(new ProxyStreamParser().push(announcing(4096 - 16))).toBeUndefined()
    const parser = new ProxyStreamParser()
    expect(() => parser.push(announcing(4097 - 16))).toThrow(/at least 4097 bytes, and maxLength is 4096/)
    expect(code(() => new ProxyStreamParser().push(announcing(0xffff)))).toBe('ERR_PROXY_TOO_LONG')
  })

  test('may be as long as version 2 allows', () => {
    const value = Buffer.alloc(0xffff - 12 - 3, 7)
    const header = encode({
      version: 'v2',
      family: 'IPv4',
      transport: 'STREAM',
      source: client,
      destination: server,
      tlvs: [{ type: 0xe1, value }],
    })
    expect(header.length).toBe(65551)
    const pieces = Array.from({ length: 66 }, (_, i) => header.subarray(i * 1000, (i + 1) * 1000))
    const parsed = parse(new ProxyStreamParser({ maxLength: 65551 }), pieces)
    expect(parsed?.header.tlvs).toEqual([{ type: 0xe1, value }])
  })

  test('holds for version 1, whose own limit is 107 bytes', () => {
    expect(code(() => new ProxyStreamParser({ maxLength: v1.length - 1 }).push(v1))).toBe('ERR_PROXY_TOO_LONG')
    expect(new ProxyStreamParser({ maxLength: v1.length }).push(v1)?.header).toMatchObject({ source: client })
    const endless = Buffer.alloc(200, 'PROXY UNKNOWN ')
    expect(new ProxyStreamParser().push(endless.subarray(0, 106))).toBeUndefined()
    expect(code(() => new ProxyStreamParser().push(endless.subarray(0, 107)))).toBe('ERR_PROXY_TOO_LONG')
  })

  test.each([
    [15, 'ERR_OUT_OF_RANGE'],
    [65552, 'ERR_OUT_OF_RANGE'],
    [100.5, 'ERR_OUT_OF_RANGE'],
    [Number.NaN, 'ERR_OUT_OF_RANGE'],
    ['4096', 'ERR_INVALID_ARG_TYPE'],
  ])('cannot be %j', (maxLength, expected) => {
    expect(code(() => new ProxyStreamParser({ maxLength: maxLength as number }))).toBe(expected)
  })
})

describe('a parser that is done', () => {
  test('does not go on after the header', () => {
    const parser = new ProxyStreamParser()
    parser.push(v1)
    parser.end()
    expect(code(() => parser.push(v1))).toBe('ERR_PROXY_FINISHED')
  })

  test('throws its error again', () => {
    const parser = new ProxyStreamParser()
    let first: unknown
    try {
      parser.push(Buffer.from('GET'))
    } catch (error) {
      first = error
    }
    expect(() => parser.push(v1)).toThrow(first as Error)
    expect(() => parser.end()).toThrow(first as Error)
  })

  test('that ended early takes no more', () => {
    const parser = new ProxyStreamParser()
    parser.push(v2.subarray(0, 20))
    expect(() => parser.end()).toThrow(/It has 20 bytes, the header at least 28/)
    expect(code(() => parser.push(v2.subarray(20)))).toBe('ERR_PROXY_INCOMPLETE')
  })
})

describe('options and arguments', () => {
  test.each([
    [{ versions: ['spp'] }, 'ERR_INVALID_ARG_VALUE', /spp, which is for datagrams only/],
    [{ versions: ['v3'] }, 'ERR_INVALID_ARG_VALUE', /versions/],
    [{ versions: [] }, 'ERR_INVALID_ARG_VALUE', /versions/],
    [{ versions: 'v1' }, 'ERR_INVALID_ARG_TYPE', /versions/],
    [{ verifyChecksum: 1 }, 'ERR_INVALID_ARG_TYPE', /verifyChecksum/],
    [{ maxLenght: 100 }, 'ERR_UNKNOWN_OPTION', /Did you mean "maxLength"/],
    [null, 'ERR_INVALID_ARG_TYPE', /options/],
  ])('%j is refused', (options, expected, message) => {
    const make = () => new ProxyStreamParser(options as never)
    expect(code(make)).toBe(expected)
    expect(make).toThrow(message)
  })

  test('a chunk is bytes, and a wrong one changes nothing', () => {
    const parser = new ProxyStreamParser()
    parser.push(v1.subarray(0, 10))
    expect(code(() => parser.push('PROXY' as never))).toBe('ERR_INVALID_ARG_TYPE')
    expect(parser.push(v1.subarray(10))?.header).toMatchObject({ source: client })
  })

  test('verifyChecksum: false accepts a wrong one', () => {
    const header = encode(
      { version: 'v2', family: 'IPv4', transport: 'STREAM', source: client, destination: server },
      { checksum: true },
    )
    header[17]! ^= 1
    expect(code(() => new ProxyStreamParser().push(header))).toBe('ERR_PROXY_CHECKSUM')
    expect(new ProxyStreamParser({ verifyChecksum: false }).push(header)?.header).toMatchObject({ version: 'v2' })
  })
})
