import fc from 'fast-check'
import {
  type DecodeOptions,
  decode,
  encode,
  makeTlvs,
  ProxyHeaderTemplate,
  ProxyHeaderView,
  ProxyProtocolError,
  readTlvs,
} from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { anyHeader, anyValues, damaged } from './arbitrary.js'
import { expectCode, plain, surrounded } from './kit.js'

const runs = { numRuns: 2000 }

/** What became of some bytes: the header and its length, or the code of the error. Any other error passes. */
function outcome(bytes: Uint8Array, options?: DecodeOptions): unknown {
  try {
    const { header, length, payload } = decode(bytes, options)
    return { header: plain(header), length, payload: payload.toString('hex') }
  } catch (error) {
    if (error instanceof ProxyProtocolError) return `${error.code}: ${error.message}`
    throw error
  }
}

function outcomeOfView(view: ProxyHeaderView, bytes: Uint8Array, start: number, end: number): unknown {
  try {
    const { length } = view.read(bytes, start, end)
    const payload = Buffer.from(bytes.subarray(start + length, end)).toString('hex')
    return { header: plain(view.toHeader()), length, payload }
  } catch (error) {
    if (error instanceof ProxyProtocolError) return `${error.code}: ${error.message}`
    throw error
  }
}

describe('the codec', () => {
  it('reads back every header that it writes, whatever follows', () => {
    fc.assert(
      fc.property(anyHeader, fc.uint8Array({ maxLength: 50 }), (header, payload) => {
        const bytes = encode(header)
        const decoded = decode(Buffer.concat([bytes, payload]))
        expect(plain(decoded.header)).toEqual(plain(header))
        expect(decoded.length).toBe(bytes.length)
        expect([...decoded.payload]).toEqual([...payload])
      }),
      runs,
    )
  })

  it('reads back checksums that it writes, and finds them wrong when the addresses change', () => {
    fc.assert(
      fc.property(
        anyHeader.filter(({ version, family }) => version === 'v2' && family !== 'UNSPEC'),
        fc.nat(11),
        fc.integer({ min: 1, max: 255 }),
        (header, at, flip) => {
          const bytes = encode(header, { checksum: true })
          const { tlvs, ...rest } = decode(bytes).header
          expect(plain({ ...rest, tlvs: tlvs.slice(0, -1) } as typeof header)).toEqual(plain(header))
          expect(tlvs.at(-1)).toMatchObject({ type: 3 })
          bytes[16 + at]! ^= flip
          expectCode(() => decode(bytes), 'ERR_PROXY_CHECKSUM')
          expect(decode(bytes, { verifyChecksum: false }).length).toBe(bytes.length)
        },
      ),
      runs,
    )
  })

  it('finds every proper prefix incomplete', () => {
    fc.assert(
      fc.property(anyHeader, fc.nat(), (header, cut) => {
        const bytes = encode(header)
        expectCode(() => decode(bytes.subarray(0, cut % bytes.length)), 'ERR_PROXY_INCOMPLETE')
      }),
      runs,
    )
  })

  it('writes with a template what encode writes', () => {
    fc.assert(
      fc.property(anyHeader, fc.boolean(), (header, checksum) => {
        if (header.version === 'v1' || (header.family !== 'IPv4' && header.family !== 'IPv6')) return
        const { version, family, transport, source, destination, tlvs } = header
        const sum = checksum && version === 'v2'
        const template = new ProxyHeaderTemplate({ version, family, transport, destination, tlvs, checksum: sum })
        const target = Buffer.alloc(template.length)
        template.write(source.address, source.port, target)
        expect(target.equals(encode(header, { checksum: sum }))).toBe(true)
      }),
      runs,
    )
  })

  it('reads back every value of a typed TLV', () => {
    fc.assert(
      fc.property(anyValues, (values) => {
        expect(readTlvs(makeTlvs(values))).toEqual(values)
      }),
      runs,
    )
  })

  it('throws nothing but ProxyProtocolError, and never looks at what lies around the input', () => {
    const view = new ProxyHeaderView()
    fc.assert(
      fc.property(fc.oneof(damaged, damaged, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const alone = outcome(Buffer.from(bytes))
        for (const poison of [0x00, 0x04, 0x0d, 0xff]) {
          const inside = surrounded(bytes, poison)
          expect(outcome(inside)).toEqual(alone)
          const larger = Buffer.from(inside.buffer, inside.byteOffset - 300, inside.length + 600)
          expect(outcomeOfView(view, larger, 300, 300 + bytes.length)).toEqual(alone)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('writes again what it reads, byte for byte but for what it skips', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        let decoded: ReturnType<typeof decode>
        try {
          decoded = decode(bytes, { verifyChecksum: false })
        } catch {
          return
        }
        const { header, length } = decoded
        const written = encode(header)
        expect(plain(decode(written, { verifyChecksum: false }).header)).toEqual(plain(header))
        if (header.version !== 'v1' && header.family !== 'UNSPEC') {
          expect(written.equals(bytes.subarray(0, length))).toBe(true)
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('refuses TLVs that are none with ProxyProtocolError alone', () => {
    const tlv = fc.record({
      type: fc.constantFrom(1, 2, 3, 5, 0x20, 0x20, 0x20, 0x30, 0xe0, 0xea, 0xee),
      value: fc
        .array(fc.constantFrom(0, 1, 2, 4, 8, 0x21, 0x22, 0x28, 0x41, 0xc3, 0xff), { maxLength: 20 })
        .map(Buffer.from),
    })
    fc.assert(
      fc.property(fc.array(tlv, { maxLength: 3 }), (tlvs) => {
        try {
          const values = readTlvs(tlvs)
          expect(readTlvs(makeTlvs(values))).toEqual(values)
        } catch (error) {
          expect(error).toBeInstanceOf(ProxyProtocolError)
        }
      }),
      { numRuns: 5000 },
    )
  })
})
