import fc from 'fast-check'
import { expect, it } from 'vitest'
import { AddressBucket } from '../../src/bpf/layouts.js'
import { AddressTable } from '../../src/forwarder/address-table.js'

const make = (buckets: number) =>
  new AddressTable(new ArrayBuffer(buckets * AddressBucket.size), 'table', 'Make it larger')
const keyOf = (number: number) => {
  const address = new Uint8Array(16)
  new DataView(address.buffer).setUint32(12, number)
  return { address, kind: number % 3, protocol: 17, block: number % 64 }
}

it('is a map', () => {
  const steps = fc.array(
    fc.record({
      key: fc.integer({ min: 0, max: 40 }),
      value: fc.option(fc.integer({ min: 0, max: 2 ** 31 - 2 }), { nil: undefined }),
    }),
  )
  fc.assert(
    fc.property(steps, (all) => {
      const buckets = make(64)
      const model = new Map<number, number>()
      for (const { key, value } of all) {
        if (value === undefined) expect(buckets.delete(keyOf(key))).toBe(model.delete(key))
        else {
          buckets.set(keyOf(key), value)
          model.set(key, value)
        }
        for (let i = 0; i <= 40; i++) expect(buckets.get(keyOf(i))).toBe(model.get(i))
      }
      const found = new Map(
        [...buckets.entries()].map(({ address, value }) => [new DataView(address.buffer).getUint32(12), value]),
      )
      expect(found).toEqual(model)
    }),
  )
})

it('holds as many entries as it was meant for: a quarter of its places', () => {
  for (const size of [1024, 4096]) {
    const buckets = make(size)
    for (let i = 0; i < size; i++) buckets.set(keyOf(i), i)
    for (let i = 0; i < size; i++) expect(buckets.get(keyOf(i))).toBe(i)
  }
})

it('says when it is full, and keeps no place then', () => {
  const buckets = make(1)
  const keys = [0, 1, 2, 3, 4].map(keyOf)
  expect(() => buckets.reserve(keys)).toThrow('all of its 1 entries')
  buckets.reserve(keys.slice(1))
  for (const key of keys.slice(1)) buckets.set(key, 7)
  expect(() => buckets.set(keys[0]!, 7)).toThrow('Make it larger')
})

it('a place that was left is not taken before it has rested', () => {
  const buckets = make(1)
  for (let i = 0; i < 4; i++) buckets.set(keyOf(i), i)
  buckets.delete(keyOf(0))
  expect(() => buckets.set(keyOf(9), 9)).toThrow()
  buckets.rested()
  buckets.set(keyOf(9), 9)
  expect(buckets.get(keyOf(9))).toBe(9)
})
