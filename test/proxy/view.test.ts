import { decode, type ProxyHeader, ProxyHeaderView, ProxyTlvType } from 'udp-dsr/proxy'
import { describe, expect, it } from 'vitest'
import { expectCode, plain } from './kit.js'
import { invalidVectors, validVectors } from './vectors.js'

const wrong = (value: unknown) => value as never

/** What the getters of a view must say of a header. */
function expected(header: ProxyHeader, length: number) {
  const { version, command, family, transport, tlvs } = header
  const inet = family === 'IPv4' || family === 'IPv6'
  return {
    ...{ version, command, family, transport, length, tlvs: tlvs.map(({ type, value }) => [type, [...value]]) },
    sourceAddress: inet ? header.source.address : undefined,
    sourcePort: inet ? header.source.port : undefined,
    destinationAddress: inet ? header.destination.address : undefined,
    destinationPort: inet ? header.destination.port : undefined,
  }
}

function told(view: ProxyHeaderView) {
  const { version, command, family, transport, length, tlvs } = view
  const { sourceAddress, sourcePort, destinationAddress, destinationPort } = view
  return {
    ...{ version, command, family, transport, length, tlvs: tlvs.map(({ type, value }) => [type, [...value]]) },
    ...{ sourceAddress, sourcePort, destinationAddress, destinationPort },
  }
}

describe('ProxyHeaderView', () => {
  it('reads every vector, one after the other, wherever it lies', () => {
    const strict = new ProxyHeaderView()
    const lax = new ProxyHeaderView({ verifyChecksum: false })
    for (const { bytes, header, options } of [...validVectors, ...[...validVectors].reverse()]) {
      const view = options?.verifyChecksum === false ? lax : strict
      const larger = Buffer.concat([Buffer.alloc(33, 0x5a), bytes, Buffer.alloc(9, 0x5a)])
      for (const end of [larger.length, 33 + bytes.length]) {
        expect(view.read(larger, 33, end)).toBe(view)
        expect(told(view)).toEqual(expected(header, bytes.length))
        expect(plain(view.toHeader())).toEqual(plain(header))
      }
      expect(told(view.read(Uint8Array.from(bytes)))).toEqual(expected(header, bytes.length))
      expectCode(() => view.read(larger, 33, 33 + bytes.length - 1), 'ERR_PROXY_INCOMPLETE')
    }
  })

  it.each(invalidVectors)('refuses $name as decode does, and knows nothing then', ({ bytes, code, options }) => {
    const view = new ProxyHeaderView(options)
    const [{ bytes: local } = { bytes: Buffer.alloc(0) }] = validVectors.filter(({ name }) => name === 'v2 LOCAL')
    if (options?.versions === undefined) expect(view.read(local).command).toBe('LOCAL')
    const larger = Buffer.concat([Buffer.alloc(7), bytes, Buffer.alloc(300, 0xff)])
    expectCode(() => view.read(larger, 7, 7 + bytes.length), code)
    const nothing = { command: 'PROXY', family: 'UNSPEC', transport: 'UNSPEC', length: 0, tlvs: [] }
    expect(told(view)).toMatchObject({ ...nothing, sourceAddress: undefined, sourcePort: undefined })
    expect(view.tlv(ProxyTlvType.alpn)).toBeUndefined()
    expect(view.toHeader()).toMatchObject({ family: 'UNSPEC', tlvs: [] })
    const messages = [() => decode(bytes, options), () => view.read(bytes)].map((act) => {
      try {
        return act()
      } catch (error) {
        return (error as Error).message
      }
    })
    expect(messages[0]).toBe(messages[1])
  })

  it('knows nothing before the first header', () => {
    expect(told(new ProxyHeaderView())).toMatchObject({ family: 'UNSPEC', length: 0, tlvs: [], sourcePort: undefined })
  })

  it('gives the value of a TLV as a view, the first of its type', () => {
    const { bytes } = validVectors.find(({ name }) => name.includes('a type twice')) as (typeof validVectors)[0]
    const view = new ProxyHeaderView().read(bytes)
    expect([...(view.tlv(0xe5) as Buffer)]).toEqual([0, 1, 2])
    expect(view.tlv(ProxyTlvType.noop)).toHaveLength(0)
    expect(view.tlv(0x77)).toHaveLength(300)
    expect(view.tlv(ProxyTlvType.alpn)).toBeUndefined()
    ;(view.tlv(0xe5) as Buffer)[0] = 9
    expect([...(view.tlvs[0]?.value ?? [])]).toEqual([9, 1, 2])
  })

  it.each([
    ['ERR_INVALID_ARG_TYPE', (view: ProxyHeaderView) => view.read(wrong('text'))],
    ['ERR_INVALID_ARG_TYPE', (view: ProxyHeaderView) => view.read(wrong(undefined))],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), -1)],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), wrong('1'))],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), 5)],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), 0, 5)],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), 3, 2)],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), 0.5)],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), Number.NaN)],
    ['ERR_OUT_OF_RANGE', (view: ProxyHeaderView) => view.read(Buffer.alloc(4), 0, wrong('4'))],
  ])('refuses wrong arguments: %s, %s', (code, act) => {
    expect(() => act(new ProxyHeaderView())).toThrow(expect.objectContaining({ code }))
  })
})
