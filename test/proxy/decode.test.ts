import { decode } from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { expectCode, plain, refusal } from './kit.js'
import { invalidVectors, validVectors } from './vectors.js'

const wrong = (value: unknown) => value as never

describe('decode', () => {
  it.each(validVectors)('reads $name', ({ bytes, header, options, payload }) => {
    const decoded = decode(Buffer.concat([bytes, payload]), options)
    expect(plain(decoded.header)).toEqual(plain(header))
    expect(decoded.length).toBe(bytes.length)
    expect(decoded.payload.equals(payload)).toBe(true)
  })

  it.each(validVectors)('finds every cut of $name incomplete', ({ bytes, options }) => {
    for (let length = 0; length < bytes.length; length++) {
      expectCode(() => decode(bytes.subarray(0, length), options), 'ERR_PROXY_INCOMPLETE')
    }
  })

  it.each(invalidVectors)('refuses $name', ({ bytes, code, options }) => {
    expectCode(() => decode(bytes, options), code)
  })

  it('reads Uint8Arrays as it reads Buffers', () => {
    for (const { bytes, header, options } of validVectors) {
      expect(plain(decode(Uint8Array.from(bytes), options).header)).toEqual(plain(header))
    }
  })

  it('gives a payload that is a view, and a header that is none', () => {
    const bytes = Buffer.concat([vector('v2 UNIX STREAM'), Buffer.from('body')])
    const { header, payload } = decode(bytes)
    const before = plain(header)
    bytes.fill(0x41)
    expect(payload.toString()).toBe('AAAA')
    expect(plain(header)).toEqual(before)
    const withTlvs = Buffer.from(vector('v2 IPv4 with ALPN, AUTHORITY and UNIQUE_ID'))
    const { header: other } = decode(withTlvs)
    const told = plain(other)
    withTlvs.fill(0)
    expect(plain(other)).toEqual(told)
    other.tlvs[0]?.value.fill(0x2a)
    expect(Buffer.from(other.tlvs[1]?.value ?? []).toString()).toBe('bücher.example')
  })

  it.each([
    ['nothing', 'It has 0 bytes, the header at least 1'],
    ['v2 that says one byte more than there is', 'It has 28 bytes, the header at least 29'],
    ['a DNS query', 'It begins with 123401000001000000000000'],
    ['v2 with version 3', 'Byte 12 is 0x31'],
    ['v2 with command 15', 'Byte 12 is 0x2f'],
    ['v2 with family 4', 'Byte 13 is 0x41'],
    ['v2 IPv6 of 35 bytes', 'It is 35, and the addresses of family 2 take 36 bytes'],
    ['v2 UNIX of 215 bytes', 'It is 215, and the addresses of family 3 take 216 bytes'],
    ['v2 with two bytes behind the addresses', 'The last 2 bytes are too few for a TLV'],
    ['v2 with a TLV of 65535 bytes', 'TLV 0x04 says 65535 bytes where 1 are left'],
    ['v2 with a CRC32C of 5 bytes that is not verified', 'TLV 0x03 has 5 bytes'],
    ['v2 with two CRC32C', 'TLV 0x03 is there more than once'],
    ['v2 with a stale CRC32C', 'It says deadbeef, and the header’s is '.replace('’', "'")],
    ['v1 with UDP4', "The line is 'PROXY UDP4 1.1.1.1 2.2.2.2 1 2'"],
    ['v1 with a port of 65536', "The line is 'PROXY TCP4 1.1.1.1 2.2.2.2 65536 2'"],
    ['v1 of 108 bytes', 'No CR LF is among the first 107 bytes'],
  ])('says of %s what is wrong with it', (name, part) => {
    const { bytes, options } = invalidVectors.find((one) => one.name === name) as (typeof invalidVectors)[0]
    expect(refusal(() => decode(bytes, options)).message).toContain(`. ${part}`)
  })

  it.each([
    ['the right checksum', 'v2 with a stale CRC32C'],
    ['the same', 'v2 with a CRC32C and a source that was changed'],
  ])('tells %s of %s', (_, name) => {
    const bytes = Buffer.from(invalidVectors.find((one) => one.name === name)?.bytes as Buffer)
    const [, right = ''] = /and the header's is ([0-9a-f]{8})/.exec(refusal(() => decode(bytes)).message) ?? []
    const field = bytes.indexOf(Buffer.from('030004', 'hex'), 16) + 3
    bytes.write(right, field, 'hex')
    expect(decode(bytes).length).toBe(bytes.length)
  })

  it.each([
    ['ERR_INVALID_ARG_TYPE', () => decode(wrong('PROXY UNKNOWN\r\n'))],
    ['ERR_INVALID_ARG_TYPE', () => decode(wrong(new ArrayBuffer(16)))],
    ['ERR_INVALID_ARG_TYPE', () => decode(Buffer.alloc(1), wrong(null))],
    ['ERR_INVALID_ARG_TYPE', () => decode(Buffer.alloc(1), { versions: wrong('v2') })],
    ['ERR_INVALID_ARG_TYPE', () => decode(Buffer.alloc(1), { verifyChecksum: wrong('no') })],
    ['ERR_INVALID_ARG_VALUE', () => decode(Buffer.alloc(1), { versions: [] })],
    ['ERR_INVALID_ARG_VALUE', () => decode(Buffer.alloc(1), { versions: [wrong('v3')] })],
    ['ERR_UNKNOWN_OPTION', () => decode(Buffer.alloc(1), wrong({ version: ['v2'] }))],
  ])('refuses wrong arguments: %s, %s', (code, act) => {
    expect(act).toThrow(expect.objectContaining({ code }))
  })
})

function vector(name: string): Buffer {
  return validVectors.find((one) => one.name === name)?.bytes as Buffer
}
