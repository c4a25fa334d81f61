import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IndexPool } from '../../src/forwarder/index-pool.js'
import { type Run, RunPool } from '../../src/forwarder/run-pool.js'

describe('indices', () => {
  it('one that is given back is not given out before it has rested', () => {
    const pool = new IndexPool(2)
    expect([pool.take(), pool.take(), pool.take()]).toEqual([0, 1, undefined])
    pool.give(0)
    expect(pool.resting).toBe(true)
    expect(pool.take()).toBeUndefined()
    pool.rested()
    expect(pool.take()).toBe(0)
  })

  it('what is in use already is left alone', () => {
    const pool = new IndexPool(5, [1, 3])
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([0, 2, 4, undefined])
  })
})

describe('runs', () => {
  it('never overlap, whatever is taken and given back', () => {
    const steps = fc.array(
      fc.oneof(fc.record({ take: fc.integer({ min: 1, max: 9 }) }), fc.record({ give: fc.nat() })),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const pool = new RunPool(32)
        const held: Run[] = []
        for (const step of all) {
          if ('take' in step) {
            const longest = pool.longest
            const run = pool.take(step.take)
            expect(run === undefined).toBe(longest < step.take)
            if (run !== undefined) held.push(run)
          } else if (held.length > 0) {
            pool.give(held.splice(step.give % held.length, 1)[0]!)
            pool.rested()
          }
          const used = held.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i))
          expect(new Set(used).size).toBe(used.length)
          expect(Math.max(-1, ...used)).toBeLessThan(32)
        }
        for (const run of held) pool.giveUnused(run)
        expect(pool.longest).toBe(32)
      }),
    )
  })
})
