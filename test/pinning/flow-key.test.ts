import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from '../../src/net/ip.js'
import { AFFINITIES, type Affinity, FlowKey } from '../../src/pinning/flow-key.js'
import { flowVectors } from './vectors.js'

const hex = (key: FlowKey) => Buffer.from(key.toBytes()).toString('hex')
const wrong = (value: unknown) => value as never

const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 })
const mapped = ipv4.map((bytes) => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes]))
const address = fc.oneof(ipv4, ipv6, mapped)
const port = fc.integer({ min: 0, max: 65535 })
const affinity = fc.constantFrom(...AFFINITIES)

const text = (bytes: Uint8Array) => (bytes.length === 4 ? formatIPv4(bytes, 0) : formatIPv6(bytes, 0))
const number = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)

/** The canonical bytes by their definition. */
function definition(of: Affinity, client: Uint8Array, clientPort: number, local: Uint8Array, localPort: number) {
  const short = (bytes: Uint8Array) => {
    const isMapped =
      bytes.length === 16 && Buffer.from(bytes.subarray(0, 12)).toString('hex') === `${'00'.repeat(10)}ffff`
    return isMapped ? bytes.subarray(12) : bytes
  }
  const long = (bytes: Uint8Array) =>
    bytes.length === 16 ? bytes : [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...bytes]
  const two = (value: number) => [value >>> 8, value & 0xff]
  const c = short(client)
  if (of === 'client-ip') return Buffer.from(c).toString('hex')
  if (of === 'client-ip-port') return Buffer.from([...c, ...two(clientPort)]).toString('hex')
  const l = short(local)
  const width = c.length === l.length ? (bytes: Uint8Array) => bytes : long
  return Buffer.from([...width(c), ...two(clientPort), ...width(l), ...two(localPort)]).toString('hex')
}

describe('FlowKey', () => {
  it('writes the bytes of the vectors', () => {
    expect(flowVectors.length).toBeGreaterThan(30)
    for (const { affinity: of, client, local, key } of flowVectors) {
      expect(hex(new FlowKey(of).set({ client, local }))).toBe(key)
    }
  })

  it('writes what the definition says, from texts and bytes alike, one after the other in one object', () => {
    const objects = Object.fromEntries(AFFINITIES.map((of) => [of, new FlowKey(of)]))
    fc.assert(
      fc.property(affinity, address, port, address, port, (of, client, clientPort, local, localPort) => {
        const want = definition(of, client, clientPort, local, localPort)
        const key = objects[of]!
        const flow = {
          client: { address: text(client), port: clientPort },
          local: { address: text(local), port: localPort },
        }
        expect(hex(key.set(flow))).toBe(want)
        key.set({ client: { address: '192.0.2.1', port: 1 }, local: { address: '2001:db8::1', port: 2 } })
        key.setBytes(client, clientPort, local, localPort)
        expect(hex(key)).toBe(want)
      }),
      { numRuns: 2000 },
    )
  })

  it('takes IPv4 from numbers, signed or not', () => {
    fc.assert(
      fc.property(affinity, ipv4, port, ipv4, port, (of, client, clientPort, local, localPort) => {
        const want = definition(of, client, clientPort, local, localPort)
        const key = new FlowKey(of)
        key.setIPv4(number(client), clientPort, number(local), localPort)
        expect(hex(key)).toBe(want)
        key.setIPv4(number(client) | 0, clientPort, number(local) | 0, localPort)
        expect(hex(key)).toBe(want)
      }),
    )
  })

  it('needs no local end, and no port, where the affinity has none', () => {
    const client = { address: '192.0.2.1', port: 258 }
    expect(hex(new FlowKey('client-ip-port').set({ client }))).toBe('c00002010102')
    expect(hex(new FlowKey('client-ip').set({ client: wrong({ address: '192.0.2.1' }) }))).toBe('c0000201')
    const key = new FlowKey('client-ip-port')
    key.setBytes(Uint8Array.of(192, 0, 2, 1), 258)
    expect(hex(key)).toBe('c00002010102')
    expect(new FlowKey('flow').length).toBe(0)
  })

  it('leaves scopes out', () => {
    const key = new FlowKey('client-ip')
    expect(hex(key.set({ client: { address: 'fe80::1%eth0', port: 1 } }))).toBe(`fe80${'00'.repeat(13)}01`)
  })

  it.each([
    [{}, 'ERR_INVALID_ARG_TYPE', '"flow.client" property must be of type object'],
    [{ client: null }, 'ERR_INVALID_ARG_TYPE', '"flow.client"'],
    [{ client: { address: 5, port: 1 } }, 'ERR_INVALID_ARG_TYPE', '"flow.client.address"'],
    [{ client: { address: 'localhost', port: 1 } }, 'ERR_INVALID_ARG_VALUE', "Received 'localhost'"],
    [{ client: { address: '1.2.3', port: 1 } }, 'ERR_INVALID_ARG_VALUE', '"flow.client.address"'],
    [{ client: { address: '192.0.2.1%eth0', port: 1 } }, 'ERR_INVALID_ARG_VALUE', '"flow.client.address"'],
    [{ client: { address: '192.0.2.1', port: '1' } }, 'ERR_INVALID_ARG_TYPE', '"flow.client.port"'],
    [{ client: { address: '192.0.2.1', port: 65536 } }, 'ERR_OUT_OF_RANGE', '65535'],
    [{ client: { address: '192.0.2.1', port: 1.5 } }, 'ERR_OUT_OF_RANGE', '1.5'],
    [{ client: { address: '192.0.2.1', port: 1 } }, 'ERR_MISSING_ARGS', '"flow.local"'],
    [{ client: { address: '192.0.2.1', port: 1 }, local: {} }, 'ERR_INVALID_ARG_TYPE', '"flow.local.address"'],
  ])('refuses %o', (flow, code, message) => {
    const set = () => new FlowKey('flow').set(wrong(flow))
    expect(set).toThrow(expect.objectContaining({ code }))
    expect(set).toThrow(message)
  })

  it('refuses an affinity that is none, and addresses of another length', () => {
    expect(() => new FlowKey(wrong('client'))).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
    const key = new FlowKey('flow')
    const four = new Uint8Array(4)
    expect(() => key.setBytes(new Uint8Array(5), 1, four, 1)).toThrow('"client.length" is out of range')
    expect(() => key.setBytes(four, 1, new Uint8Array(0), 1)).toThrow('"local.length" is out of range')
  })

  it('reads every text that the address parsers read', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (given) => {
        const out = new Uint8Array(16)
        const version = parseIPv4(given, out, 0) ? 4 : 16
        if (version === 16) expect(parseIPv6(given, out, 0)).toBe(true)
        const want = definition('client-ip', out.subarray(0, version), 0, out, 0)
        expect(hex(new FlowKey('client-ip').set({ client: { address: given, port: 0 } }))).toBe(want)
      }),
    )
  })
})
