import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Floor, type Floored, leastIn, rankOf } from '../../../src/fleet/health/floor.js'

const member = (id: string): Floored => ({ id, rank: rankOf('pool', id), kept: false })
const ids = (members: readonly Floored[]) => members.map(({ id }) => id).sort()

describe('leastIn', () => {
  test.each([
    [10, 0.5, 5],
    [3, 0.5, 2],
    [100, 0.07, 7],
    [10, 0.9, 9],
    [1, 0, 1],
    [5, 0, 1],
    [5, 1, 5],
    [0, 0.5, 0],
  ])('of %i with the floor %f: %i', (size, share, least) => expect(leastIn(size, share)).toBe(least))
})

describe('Floor', () => {
  const floors = fc.double({ min: 0, max: 1, noNaN: true })
  const steps = fc.array(fc.nat({ max: 11 }), { maxLength: 60 })

  test('never too many are out, never all, and no more are kept than it takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), floors, steps, (size, share, toggles) => {
        const members = Array.from({ length: size }, (_, i) => member(`b${i}`))
        const floor = new Floor<Floored>()
        floor.resize(size, share)
        const wanted = new Set<Floored>()
        for (const toggle of toggles) {
          const one = members[toggle % size]!
          const before = new Map(members.map((other) => [other, other.kept]))
          const rises = wanted.delete(one)
          if (!rises) wanted.add(one)
          const told = rises ? floor.delete(one) : floor.add(one)
          const out = [...wanted].filter(({ kept }) => !kept)
          expect(size - out.length).toBeGreaterThanOrEqual(leastIn(size, share))
          expect(out.length).toBe(Math.min(wanted.size, size - leastIn(size, share)))
          expect(floor.kept).toBe(wanted.size - out.length)
          // Who is kept and was not, or was and is not, is told; and that is at most one beside the one that changed.
          const changed = members.filter((other) => other !== one && other.kept !== before.get(other))
          expect(told).toEqual(expect.arrayContaining(changed))
          expect(changed.length).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  test('who is kept depends on who should be out, and not on who came first', () => {
    const sets = fc.uniqueArray(fc.nat({ max: 30 }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(sets, fc.integer(), floors, (numbers, seed, share) => {
        const keptOf = (order: readonly number[], size: readonly number[]) => {
          const floor = new Floor<Floored>()
          const members = order.map((number) => member(`b${number}`))
          for (const [i, one] of members.entries()) {
            floor.resize(size[i % size.length]!, share)
            floor.add(one)
          }
          floor.resize(31, share)
          return ids(members.filter(({ kept }) => kept))
        }
        const shuffled = [...numbers].sort((a, b) => Math.sin(seed + a) - Math.sin(seed + b))
        expect(keptOf(shuffled, [31])).toEqual(keptOf(numbers, [31, 22, 40]))
      }),
    )
  })

  test('members that go are forgotten, and smaller pools keep fewer', () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(member) as [Floored, Floored, Floored, Floored]
    const floor = new Floor<Floored>()
    floor.resize(4, 0.5)
    for (const one of [a, b, c, d]) floor.add(one)
    expect(floor.kept).toBe(2)
    floor.delete(a)
    floor.resize(3, 0.5)
    expect([floor.wanted, floor.kept]).toEqual([3, 2])
    for (const one of [b, c, d]) floor.delete(one)
    floor.resize(0, 0.5)
    expect([floor.wanted, floor.kept]).toEqual([0, 0])
  })
})

test('ranks are those of docs/health.md: 48 bits of SHA-256, of the pool, too', () => {
  expect(rankOf('dns', 'a')).toBe(rankOf('dns', 'a'))
  expect(rankOf('dns', 'a')).not.toBe(rankOf('web', 'a'))
  expect(Number.isSafeInteger(rankOf('dns', 'a'))).toBe(true)
})
