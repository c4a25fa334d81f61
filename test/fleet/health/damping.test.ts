import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Damping } from '../../../src/fleet/health/damping.js'
import { ReportWindow } from '../../../src/fleet/health/report-window.js'

const LIMITS = { falls: 3, window: 60, hold: 30, longest: 100 }

/** Times that grow by these steps. */
const timesOf = (steps: readonly number[]) => {
  let at = 0
  return steps.map((step) => {
    at += step
    return at
  })
}

describe('Damping', () => {
  test('holds a backend that fell so often within the window, twice as long each time, up to the bound', () => {
    const damping = new Damping()
    const holds: number[] = []
    for (let at = 0; at < 1000; at += 10) if (damping.fell(at, LIMITS)) holds.push(damping.heldUntil - at)
    expect(holds.slice(0, 4)).toEqual([30, 60, 100, 100])
  })

  test('begins with the first hold again when it was good for long enough', () => {
    const damping = new Damping()
    damping.hold(0, LIMITS)
    damping.hold(31, LIMITS) // until 91
    damping.hold(91 + 61, LIMITS)
    expect(damping.heldUntil).toBe(91 + 61 + 30)
  })

  test('holds exactly when the definition says so, never longer than the bound', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 80 }), (steps) => {
        const damping = new Damping()
        const times = timesOf(steps)
        for (const [i, at] of times.entries()) {
          const held = at < damping.heldUntil
          const recent = times.slice(0, i + 1).filter((time, j) => at - time <= LIMITS.window && j > i - LIMITS.falls)
          expect(damping.fell(at, LIMITS)).toBe(!held && recent.length === LIMITS.falls)
          expect(damping.heldUntil - at).toBeLessThanOrEqual(LIMITS.longest)
        }
      }),
    )
  })
})

describe('ReportWindow', () => {
  test('tells of so many reports within the window, and begins anew after that', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 80 }), (steps) => {
        const limits = { count: 4, window: 40 }
        const window = new ReportWindow()
        let since: number[] = []
        for (const at of timesOf(steps)) {
          since.push(at)
          const enough = since.filter((time) => at - time <= limits.window).length >= limits.count
          expect(window.take(at, limits)).toBe(enough)
          if (enough) since = []
        }
      }),
    )
  })
})
