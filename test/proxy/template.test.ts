import { decode, encode, ProxyHeaderTemplate, type ProxyTemplateInput } from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { expectCode } from './kit.js'
import { validVectors } from './vectors.js'

const wrong = (value: unknown) => value as never
const input = {
  version: 'v2',
  family: 'IPv4',
  transport: 'DGRAM',
  destination: { address: '198.51.100.2', port: 53 },
} as const satisfies ProxyTemplateInput

describe('ProxyHeaderTemplate', () => {
  const inet = validVectors.filter(({ header: { version, family } }) => version !== 'v1' && family.startsWith('IP'))

  it.each(inet)('writes $name byte for byte', ({ header, bytes, checksum }) => {
    if (header.family !== 'IPv4' && header.family !== 'IPv6') throw new Error('not of the internet')
    const { version, family, transport, destination, tlvs, source } = header
    if (version === 'v1') throw new Error('of version 1')
    const template = new ProxyHeaderTemplate({ version, family, transport, destination, tlvs, checksum })
    expect(template.length).toBe(bytes.length)
    const target = Buffer.alloc(bytes.length + 20, 0xa5)
    for (const client of [{ address: family === 'IPv4' ? '192.0.2.254' : '2001:db8::fe', port: 65535 }, source]) {
      expect(template.write(client.address, client.port, target, 7)).toBe(bytes.length)
    }
    expect(target.subarray(7, 7 + bytes.length).toString('hex')).toBe(bytes.toString('hex'))
    const around = [...target.subarray(0, 7), ...target.subarray(7 + bytes.length)]
    expect(around).toEqual(Array(20).fill(0xa5))
  })

  it('adds a checksum that is right for each client', () => {
    const tlvs = [{ type: 1, value: Buffer.from('dot') }]
    const template = new ProxyHeaderTemplate({ ...input, tlvs, checksum: true })
    const target = new Uint8Array(template.length)
    for (let i = 0; i < 300; i++) {
      const source = { address: `192.0.2.${i & 255}`, port: i }
      template.write(source.address, source.port, target)
      expect(decode(target).header).toMatchObject({ source })
      expect(encode({ ...input, source, tlvs }, { checksum: true }).equals(target)).toBe(true)
    }
  })

  it('keeps nothing of what it was made from', () => {
    const value = Buffer.from('dot')
    const template = new ProxyHeaderTemplate({ ...input, tlvs: [{ type: 1, value }] })
    value.fill(0)
    const target = Buffer.alloc(template.length)
    template.write('192.0.2.1', 1, target)
    expect(target.subarray(-3).toString()).toBe('dot')
  })

  it('leaves the target alone when it refuses, and writes the next header right', () => {
    const template = new ProxyHeaderTemplate(input)
    const target = Buffer.alloc(40, 0xa5)
    const write = template.write.bind(template)
    expectCode(() => write('::1', 1, target), 'ERR_PROXY_ADDRESS')
    expectCode(() => write('192.0.2.1', 65536, target), 'ERR_PROXY_ADDRESS')
    for (const [code, act] of [
      ['ERR_INVALID_ARG_TYPE', () => write(wrong(1), 1, target)],
      ['ERR_INVALID_ARG_TYPE', () => write('192.0.2.1', wrong('1'), target)],
      ['ERR_INVALID_ARG_TYPE', () => write('192.0.2.1', 1, wrong([]))],
      ['ERR_OUT_OF_RANGE', () => write('192.0.2.1', 1, target, 13)],
      ['ERR_OUT_OF_RANGE', () => write('192.0.2.1', 1, target, -1)],
      ['ERR_OUT_OF_RANGE', () => write('192.0.2.1', 1, target, 1.5)],
      ['ERR_OUT_OF_RANGE', () => write('192.0.2.1', 1, Buffer.alloc(27))],
    ] as const) {
      expect(act).toThrow(expect.objectContaining({ code }))
    }
    expect(target.every((byte) => byte === 0xa5)).toBe(true)
    expect(write('192.0.2.1', 7, target, 12)).toBe(28)
    expect(decode(target.subarray(12)).header).toMatchObject({ source: { address: '192.0.2.1', port: 7 } })
  })

  it.each<[string, unknown]>([
    ['ERR_PROXY_VERSION', { ...input, version: 'v1', transport: 'STREAM' }],
    ['ERR_PROXY_VERSION', { ...input, version: 'v3' }],
    ['ERR_PROXY_FAMILY', { ...input, family: 'UNIX' }],
    ['ERR_PROXY_FAMILY', { ...input, version: 'spp', transport: 'STREAM' }],
    ['ERR_PROXY_ADDRESS', { ...input, destination: { address: '::1', port: 1 } }],
    ['ERR_PROXY_CHECKSUM', { ...input, version: 'spp', checksum: true }],
    ['ERR_PROXY_TLV', { ...input, version: 'spp', tlvs: [{ type: 4, value: Buffer.alloc(0) }] }],
    ['ERR_INVALID_ARG_TYPE', { ...input, destination: undefined }],
    ['ERR_INVALID_ARG_TYPE', { ...input, checksum: 'yes' }],
    ['ERR_INVALID_ARG_TYPE', undefined],
  ])('cannot be made: %s', (code, bad) => {
    expect(() => new ProxyHeaderTemplate(wrong(bad))).toThrow(expect.objectContaining({ code }))
  })
})
