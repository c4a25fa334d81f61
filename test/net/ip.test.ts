import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6, splitScope } from '../../src/net/ip.js'

const runs = { numRuns: 2000 }

/** Bytes of IPv6 addresses as they occur: many zero groups, v4-mapped and v4-compatible ones, small groups. */
const group = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constant(0xffff) },
  { weight: 1, arbitrary: fc.nat(15) },
  { weight: 2, arbitrary: fc.nat(0xffff) },
)
const bytes6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((value) => [value >> 8, value & 255])))
const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 })

/** Texts that look like addresses and mostly are none. */
const nearly = fc
  .array(
    fc.constantFrom(':', '::', '.', '0', '1', '00', '255', '256', 'ffff', 'FFFF', 'a', 'g', '1.2.3.4', ' ', '%', '١'),
    {
      maxLength: 17,
    },
  )
  .map((parts) => parts.join(''))

/** An address with one character changed, taken out or put in. */
const damaged = fc
  .tuple(fc.oneof(fc.ipV6(), fc.ipV4()), fc.nat(45), fc.nat(1), fc.constantFrom('', ':', '.', '0', 'f', '%', 'x', '\0'))
  .map(([text, at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut))

const node4 = (text: string) => new SocketAddress({ address: text, family: 'ipv4' }).address
const node6 = (text: string) => new SocketAddress({ address: text, family: 'ipv6' }).address

function parsed(parse: typeof parseIPv4, text: string, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size + 2).fill(0xa5)
  const ok = parse(text, out, 1)
  expect([out[0], out[size + 1]]).toEqual([0xa5, 0xa5])
  if (!ok) expect(out.every((byte) => byte === 0xa5)).toBe(true)
  return ok ? out.slice(1, size + 1) : undefined
}

describe('parseIPv4', () => {
  it.each([
    ['0.0.0.0', [0, 0, 0, 0]],
    ['255.255.255.255', [255, 255, 255, 255]],
    ['192.0.2.1', [192, 0, 2, 1]],
  ])('%s', (text, bytes) => {
    expect([...(parsed(parseIPv4, text, 4) ?? [])]).toEqual(bytes)
  })

  it.each([
    ...[
      '',
      '.',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.',
      '.1.2.3',
      '1..2.3',
      '01.2.3.4',
      '1.2.3.00',
      '256.1.1.1',
      '1.2.3.999',
    ],
    ...[
      '1.2.3.4 ',
      ' 1.2.3.4',
      '1.2.3.4\0',
      '0x1.2.3.4',
      '1.2.3.-4',
      '1.2.3.4e0',
      '１.2.3.4',
      '::1',
      '1.2.3.4%lo',
      '4294967295',
    ],
    '1'.repeat(10_000),
  ])('refuses %j', (text) => {
    expect(parsed(parseIPv4, text, 4)).toBeUndefined()
    expect(isIPv4(text)).toBe(false)
  })

  it('takes what node:net takes', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, damaged), (text) => (parsed(parseIPv4, text, 4) !== undefined) === isIPv4(text)),
      runs,
    )
  })
})

describe('parseIPv6', () => {
  it.each([
    ['::', '00000000000000000000000000000000'],
    ['1::', '00010000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['::1.2.3.4', '00000000000000000000000001020304'],
    ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
    ['1:2:3:4:5::1.2.3.4', '00010002000300040005000001020304'],
    ['ABCD:ef01::0000', 'abcdef01000000000000000000000000'],
  ])('%s', (text, hex) => {
    expect(Buffer.from(parsed(parseIPv6, text, 16) ?? []).toString('hex')).toBe(hex)
  })

  it.each([
    ...[
      '',
      ':',
      '1',
      '1:',
      ':1',
      ':::',
      '1:::2',
      '1::2::3',
      '::1::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:',
      ':2:3:4:5:6:7:8',
    ],
    ...['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '::1:2:3:4:5:6:7:8', '1:2:3:4::5:6:7:8', '1:2:3:4:5:6:7:1.2.3.4'],
    ...[
      '1:2:3:4:5:6::1.2.3.4',
      '::1.2.3',
      '::1.2.3.4:5',
      '::1.2.3.04',
      '::1.2.3.256',
      '1.2.3.4',
      '1.2.3.4::',
      '::.1.2.3',
    ],
    ...['::12345', '::00001', '::g', '::1 ', ' ::1', '::1\0', '[::1]', 'fe80::1%lo', '::%1', '::１', '::-1', '::1/64'],
    '0000:'.repeat(1000),
    `::${'0'.repeat(10_000)}`,
  ])('refuses %j', (text) => {
    expect(parsed(parseIPv6, text, 16)).toBeUndefined()
    expect(isIPv6(text) && !text.includes('%')).toBe(false)
  })

  it('takes what node:net takes, scopes aside', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, damaged, fc.ipV6()), (text) => {
        return (parsed(parseIPv6, text, 16) !== undefined) === (isIPv6(text) && !text.includes('%'))
      }),
      runs,
    )
  })

  it('means the address that node:net means', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const list = new BlockList()
        list.addAddress(formatIPv6(parsed(parseIPv6, text, 16) as Uint8Array, 0), 'ipv6')
        return list.check(text, 'ipv6')
      }),
      runs,
    )
  })
})

describe('formatIPv4', () => {
  it('prints what parseIPv4 and Node read back', () => {
    fc.assert(
      fc.property(bytes4, (bytes) => {
        const text = formatIPv4(bytes, 0)
        expect(parsed(parseIPv4, text, 4)).toEqual(bytes)
        expect(node4(text)).toBe(text)
      }),
      runs,
    )
  })
})

describe('formatIPv6', () => {
  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:1::', '0:0:1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:2:3:4:5:6::', '1:2:3:4:5:6::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['::ffff:0:0', '::ffff:0.0.0.0'],
    ['::1:2', '::0.1.0.2'],
    ['::c000:0', '::192.0.0.0'],
    ['::104', '::104'],
    ['::fffe:1.2.3.4', '::fffe:102:304'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['FE80::00AB:00cd', 'fe80::ab:cd'],
  ])('%s is printed as %s', (text, printed) => {
    expect(formatIPv6(parsed(parseIPv6, text, 16) as Uint8Array, 0)).toBe(printed)
    expect(node6(text)).toBe(printed)
  })

  it('prints what parseIPv6 reads back and what Node prints', () => {
    fc.assert(
      fc.property(fc.oneof(bytes6, fc.uint8Array({ minLength: 16, maxLength: 16 })), (bytes) => {
        const hex = Buffer.from(bytes).toString('hex')
        const text = formatIPv6(bytes, 0)
        expect(parsed(parseIPv6, text, 16)).toEqual(bytes)
        expect(text).toBe(node6((hex.match(/.{4}/g) as string[]).join(':')))
      }),
      runs,
    )
  })

  it('reads from where it is told', () => {
    const bytes = new Uint8Array(20)
    bytes[19] = 1
    bytes[3] = 9
    expect(formatIPv6(bytes, 4)).toBe('::1')
    expect(formatIPv4(bytes, 16)).toBe('0.0.0.1')
  })
})

describe('splitScope', () => {
  it.each([
    ['fe80::1%eth0', 'fe80::1', 'eth0'],
    ['fe80::1', 'fe80::1', ''],
    ['fe80::1%', 'fe80::1', ''],
    ['fe80::1%a%b', 'fe80::1', 'a%b'],
    ['', '', ''],
  ])('%j', (text, address, scope) => {
    expect(splitScope(text)).toEqual({ address, scope })
  })
})
