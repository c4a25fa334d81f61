import { decode, encode, type ProxyHeaderInput, type ProxyTlv } from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { expectCode, plain, refusal } from './kit.js'
import { validVectors } from './vectors.js'

const wrong = (value: unknown) => value as never

const header = {
  version: 'v2',
  family: 'IPv4',
  transport: 'DGRAM',
  source: { address: '203.0.113.7', port: 53124 },
  destination: { address: '198.51.100.2', port: 53 },
} as const satisfies ProxyHeaderInput

const tlv = (type: number, value: Uint8Array | number): ProxyTlv => ({
  type,
  value: typeof value === 'number' ? Buffer.alloc(value) : value,
})

describe('encode', () => {
  it.each(validVectors.filter(({ otherwise }) => !otherwise))('writes $name byte for byte', (vector) => {
    expect(encode(vector.header).toString('hex')).toBe(vector.bytes.toString('hex'))
  })

  it.each(validVectors.filter(({ otherwise }) => otherwise))('writes what means the same as $name', (vector) => {
    const bytes = encode(vector.header)
    expect(plain(decode(bytes).header)).toEqual(plain(vector.header))
    expect(bytes.length).toBeLessThanOrEqual(vector.bytes.length)
  })

  it('leaves out what goes without saying', () => {
    const full = { ...header, command: 'PROXY', tlvs: [] } as const
    expect(encode(header)).toEqual(encode(full))
    expect(encode({ version: 'v1', family: 'UNSPEC' }).toString()).toBe('PROXY UNKNOWN\r\n')
    expect(encode({ version: 'v2', command: 'LOCAL' }).toString('hex')).toBe('0d0a0d0a000d0a515549540a20000000')
    expect(encode({ version: 'v2', family: 'UNSPEC' }).toString('hex')).toBe('0d0a0d0a000d0a515549540a21000000')
  })

  describe('with a checksum', () => {
    it.each(validVectors.filter(({ checksum }) => checksum))('writes $name', ({ header, bytes }) => {
      const stale = header.tlvs.map(({ type, value }) => tlv(type, type === 3 ? 4 : value))
      expect(encode({ ...header, tlvs: stale } as ProxyHeaderInput, { checksum: true }).equals(bytes)).toBe(true)
    })

    it('adds the TLV behind the others', () => {
      const bytes = encode({ ...header, tlvs: [tlv(1, Buffer.from('dot'))] }, { checksum: true })
      expect(decode(bytes).header.tlvs.map(({ type }) => type)).toEqual([1, 3])
      expect(decode(encode(header, { checksum: true })).length).toBe(28 + 7)
      expect(encode(header, { checksum: false })).toEqual(encode(header))
    })

    it('finds every byte that is changed on the way', () => {
      const bytes = encode({ ...header, tlvs: [tlv(5, 16)] }, { checksum: true })
      for (let i = 16; i < bytes.length; i++) {
        const changed = Buffer.from(bytes)
        changed[i]! ^= 0x10
        // One whose type or place is changed is no checksum any more.
        if (i === bytes.length - 7 || i === 30) continue
        expect(['ERR_PROXY_CHECKSUM', 'ERR_PROXY_TLV']).toContain(refusal(() => decode(changed)).code)
      }
    })

    it('writes none into a header without addresses', () => {
      expect(encode({ version: 'v2', command: 'LOCAL' }, { checksum: true })).toHaveLength(16)
    })
  })

  it('writes the longest header there is, and none longer', () => {
    const longest = { ...header, tlvs: [tlv(4, 0xffff - 12 - 3)] }
    const bytes = encode(longest)
    expect(bytes).toHaveLength(16 + 0xffff)
    expect(decode(bytes).length).toBe(16 + 0xffff)
    expectCode(() => encode({ ...header, tlvs: [tlv(4, 0xffff - 12 - 2)] }), 'ERR_PROXY_TOO_LONG')
    expectCode(() => encode(longest, { checksum: true }), 'ERR_PROXY_TOO_LONG')
    expectCode(() => encode({ ...header, tlvs: [tlv(4, 0x10000)] }), 'ERR_PROXY_TLV')
  })

  const path = { path: Buffer.from('/run/a') }
  const unix = { version: 'v2', family: 'UNIX', transport: 'DGRAM', source: path, destination: path } as const
  it.each<[string, string, unknown]>([
    ['ERR_PROXY_VERSION', 'version 3', { ...header, version: 'v3' }],
    ['ERR_PROXY_VERSION', 'no version', { ...header, version: undefined }],
    ['ERR_PROXY_COMMAND', 'an unknown command', { ...header, command: 'REMOTE' }],
    ['ERR_PROXY_COMMAND', 'LOCAL in version 1', { version: 'v1', command: 'LOCAL' }],
    ['ERR_PROXY_COMMAND', 'LOCAL in SPP', { ...header, version: 'spp', command: 'LOCAL' }],
    ['ERR_PROXY_FAMILY', 'LOCAL with addresses', { ...header, command: 'LOCAL' }],
    ['ERR_PROXY_FAMILY', 'UNSPEC with a transport', { version: 'v2', family: 'UNSPEC', transport: 'DGRAM' }],
    ['ERR_PROXY_FAMILY', 'an unknown family', { ...header, family: 'IPX' }],
    ['ERR_PROXY_FAMILY', 'no transport', { ...header, transport: undefined }],
    ['ERR_PROXY_FAMILY', 'addresses without a transport', { ...header, transport: 'UNSPEC' }],
    ['ERR_PROXY_FAMILY', 'DGRAM in version 1', { ...header, version: 'v1' }],
    ['ERR_PROXY_FAMILY', 'UNIX in version 1', { ...unix, version: 'v1', transport: 'STREAM' }],
    ['ERR_PROXY_FAMILY', 'UNIX in SPP', { ...unix, version: 'spp' }],
    ['ERR_PROXY_FAMILY', 'STREAM in SPP', { ...header, version: 'spp', transport: 'STREAM' }],
    ['ERR_PROXY_FAMILY', 'UNSPEC in SPP', { version: 'spp', family: 'UNSPEC' }],
    ['ERR_PROXY_TLV', 'TLVs in version 1', { ...header, version: 'v1', transport: 'STREAM', tlvs: [tlv(4, 0)] }],
    ['ERR_PROXY_TLV', 'TLVs in SPP', { ...header, version: 'spp', tlvs: [tlv(4, 0)] }],
    ['ERR_PROXY_TLV', 'TLVs with LOCAL', { version: 'v2', command: 'LOCAL', tlvs: [tlv(4, 0)] }],
    ['ERR_PROXY_TLV', 'TLVs with UNSPEC', { version: 'v2', family: 'UNSPEC', tlvs: [tlv(4, 0)] }],
    ['ERR_PROXY_TLV', 'a type of 256', { ...header, tlvs: [tlv(256, 0)] }],
    ['ERR_PROXY_TLV', 'a type of 1.5', { ...header, tlvs: [tlv(1.5, 0)] }],
    ['ERR_PROXY_TLV', 'a type of −1', { ...header, tlvs: [tlv(-1, 0)] }],
    ['ERR_PROXY_TLV', 'a CRC32C of 3 bytes', { ...header, tlvs: [tlv(3, 3)] }],
    ['ERR_PROXY_TLV', 'two CRC32C', { ...header, tlvs: [tlv(3, 4), tlv(3, 4)] }],
    ['ERR_PROXY_ADDRESS', 'a name', { ...header, source: { address: 'localhost', port: 1 } }],
    ['ERR_PROXY_ADDRESS', 'an IPv6 address in an IPv4 header', { ...header, source: { address: '::1', port: 1 } }],
    ['ERR_PROXY_ADDRESS', 'an IPv4 address in an IPv6 header', { ...header, family: 'IPv6' }],
    ['ERR_PROXY_ADDRESS', 'a scope', { ...header, family: 'IPv6', source: { address: 'fe80::1%lo', port: 1 } }],
    ['ERR_PROXY_ADDRESS', 'a port of 65536', { ...header, source: { address: '1.1.1.1', port: 65536 } }],
    ['ERR_PROXY_ADDRESS', 'a port of −1', { ...header, destination: { address: '1.1.1.1', port: -1 } }],
    ['ERR_PROXY_ADDRESS', 'a port of NaN', { ...header, source: { address: '1.1.1.1', port: Number.NaN } }],
    ['ERR_PROXY_ADDRESS', 'a port of 0.5', { ...header, version: 'spp', source: { address: '1.1.1.1', port: 0.5 } }],
    ['ERR_PROXY_ADDRESS', 'a path of 109 bytes', { ...unix, source: { path: Buffer.alloc(109, 1) } }],
    ['ERR_INVALID_ARG_TYPE', 'no header', undefined],
    ['ERR_INVALID_ARG_TYPE', 'no source', { ...header, source: undefined }],
    ['ERR_INVALID_ARG_TYPE', 'no destination in SPP', { ...header, version: 'spp', destination: null }],
    ['ERR_INVALID_ARG_TYPE', 'a number as address', { ...header, source: { address: 1, port: 1 } }],
    ['ERR_INVALID_ARG_TYPE', 'a text as port', { ...header, source: { address: '1.1.1.1', port: '1' } }],
    ['ERR_INVALID_ARG_TYPE', 'a text as path', { ...unix, destination: { path: '/run/a' } }],
    ['ERR_INVALID_ARG_TYPE', 'no path', { ...unix, destination: null }],
    ['ERR_INVALID_ARG_TYPE', 'TLVs that are no array', { ...header, tlvs: {} }],
    ['ERR_INVALID_ARG_TYPE', 'a TLV that is none', { ...header, tlvs: [null] }],
    ['ERR_INVALID_ARG_TYPE', 'a text as type', { ...header, tlvs: [{ type: '4', value: Buffer.alloc(0) }] }],
    ['ERR_INVALID_ARG_TYPE', 'a text as value', { ...header, tlvs: [{ type: 4, value: 'x' }] }],
  ])('refuses with %s: %s', (code, _, input) => {
    expect(() => encode(wrong(input))).toThrow(expect.objectContaining({ code }))
  })

  it('says what the value is, and what helps', () => {
    const bad = { ...header, source: { address: '::1', port: 1 } }
    expect(refusal(() => encode(bad)).message).toBe(
      `"header.source.address" is "::1", which is no IPv4 address. Give it as a.b.c.d, or take family: 'IPv6'`,
    )
  })

  it('refuses checksums outside of version 2, and wrong options', () => {
    expectCode(() => encode({ version: 'v1', family: 'UNSPEC' }, { checksum: true }), 'ERR_PROXY_CHECKSUM')
    expectCode(() => encode({ ...header, version: 'spp' }, { checksum: true }), 'ERR_PROXY_CHECKSUM')
    const code = (code: string) => expect.objectContaining({ code })
    expect(() => encode(header, wrong({ checksums: true }))).toThrow(code('ERR_UNKNOWN_OPTION'))
    expect(() => encode(header, wrong({ checksum: 1 }))).toThrow(code('ERR_INVALID_ARG_TYPE'))
    expect(() => encode(header, wrong(true))).toThrow(code('ERR_INVALID_ARG_TYPE'))
  })
})
