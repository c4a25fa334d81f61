import { BlockList } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLinkLocal, isMulticast, isUnspecified, isV4Mapped } from '../../src/net/classify.js'
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from '../../src/net/ip.js'

function bytes(text: string): Uint8Array {
  const out = new Uint8Array(16)
  expect(parseIPv4(text, out, 0) || parseIPv6(text, out, 0)).toBe(true)
  return out
}

describe('classification', () => {
  it.each([
    // address, multicast, link-local, unspecified, v4-mapped
    ['0.0.0.0', false, false, true, false],
    ['0.0.0.1', false, false, false, false],
    ['127.0.0.1', false, false, false, false],
    ['169.254.0.1', false, true, false, false],
    ['169.255.0.1', false, false, false, false],
    ['223.255.255.255', false, false, false, false],
    ['224.0.0.0', true, false, false, false],
    ['239.255.255.255', true, false, false, false],
    ['240.0.0.0', false, false, false, false],
    ['255.255.255.255', false, false, false, false],
    ['::', false, false, true, false],
    ['::1', false, false, false, false],
    ['fe80::1', false, true, false, false],
    ['febf::1', false, true, false, false],
    ['fec0::1', false, false, false, false],
    ['ff02::1', true, false, false, false],
    ['fe00::', false, false, false, false],
    ['::ffff:0.0.0.0', false, false, true, true],
    ['::ffff:192.0.2.1', false, false, false, true],
    ['::ffff:224.0.0.251', true, false, false, true],
    ['::ffff:169.254.1.1', false, true, false, true],
    ['::1:ffff:224.0.0.1', false, false, false, false],
    ['::224.0.0.1', false, false, false, false],
  ])('%s', (text, multicast, linkLocal, unspecified, mapped) => {
    const version = text.includes(':') ? 6 : 4
    const address = bytes(text)
    expect(isMulticast(address, 0, version)).toBe(multicast)
    expect(isLinkLocal(address, 0, version)).toBe(linkLocal)
    expect(isUnspecified(address, 0, version)).toBe(unspecified)
    if (version === 6) expect(isV4Mapped(address, 0)).toBe(mapped)
  })

  it('agrees with the prefixes of the RFCs', () => {
    const multicast = new BlockList()
    const linkLocal = new BlockList()
    multicast.addSubnet('224.0.0.0', 4, 'ipv4')
    multicast.addSubnet('ff00::', 8, 'ipv6')
    linkLocal.addSubnet('169.254.0.0', 16, 'ipv4')
    linkLocal.addSubnet('fe80::', 10, 'ipv6')
    const byte = fc.oneof(fc.constantFrom(0, 0xff, 0xfe, 0x80, 0xbf, 0xe0, 0xef, 169, 254), fc.nat(255))
    fc.assert(
      fc.property(fc.array(byte, { minLength: 17, maxLength: 17 }), (values) => {
        const field = Uint8Array.from(values)
        const v4 = formatIPv4(field, 1)
        const v6 = formatIPv6(field, 1)
        expect(isMulticast(field, 1, 4)).toBe(multicast.check(v4, 'ipv4'))
        expect(isLinkLocal(field, 1, 4)).toBe(linkLocal.check(v4, 'ipv4'))
        expect(isMulticast(field, 1, 6)).toBe(multicast.check(v6, 'ipv6'))
        expect(isLinkLocal(field, 1, 6)).toBe(linkLocal.check(v6, 'ipv6'))
      }),
      { numRuns: 2000 },
    )
  })
})
