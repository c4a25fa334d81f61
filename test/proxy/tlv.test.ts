import { makeTlvs, ProxySslTlvType, type ProxyTlv, ProxyTlvType, type ProxyTlvValues, readTlvs } from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { expectCode, refusal } from './kit.js'
import { validVectors } from './vectors.js'

const wrong = (value: unknown) => value as never
const tlv = (type: number, value: string | readonly number[]): ProxyTlv => ({
  type,
  value: Buffer.from(value as string),
})
const ssl = {
  clientUsedTls: true,
  clientCertConn: false,
  clientCertSess: true,
  verified: false,
} satisfies ProxyTlvValues['ssl']

describe('readTlvs', () => {
  it.each(validVectors.filter(({ values }) => values))('reads those of $name', ({ header, values }) => {
    expect(readTlvs(header.tlvs)).toEqual(values)
  })

  it('leaves out what it does not know', () => {
    const others = [tlv(0x00, 'a'), tlv(ProxyTlvType.noop, 'b'), tlv(0x77, 'c'), tlv(0x77, 'd')]
    const otherKinds = [tlv(ProxyTlvType.aws, [2, 65]), tlv(ProxyTlvType.azure, [2]), tlv(ProxyTlvType.azure, [3, 1])]
    expect(readTlvs([...others, ...otherKinds])).toEqual({})
    expect(readTlvs([tlv(ProxyTlvType.ssl, [0, 0, 0, 0, 0, 0x7f, 0, 1, 9])])).toEqual({
      ssl: { clientUsedTls: false, clientCertConn: false, clientCertSess: false, verified: true },
    })
  })

  it.each<[string, ProxyTlv[]]>([
    ['an authority that is no UTF-8', [tlv(ProxyTlvType.authority, [0xc3, 0x28])]],
    ['a namespace that is no US-ASCII', [tlv(ProxyTlvType.netns, 'blåu')]],
    ['a checksum of 3 bytes', [tlv(ProxyTlvType.crc32c, [1, 2, 3])]],
    ['a unique ID of 129 bytes', [tlv(ProxyTlvType.uniqueId, Array(129).fill(1))]],
    ['an SSL of 4 bytes', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0])]],
    ['an SSL with two bytes behind', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0, 0, 0x21, 0])]],
    ['an SSL whose TLV is cut', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0, 0, 0x21, 0, 2, 65])]],
    ['an SSL with two versions', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0, 0, 0x21, 0, 1, 65, 0x21, 0, 1, 65])]],
    ['an SSL with two certificates', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0, 0, 0x28, 0, 0, 0x28, 0, 0])]],
    ['a cipher that is no US-ASCII', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0, 0, 0x23, 0, 1, 0x80])]],
    ['a common name that is no UTF-8', [tlv(ProxyTlvType.ssl, [1, 0, 0, 0, 0, 0x22, 0, 1, 0xff])]],
    ['an AWS TLV of 0 bytes', [tlv(ProxyTlvType.aws, '')]],
    ['an endpoint that is no US-ASCII', [tlv(ProxyTlvType.aws, [1, 0xe9])]],
    ['an Azure LinkID of 3 bytes', [tlv(ProxyTlvType.azure, [1, 0, 0, 0])]],
    ['a Google connection of 7 bytes', [tlv(ProxyTlvType.gcp, [1, 2, 3, 4, 5, 6, 7])]],
    ['two ALPN', [tlv(ProxyTlvType.alpn, 'h3'), tlv(ProxyTlvType.alpn, 'h3')]],
    ['two empty authorities', [tlv(ProxyTlvType.authority, ''), tlv(ProxyTlvType.authority, '')]],
    ['a type of 256', [tlv(256, '')]],
  ])('refuses %s', (_, tlvs) => {
    expectCode(() => readTlvs(tlvs), 'ERR_PROXY_TLV')
  })

  it('refuses what are no TLVs', () => {
    for (const bad of [undefined, {}, [1], [{ type: 1, value: 'h3' }], [{ type: '1', value: Buffer.alloc(0) }]]) {
      expect(() => readTlvs(wrong(bad))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    }
  })
})

describe('makeTlvs', () => {
  it.each(validVectors.filter(({ values }) => values))('makes those of $name', ({ header, values }) => {
    const known = header.tlvs.filter(({ type }) => (Object.values(ProxyTlvType) as number[]).includes(type))
    const made = makeTlvs(values as ProxyTlvValues)
    const sorted = (tlvs: readonly ProxyTlv[]) =>
      tlvs
        .filter(({ type }) => type !== ProxyTlvType.noop)
        .map(({ type, value }) => `${type} ${Buffer.from(value).toString('hex')}`)
    expect(sorted(made).sort()).toEqual(sorted(known).sort())
  })

  it('makes nothing of nothing, and takes the limits', () => {
    expect(makeTlvs({})).toEqual([])
    expect(makeTlvs({ alpn: undefined })).toEqual([])
    const limits: ProxyTlvValues = {
      ...{ alpn: '\u00ff\u0000', authority: '', uniqueId: Buffer.alloc(128, 7), netns: '', crc32c: 0xffffffff },
      ...{ awsVpcEndpointId: '', azurePrivateEndpointLinkId: 0xffffffff, gcpPscConnectionId: 2n ** 64n - 1n },
      ssl: { ...ssl, commonName: '', clientCertificate: Buffer.alloc(0) },
    }
    expect(readTlvs(makeTlvs(limits))).toEqual(limits)
    expect(makeTlvs({ ssl })).toEqual([{ type: ProxyTlvType.ssl, value: Buffer.of(5, 0, 0, 0, 1) }])
    const { value } = makeTlvs({ ssl: { ...ssl, group: 'x' } })[0] as ProxyTlv
    expect([...value]).toEqual([5, 0, 0, 0, 1, ProxySslTlvType.group, 0, 1, 0x78])
  })

  it.each<[string, unknown]>([
    ['an ALPN beyond one byte a character', { alpn: 'h\u0100' }],
    ['an authority with half a surrogate pair', { authority: 'a\ud800' }],
    ['a namespace that is no US-ASCII', { netns: 'blåu' }],
    ['a unique ID of 129 bytes', { uniqueId: Buffer.alloc(129) }],
    ['a checksum of 2³²', { crc32c: 2 ** 32 }],
    ['a LinkID of −1', { azurePrivateEndpointLinkId: -1 }],
    ['a LinkID of 0.5', { azurePrivateEndpointLinkId: 0.5 }],
    ['a connection of 2⁶⁴', { gcpPscConnectionId: 2n ** 64n }],
    ['a connection of −1', { gcpPscConnectionId: -1n }],
    ['a certificate of 65536 bytes', { ssl: { ...ssl, clientCertificate: Buffer.alloc(65536) } }],
    ['an SSL of more than 65535 bytes', { ssl: { ...ssl, clientCertificate: Buffer.alloc(65535) } }],
    ['a cipher that is no US-ASCII', { ssl: { ...ssl, cipher: 'é' } }],
  ])('refuses %s', (_, values) => {
    const { code, message } = refusal(() => makeTlvs(wrong(values)))
    expect(code).toBe('ERR_PROXY_TLV')
    expect(message.length).toBeLessThan(200)
  })

  it.each<[string, unknown]>([
    ['ERR_INVALID_ARG_TYPE', undefined],
    ['ERR_INVALID_ARG_TYPE', { alpn: 1 }],
    ['ERR_INVALID_ARG_TYPE', { uniqueId: 'text' }],
    ['ERR_INVALID_ARG_TYPE', { crc32c: '1' }],
    ['ERR_INVALID_ARG_TYPE', { gcpPscConnectionId: 1 }],
    ['ERR_INVALID_ARG_TYPE', { ssl: true }],
    ['ERR_INVALID_ARG_TYPE', { ssl: {} }],
    ['ERR_INVALID_ARG_TYPE', { ssl: { ...ssl, verified: 0 } }],
    ['ERR_INVALID_ARG_TYPE', { ssl: { ...ssl, clientCertificate: 'text' } }],
    ['ERR_UNKNOWN_OPTION', { authorty: 'example.org' }],
    ['ERR_UNKNOWN_OPTION', { ssl: { ...ssl, cypher: 'x' } }],
  ])('refuses wrong arguments: %s, %j', (code, values) => {
    expect(() => makeTlvs(wrong(values))).toThrow(expect.objectContaining({ code }))
  })
})
