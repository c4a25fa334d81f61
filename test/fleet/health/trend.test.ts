import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Trend } from '../../../src/fleet/health/trend.js'

/** The state that a history of outcomes leads to, by its definition: read from its end as far as need be. */
function stateAfter(history: readonly boolean[], initial: boolean, rise: number, fall: number): boolean {
  for (let end = history.length; end > 0; end--) {
    const allAre = (value: boolean, count: number) =>
      end >= count && history.slice(end - count, end).every((outcome) => outcome === value)
    // The last run that was long enough decides: after it no other was.
    if (allAre(true, rise)) return true
    if (allAre(false, fall)) return false
  }
  return initial
}

test('the last run of passed or failed checks that was long enough decides', () => {
  const limit = fc.integer({ min: 1, max: 4 })
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 60 }),
      fc.boolean(),
      limit,
      limit,
      (history, initial, rise, fall) => {
        const trend = new Trend(initial)
        for (const [i, passed] of history.entries()) {
          const before = trend.up
          const changed = trend.take(passed, { rise, fall })
          expect(trend.up).toBe(stateAfter(history.slice(0, i + 1), initial, rise, fall))
          expect(changed).toBe(trend.up !== before)
          // The next check is wanted soon as long as the last contradicts the state.
          expect(trend.turning).toBe(passed !== trend.up)
        }
      },
    ),
  )
})
