import { PerformanceObserver } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AddressText } from '../../src/net/address-text.js'
import { formatIPv4, formatIPv6 } from '../../src/net/ip.js'

/** A region of `count` fields of 16 bytes, and its two views. */
function region(count: number) {
  const words = new Uint32Array(count * 4)
  return { words, bytes: new Uint8Array(words.buffer) }
}

describe.each([4, 6] as const)('AddressText of version %i', (version) => {
  const format = version === 4 ? formatIPv4 : formatIPv6

  it('gives the text of the bytes, however often and in whatever order it is asked', () => {
    const address = fc.array(fc.constantFrom(0, 1, 2, 254, 255), { minLength: 16, maxLength: 16 })
    fc.assert(
      fc.property(
        fc.array(address, { minLength: 1, maxLength: 64 }),
        fc.constantFrom(1, 4, 16, 1024),
        (list, slots) => {
          const { words, bytes } = region(list.length)
          list.forEach((address, i) => {
            bytes.set(address, i * 16)
          })
          const cache = new AddressText(version, slots)
          for (const i of [...list.keys(), ...list.keys(), ...[...list.keys()].reverse()]) {
            expect(cache.text(words, i * 4)).toBe(format(bytes, i * 16))
          }
        },
      ),
    )
  })

  it('knows the wildcard from the start', () => {
    expect(new AddressText(version).text(region(1).words, 0)).toBe(version === 4 ? '0.0.0.0' : '::')
  })

  it('keeps two addresses that share a pair of slots, and reads every word of the key', () => {
    const { words, bytes } = region(2)
    const cache = new AddressText(version, 4)
    for (let bit = 0; bit < (version === 4 ? 32 : 128); bit++) {
      words.fill(0)
      bytes[16 + (bit >> 3)] = 1 << (bit & 7)
      expect(cache.text(words, 0)).toBe(version === 4 ? '0.0.0.0' : '::')
      expect(cache.text(words, 4)).toBe(format(bytes, 16))
    }
  })

  it('allocates nothing for an address it knows', async () => {
    const { words } = region(1)
    words.fill(0x04030201)
    const cache = new AddressText(version)
    const length = cache.text(words, 0).length
    let collections = 0
    const observer = new PerformanceObserver((list) => {
      collections += list.getEntries().length
    })
    observer.observe({ entryTypes: ['gc'] })
    let total = 0
    for (let i = 0; i < 5_000_000; i++) total += cache.text(words, 0).length
    await setTimeout(10)
    observer.disconnect()
    expect(total).toBe(5_000_000 * length)
    // Text made anew each time would be 200 MB or more: a dozen collections at least.
    expect(collections).toBeLessThan(5)
  })
})
