// Tables of both kinds: what they promise for every pool, and how far from perfect they are.

import fc from 'fast-check'
import { buildTable, NO_BACKEND, type TableKind } from 'udp-dsr/pinning'
import { describe, expect, test } from 'vitest'
import { anyPool, counts, KINDS, needlessMoves, pool, unevenness } from './pools.js'

const SIZES = [64, 127, 1024, 4099] as const
const anySize = fc.constantFrom(...SIZES)
const anyKind = fc.constantFrom(...KINDS)

describe('for every pool', () => {
  test('each slot has a backend with a weight, and each of those has a slot', () => {
    fc.assert(
      fc.property(anyKind, anyPool(40), anySize, (kind, backends, size) => {
        const table = buildTable({ kind, backends, size })
        const had = counts({ ...table, slots: table.slots.filter((index) => index !== NO_BACKEND) })
        const nobody = table.backends.every(({ weight }) => weight === 0)
        expect(had.reduce((sum, slots) => sum + slots, 0)).toBe(nobody ? 0 : size)
        for (const [i, { weight }] of table.backends.entries()) expect(had[i]! > 0).toBe(weight > 0)
      }),
    )
  })

  test('the order of the list leaves no trace', () => {
    const shuffled = anyPool(40).chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    )
    fc.assert(
      fc.property(anyKind, shuffled, anySize, (kind, [list, other], size) => {
        expect(buildTable({ kind, backends: other, size })).toEqual(buildTable({ kind, backends: list, size }))
      }),
    )
  })

  test('indices go by the bytes of the ids in UTF-8', () => {
    fc.assert(
      fc.property(anyPool(40), (backends) => {
        const bytes = buildTable({ backends, size: 64 }).backends.map(({ id }) => Buffer.from(id))
        expect(bytes).toEqual([...bytes].sort(Buffer.compare))
      }),
    )
    // UTF-16, which strings are sorted by, has them the other way round.
    const ids = ['\u{1f600}', '\uff5e', 'z'].map((id) => ({ id }))
    expect(buildTable({ backends: ids }).backends.map(({ id }) => id)).toEqual(['z', '\uff5e', '\u{1f600}'])
  })

  test('maglev: turns are in proportion to weights, within one', () => {
    fc.assert(
      fc.property(anyPool(40, fc.integer({ min: 1, max: 300 })), anySize, (backends, size) => {
        fc.pre(backends.length > 0)
        const table = buildTable({ kind: 'maglev', backends, size })
        const had = counts(table).map((slots, i) => ({ slots, weight: table.backends[i]!.weight }))
        // Whoever had its turn n at the time t, in units of 1 / weight: n − 1 < t < n + 1, and t is the same for all.
        // The first turn is given to everyone.
        const least = Math.max(...had.map(({ slots, weight }) => (slots > 1 ? (slots - 1) / weight : 0)))
        const most = Math.min(...had.map(({ slots, weight }) => (slots + 1) / weight))
        expect(least).toBeLessThanOrEqual(most)
      }),
    )
  })

  test('bounded-rendezvous: nobody has more than 1.05 times its part, but for rounding up', () => {
    fc.assert(
      fc.property(anyPool(40, fc.integer({ min: 1, max: 300 })), anySize, (backends, size) => {
        const table = buildTable({ kind: 'bounded-rendezvous', backends, size })
        const total = backends.reduce((sum, { weight }) => sum + weight, 0)
        for (const [i, { weight }] of table.backends.entries()) {
          const part = (size * weight) / total
          expect(counts(table)[i]).toBeLessThanOrEqual(Math.max(1.05 * part, Math.ceil(part)))
        }
      }),
    )
  })

  test('bounded-rendezvous: while nobody reaches the bound, hardly a slot moves between those that stay', () => {
    const equal = anyPool(8, fc.constant(1)).filter(({ length }) => length > 1)
    fc.assert(
      fc.property(equal, fc.nat(), (backends, choice) => {
        const gone = choice % backends.length
        const before = buildTable({ backends })
        const after = buildTable({ backends: backends.filter((_, i) => i !== gone) })
        for (const table of [before, after]) expect(unevenness(table)).toBeLessThan(1.04)
        // The slot that each takes at the beginning, and the few that no draw hits.
        expect(needlessMoves(before, after) * before.size).toBeLessThanOrEqual(2 * backends.length + 8)
        expect(needlessMoves(after, before) * before.size).toBeLessThanOrEqual(2 * backends.length + 8)
      }),
      { numRuns: 25 },
    )
  })

  test('weights count by their proportions alone, but for the last digits', () => {
    for (const kind of KINDS) {
      const some = buildTable({ kind, backends: pool(50, [1, 2, 3]) })
      const same = buildTable({ kind, backends: pool(50, [1000, 2000, 3000]) })
      expect(needlessMoves(some, same)).toBeLessThan(0.0001)
      expect(same.digest).not.toBe(some.digest)
    }
  })
})

describe('100 equal backends', () => {
  const all = pool(100)
  const without = (index: number) => all.filter((_, i) => i !== index)
  const each = (kind: TableKind, change: (index: number) => readonly { id: string; weight: number }[]) => {
    const before = buildTable({ kind, backends: all })
    const moves = [0, 12, 33, 51, 78, 99].map((i) => needlessMoves(before, buildTable({ kind, backends: change(i) })))
    return moves.reduce((sum, share) => sum + share, 0) / moves.length
  }

  test('maglev: parts equal to 0.5 %, and less than 1 % moves needlessly when one goes', () => {
    expect(unevenness(buildTable({ kind: 'maglev', backends: all }))).toBeLessThanOrEqual(1.005)
    expect(each('maglev', without)).toBeLessThan(0.01)
  })

  test('bounded-rendezvous: parts of 1.05 at most, and 0.05 % or less moves needlessly when one goes', () => {
    expect(unevenness(buildTable({ kind: 'bounded-rendezvous', backends: all }))).toBeLessThanOrEqual(1.05)
    expect(each('bounded-rendezvous', without)).toBeLessThanOrEqual(0.0005)
  })

  test('a backend with half the weight gives up half its part, and little else moves', () => {
    const moved = (kind: TableKind) => {
      const [before, after] = [pool(100, [2]), pool(100, [2])]
      after[7]!.weight = 1
      return needlessMoves(buildTable({ kind, backends: before }), buildTable({ kind, backends: after }))
    }
    // Half of a hundredth must move.
    expect(moved('maglev')).toBeLessThan(0.012)
    expect(moved('bounded-rendezvous')).toBeGreaterThan(0.0045)
    expect(moved('bounded-rendezvous')).toBeLessThan(0.006)
  })
})

describe('the same bytes on every machine', () => {
  // Whoever changes one of these changes where every flow goes, on every edge that is updated.
  test.each([
    ['maglev', 65537, pool(100), '46ef78071c7a002b'],
    ['maglev', 65536, pool(100), '25edcd7a167beb4d'],
    ['maglev', 4099, pool(1000, [1, 2, 3, 5, 8]), '4c57d3602b126f84'],
    ['bounded-rendezvous', 65536, pool(100), '4dc042a52b385e50'],
    ['bounded-rendezvous', 65537, pool(100), 'c7e76bc444b134ca'],
    ['bounded-rendezvous', 4099, pool(1000, [1, 2, 3, 5, 8]), '7dd88eba7e20119f'],
    ['bounded-rendezvous', 64, pool(64), '6055bcce7dd6a52c'],
    [
      'bounded-rendezvous',
      64,
      [
        { id: 'näher', weight: 65535 },
        { id: '近い', weight: 1 },
      ],
      'fa1e788e01103d80',
    ],
  ] as const)('%s, %d slots', (kind, size, backends, digest) => {
    expect(buildTable({ kind, size, backends }).digest).toBe(digest)
  })

  test('the digest tells kinds, sizes, ids and weights apart', () => {
    const pools = [pool(2), pool(3), pool(2, [2]), [{ id: 'backend-0' }, { id: 'backend-2' }]]
    const digests = KINDS.flatMap((kind) =>
      [64, 67].flatMap((size) => pools.map((backends) => buildTable({ kind, size, backends }).digest)),
    )
    expect(new Set(digests).size).toBe(digests.length)
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{16}$/)
  })
})

describe('limits', () => {
  test.each(KINDS)('%s: 10,000 backends, in the largest tables too', (kind) => {
    for (const size of [undefined, 1_048_573, 1_048_576]) {
      const table = buildTable({ kind, backends: pool(10_000), size })
      expect(Math.min(...counts(table))).toBeGreaterThan(0)
      expect(unevenness(table)).toBeLessThan(size ? 1.051 : 1.07)
    }
  })

  test.each(KINDS)('%s: the smallest, and the fullest', (kind) => {
    for (const size of [2, 3, 4, 5, 64, 67]) {
      const slots = [...buildTable({ kind, backends: pool(size), size }).slots]
      expect(slots.sort((a, b) => a - b)).toEqual([...slots.keys()])
    }
    expect([...buildTable({ kind, backends: [{ id: 'only' }], size: 5 }).slots]).toEqual([0, 0, 0, 0, 0])
    expect([...buildTable({ kind, backends: [], size: 2 }).slots]).toEqual([NO_BACKEND, NO_BACKEND])
    expect([...buildTable({ kind, backends: [{ id: 'idle', weight: 0 }], size: 2 }).slots]).toEqual(
      new Array(2).fill(NO_BACKEND),
    )
  })

  test.each([0, 1, 6, 9, 65535, 65538, 2 ** 21, 1_048_583, -7, 2.5, Number.NaN])('no size: %s', (size) => {
    expect(() => buildTable({ backends: pool(1), size })).toThrow(
      expect.objectContaining({
        code: 'ERR_OUT_OF_RANGE',
        message: expect.stringMatching(/options\.size.*a prime or a power of two >= 2 && <= 1048576/),
      }),
    )
  })

  test('more backends than slots', () => {
    expect(() => buildTable({ backends: pool(65), size: 64 })).toThrow(
      'The value of "options.size" is out of range. It must be >= 65, a slot for each backend. Received 64',
    )
    const idle = Array.from({ length: 100 }, (_, i) => ({ id: `idle-${i}`, weight: 0 }))
    expect(buildTable({ backends: [...pool(64), ...idle], size: 64 }).backends).toHaveLength(164)
  })
})

describe('arguments', () => {
  test.each([
    [{ backends: [{ id: 'a' }, { id: 'a', weight: 2 }] }, 'ERR_INVALID_ARG_VALUE', /backends\[1\]\.id.*differ.*'a'/],
    [{ backends: [{ id: '' }] }, 'ERR_INVALID_ARG_VALUE', /backends\[0\]\.id.*1 to 255 bytes/],
    [{ backends: [{ id: 'ü'.repeat(128) }] }, 'ERR_INVALID_ARG_VALUE', /1 to 255 bytes/],
    [{ backends: [{ id: 'a\ud800' }] }, 'ERR_INVALID_ARG_VALUE', /well-formed Unicode/],
    [{ backends: [{ id: 7 }] }, 'ERR_INVALID_ARG_TYPE', /backends\[0\]\.id.*of type string/],
    [{ backends: [{}] }, 'ERR_INVALID_ARG_TYPE', /backends\[0\]\.id/],
    [{ backends: [null] }, 'ERR_INVALID_ARG_TYPE', /backends\[0\].*of type object/],
    [{ backends: [{ id: 'a', wieght: 2 }] }, 'ERR_UNKNOWN_OPTION', /backends\[0\]\.wieght/],
    [{ backends: [{ id: 'a', weight: 65536 }] }, 'ERR_OUT_OF_RANGE', /backends\[0\]\.weight.*>= 0 && <= 65535/],
    [{ backends: [{ id: 'a', weight: -1 }] }, 'ERR_OUT_OF_RANGE', /weight/],
    [{ backends: [{ id: 'a', weight: 1.5 }] }, 'ERR_OUT_OF_RANGE', /weight/],
    [{ backends: [{ id: 'a', weight: '1' }] }, 'ERR_INVALID_ARG_TYPE', /weight.*of type number/],
    [{ backends: 'a' }, 'ERR_INVALID_ARG_TYPE', /options\.backends.*an array/],
    [{ backends: [], kind: 'ring' }, 'ERR_INVALID_ARG_VALUE', /options\.kind.*'maglev', 'bounded-rendezvous'/],
    [{ backends: [], size: '64' }, 'ERR_INVALID_ARG_TYPE', /options\.size.*of type number/],
    [{ backends: [], tableSize: 64 }, 'ERR_UNKNOWN_OPTION', /tableSize/],
    [null, 'ERR_INVALID_ARG_TYPE', /options.*of type object/],
  ])('%j: %s', (options, code, message) => {
    const error = expect.objectContaining({ code, message: expect.stringMatching(message) })
    expect(() => buildTable(options as never)).toThrow(error)
  })

  test('more backends than there are indices', () => {
    const many = Array.from({ length: 65536 }, (_, i) => ({ id: `${i}` }))
    expect(() => buildTable({ backends: many })).toThrow(/"options\.backends\.length".*<= 65535\. Received 65536/)
    expect(buildTable({ backends: many.slice(1) }).slots).not.toContain(NO_BACKEND)
  })

  test('ids of 255 bytes that differ in the last one are told apart', () => {
    const long = 'x'.repeat(254)
    const table = buildTable({ kind: 'maglev', backends: [{ id: `${long}a` }, { id: `${long}b` }], size: 1024 })
    expect(counts(table)).toEqual([512, 512])
  })
})
