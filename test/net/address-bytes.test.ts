import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressBytes } from '../../src/net/address-bytes.js'
import { parseIPv4, parseIPv6 } from '../../src/net/ip.js'

const none = () => 0

/** What `encode` wrote to a field of its own, in hexadecimal, and the scope; undefined when it refused. */
function encoded(codec: AddressBytes, text: string): { hex: string; scope: number } | undefined {
  const words = new Uint32Array(7).fill(0xa5a5a5a5)
  if (!codec.encode(text, words, 1, 6)) {
    expect(words.every((word) => word === 0xa5a5a5a5)).toBe(true)
    return undefined
  }
  expect([words[0], words[5]]).toEqual([0xa5a5a5a5, 0xa5a5a5a5])
  return { hex: Buffer.from(words.buffer, 4, 16).toString('hex'), scope: words[6] as number }
}

const dotted = (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`

describe('AddressBytes', () => {
  it('writes IPv4 to the first word and zeros to the others', () => {
    const codec = new AddressBytes(4, none)
    for (const _ of ['new', 'known']) {
      expect(encoded(codec, '192.0.2.1')).toEqual({ hex: 'c0000201000000000000000000000000', scope: 0 })
      expect(encoded(codec, '::1')).toBeUndefined()
      expect(encoded(codec, '::ffff:192.0.2.1')).toBeUndefined()
      expect(encoded(codec, '192.0.2.1%lo')).toBeUndefined()
      expect(encoded(codec, 'example.org')).toBeUndefined()
      expect(encoded(codec, '')).toBeUndefined()
    }
  })

  it('writes IPv6, and IPv4 as v4-mapped', () => {
    const codec = new AddressBytes(6, none)
    for (const _ of ['new', 'known']) {
      expect(encoded(codec, '2001:db8::1')).toEqual({ hex: '20010db8000000000000000000000001', scope: 0 })
      expect(encoded(codec, '192.0.2.1')).toEqual({ hex: '00000000000000000000ffffc0000201', scope: 0 })
      expect(encoded(codec, '::ffff:192.0.2.1')).toEqual({ hex: '00000000000000000000ffffc0000201', scope: 0 })
      expect(encoded(codec, '::')).toEqual({ hex: '0'.repeat(32), scope: 0 })
      expect(encoded(codec, 'example.org')).toBeUndefined()
    }
  })

  it('asks for the interface each time, for it may come and go', () => {
    const interfaces = new Map([['eth0', 7]])
    const codec = new AddressBytes(6, (name) => interfaces.get(name) ?? 0)
    const hex = 'fe800000000000000000000000000001'
    expect(encoded(codec, 'fe80::1%eth0')).toEqual({ hex, scope: 7 })
    interfaces.set('eth0', 9)
    expect(encoded(codec, 'fe80::1%eth0')).toEqual({ hex, scope: 9 })
    interfaces.delete('eth0')
    expect(encoded(codec, 'fe80::1%eth0')).toBeUndefined()
    expect(encoded(codec, 'fe80::1')).toEqual({ hex, scope: 0 })
  })

  it('takes numbers for interfaces without asking', () => {
    const codec = new AddressBytes(6, () => {
      throw new Error('asked')
    })
    expect(encoded(codec, 'fe80::1%3')?.scope).toBe(3)
    expect(encoded(codec, 'fe80::1%0')?.scope).toBe(0)
    expect(encoded(codec, 'fe80::1%4294967295')?.scope).toBe(0xffffffff)
    expect(encoded(codec, 'fe80::1%4294967296')).toBeUndefined()
    expect(encoded(codec, 'fe80::1%')).toBeUndefined()
    expect(encoded(codec, 'no address%eth0')).toBeUndefined()
    expect(encoded(codec, '192.0.2.1%eth0')).toBeUndefined()
    expect(() => encoded(codec, 'fe80::1%eth0')).toThrow('asked')
  })

  it('leaves the scope alone when no word is named for it', () => {
    const words = new Uint32Array(5).fill(1)
    expect(new AddressBytes(6, none).encode('fe80::1%3', words, 0)).toBe(true)
    expect(words[4]).toBe(1)
  })

  it('stays right while it forgets: three times what it remembers, asked forwards, backwards and again', () => {
    for (const version of [4, 6] as const) {
      const codec = new AddressBytes(version, none)
      const count = 3 * 4096
      const order = Array.from({ length: count }, (_, i) => i)
      for (const i of [...order, ...[...order].reverse(), ...order.filter((i) => i % 3 === 0)]) {
        const text = version === 4 ? dotted(i) : `2001:db8::${i.toString(16)}`
        const hex = encoded(codec, text)?.hex ?? ''
        expect(version === 4 ? hex.slice(0, 8) : hex.slice(24)).toBe(
          (version === 4 ? 0x0a000000 + i : i).toString(16).padStart(8, '0'),
        )
      }
    }
  })

  it('does not grow without end', () => {
    const codec = new AddressBytes(4, none)
    const words = new Uint32Array(4)
    const fill = () => {
      for (let i = 0; i < 1_000_000; i++) codec.encode(dotted(i), words, 0)
    }
    fill()
    const before = process.memoryUsage().heapUsed
    fill()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32_000_000)
  })

  it('agrees with the parsers', () => {
    const codecs = { 4: new AddressBytes(4, none), 6: new AddressBytes(6, none) }
    const bytes = new Uint8Array(16)
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constantFrom('::1', '1.2.3.4', '1.2.3')), (text) => {
        fc.pre(!text.includes('%'))
        bytes.fill(0)
        expect(encoded(codecs[4], text)?.hex).toBe(
          parseIPv4(text, bytes, 0) ? Buffer.from(bytes).toString('hex') : undefined,
        )
        const address =
          parseIPv6(text, bytes, 0) || (parseIPv4(text, bytes, 0) && parseIPv6(`::ffff:${text}`, bytes, 0))
        expect(encoded(codecs[6], text)?.hex).toBe(address ? Buffer.from(bytes).toString('hex') : undefined)
      }),
      { numRuns: 2000 },
    )
  })
})
