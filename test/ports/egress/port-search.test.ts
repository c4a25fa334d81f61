import { describe, expect, it } from 'vitest'
import { PortSearch } from '../../../src/ports/egress/port-search.js'
import type { PortSettings, PortStrategy } from '../../../src/ports/egress/strategy.js'

const RANGE = [40_000, 40_999] as const
let flows = 0
const newFlow = () => `tcp test ${flows++}`

const settings = (strategy: PortStrategy, attempts = 100): PortSettings => ({
  strategy,
  range: RANGE,
  window: 50,
  attempts,
})

/** How many ports each proposal has, when all are refused. */
function refuseAll(flow: string, of: PortSettings): number[] {
  const search = new PortSearch(of, flow)
  const sizes: number[] = []
  while (search.next()) {
    expect(search.low).toBeGreaterThanOrEqual(RANGE[0])
    expect(search.high).toBeLessThanOrEqual(RANGE[1])
    sizes.push(search.high - search.low + 1)
    search.refuse()
  }
  expect(search.attempts).toBe(sizes.length)
  return sizes
}

describe('PortSearch', () => {
  it('proposes what the strategy is about, as often as it may', () => {
    expect(refuseAll(newFlow(), settings('exact', 7))).toEqual(Array(7).fill(1))
    expect(refuseAll(newFlow(), settings('select-test-repeat', 7))).toEqual(Array(7).fill(1))
    expect(refuseAll(newFlow(), settings('shifting-window', 3))).toEqual([50, 50, 50])
    expect(refuseAll(newFlow(), settings('kernel', 1))).toEqual([1000])
    expect(refuseAll(newFlow(), settings('auto'))).toEqual([1, 1, 1, 1, 50, 50, 50, 50, 1000])
    expect(refuseAll(newFlow(), settings('auto', 6))).toEqual([1, 1, 1, 1, 50, 50])
  })

  it('with auto leaves the search to the kernel where others have the ports of the list, and comes back', () => {
    const flow = newFlow()
    refuseAll(flow, settings('auto'))
    for (let i = 0; i < 64; i++) expect(refuseAll(flow, settings('auto'))).toEqual([50, 50, 50, 50, 1000])
    expect(refuseAll(flow, settings('auto'))[0]).toBe(1)
    expect(refuseAll(newFlow(), settings('auto'))[0]).toBe(1) // another destination
  })

  it('keeps to the list while a few ports are others’', () => {
    const flow = newFlow()
    for (let i = 0; i < 20; i++) {
      const search = new PortSearch(settings('auto'), flow)
      for (let refused = 0; refused < 3; refused++) {
        search.next()
        search.refuse()
      }
      search.next()
      expect(search.low).toBe(search.high)
      search.keep()?.release()
    }
  })

  it('begins windows at even and at odd ports', () => {
    const parities = new Set<number>()
    for (let i = 0; i < 50; i++) {
      const search = new PortSearch(settings('shifting-window'), newFlow())
      search.next()
      parities.add(search.low % 2)
    }
    expect(parities.size).toBe(2)
  })
})
