import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { halfSipHash24, slotOf } from '../../src/pinning/half-siphash.js'
import { buildTable } from '../../src/pinning/table.js'
import { flowVectors, publishedVectors, sortedIds, tableVectors } from './vectors.js'

const words = (bytes: Uint8Array) => {
  const padded = new Uint8Array(Math.ceil((bytes.length + 1) / 4) * 4)
  padded.set(bytes)
  const view = new DataView(padded.buffer)
  return Uint32Array.from({ length: padded.length / 4 }, (_, i) => view.getUint32(i * 4, true))
}

/** HalfSipHash-2-4 by its definition, on big integers: slow, and with none of the code under test. */
function reference(bytes: Uint8Array, key0: number, key1: number): number {
  const mask = 0xffffffffn
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (32n - bits))) & mask
  let [v0, v1, v2, v3] = [BigInt(key0), BigInt(key1), 0x6c796765n ^ BigInt(key0), 0x74656462n ^ BigInt(key1)]
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & mask
      v1 = rotate(v1, 5n) ^ v0
      v0 = rotate(v0, 16n)
      v2 = (v2 + v3) & mask
      v3 = rotate(v3, 8n) ^ v2
      v0 = (v0 + v3) & mask
      v3 = rotate(v3, 7n) ^ v0
      v2 = (v2 + v1) & mask
      v1 = rotate(v1, 13n) ^ v2
      v2 = rotate(v2, 16n)
    }
  }
  const padded = [...bytes, ...new Array<number>(3 - (bytes.length % 4)).fill(0), bytes.length & 0xff]
  for (let at = 0; at < padded.length; at += 4) {
    const block = padded.slice(at, at + 4).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    v3 ^= block
    rounds(2)
    v0 ^= block
  }
  v2 ^= 0xffn
  rounds(4)
  return Number(v1 ^ v3)
}

const word = fc.integer({ min: 0, max: 0xffffffff })

describe('halfSipHash24', () => {
  it('gives the published outputs', () => {
    expect(publishedVectors.length).toBe(64)
    for (const { length, output } of publishedVectors) {
      const input = Uint8Array.from({ length }, (_, i) => i)
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32LE(halfSipHash24(words(input), length, 0x03020100, 0x07060504))
      expect([length, bytes.toString('hex')]).toEqual([length, output])
    }
  })

  it.each([4, 6, 12, 16, 18, 36])('equals the definition for keys of %d bytes', (length) => {
    const input = fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(input, word, word, (bytes, key0, key1) => {
        expect(halfSipHash24(words(bytes), length, key0, key1)).toBe(reference(bytes, key0, key1))
      }),
      { numRuns: 500 },
    )
  })

  it('equals the definition for every length, and takes a secret as signed words too', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), word, word, (bytes, key0, key1) => {
        const want = reference(bytes, key0, key1)
        expect(halfSipHash24(words(bytes), bytes.length, key0, key1)).toBe(want)
        expect(halfSipHash24(words(bytes), bytes.length, key0 | 0, key1 | 0)).toBe(want)
      }),
    )
  })

  it('does not read what lies behind the key', () => {
    const random = fc.uint8Array({ minLength: 36, maxLength: 36 })
    fc.assert(
      fc.property(random, fc.constantFrom(4, 6, 12, 16, 18), (bytes, length) => {
        expect(halfSipHash24(words(bytes), length, 1, 2)).toBe(reference(bytes.subarray(0, length), 1, 2))
      }),
    )
  })
})

describe('slotOf', () => {
  it('equals whole-number arithmetic for every size', () => {
    fc.assert(
      fc.property(word, fc.integer({ min: 1, max: 2 ** 20 }), (hash, size) => {
        expect(slotOf(hash, size)).toBe(Number((BigInt(hash) * BigInt(size)) >> 32n))
      }),
    )
    expect(slotOf(0xffffffff, 2 ** 20)).toBe(2 ** 20 - 1)
    expect(slotOf(0xffffffff, 65537)).toBe(65536)
    expect(slotOf(0, 65537)).toBe(0)
  })
})

describe('the vectors', () => {
  it('have the hashes and slots that TypeScript gives', () => {
    for (const { key, secret, hash, slots } of flowVectors) {
      const bytes = Buffer.from(key, 'hex')
      const secretBytes = Buffer.from(secret, 'hex')
      const got = halfSipHash24(words(bytes), bytes.length, secretBytes.readUInt32LE(0), secretBytes.readUInt32LE(4))
      expect(got).toBe(hash)
      for (const [size, slot] of Object.entries(slots)) expect(slotOf(got, Number(size))).toBe(slot)
    }
  })

  it.each(tableVectors)('have the table $kind, and the backends in it', (vector) => {
    const table = buildTable({ kind: vector.kind, size: vector.size, backends: vector.backends })
    expect(table.digest).toBe(vector.digest)
    expect([...table.slots]).toEqual(vector.slots)
    expect(table.backends.map(({ id }) => id)).toEqual(sortedIds(vector))
    expect(flowVectors.map(({ hash }) => table.backends[table.slots[slotOf(hash, table.size)]!]!.id)).toEqual(
      vector.picks,
    )
  })

  it('are what pinning.py works out', () => {
    const folder = fileURLToPath(new URL('../vectors/', import.meta.url))
    const printed = execFileSync('python3', [`${folder}pinning.py`], { encoding: 'utf8' })
    expect(printed).toBe(readFileSync(`${folder}pinning.json`, 'utf8'))
  })
})
