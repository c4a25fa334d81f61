import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PortPlan, type PortPlanEntry, PortPlanError } from '../../src/ports/index.js'
import { MASKS, MASKS_AS_WRITTEN, RANGES } from './plan/forms.js'
import { anyEntry, CONFLICT, dividedEntry, modelOf, spoken } from './plan/model.js'

const ALL_PORTS = Array.from({ length: 65536 }, (_, port) => port)

/** Owners of all ports, in the model's words. */
function ownersOf(plan: PortPlan): (string | undefined)[] {
  return ALL_PORTS.map((port) => spoken(plan.owner(port)))
}

/** The plan, or undefined when it contradicts itself. */
function planOf(entries: readonly PortPlanEntry[]): PortPlan | undefined {
  try {
    return new PortPlan(entries)
  } catch (error) {
    if (error instanceof PortPlanError && error.code === 'ERR_PORT_PLAN_CONFLICT') return undefined
    throw error
  }
}

describe('the two well-known forms', () => {
  test('three regions of 10,000 ports each', () => {
    const plan = PortPlan.parse(RANGES)
    expect(ownersOf(plan)).toEqual(
      ALL_PORTS.map((port) => ({ 1: 'sea/', 2: 'ord/', 3: 'fra/' })[Math.floor(port / 10_000)]),
    )
    expect(plan.regions).toEqual(['fra', 'ord', 'sea'])
    expect(plan.windows('ord')).toEqual([[20000, 29999]])
    expect(plan.owner(10000)?.entry).toMatchObject({ index: 0, where: 'line 2', size: 10_000 })
    expect(plan.owner(9999)).toBeUndefined()
  })

  test('five masks that cover all 64 blocks', () => {
    const plan = PortPlan.parse(MASKS)
    const ends = { 16384: 'sea/', 49152: 'fra/', 50176: 'ord/', 62464: 'atl/', 65536: 'maa/' }
    expect(ownersOf(plan)).toEqual(
      ALL_PORTS.map((port) => Object.entries(ends).find(([end]) => port < Number(end))?.[1]),
    )
    expect(plan.windows('sea')).toEqual([[1, 16383]])
    expect(plan.entries.map(({ size }) => size / 1024)).toEqual([16, 32, 1, 12, 3])
  })

  test('the masks as they were written: the smaller range wins block 48, and blocks 50 and 51 are nobody’s', () => {
    const plan = PortPlan.parse(MASKS_AS_WRITTEN)
    expect(plan.windows('ord')).toEqual([[48 * 1024, 49 * 1024 - 1]])
    expect(plan.windows('atl')).toEqual([
      [49 * 1024, 50 * 1024 - 1],
      [52 * 1024, 61 * 1024 - 1],
    ])
    expect(ownersOf(plan).filter((owner) => owner === undefined)).toHaveLength(2048)
  })

  test.each([RANGES, MASKS, MASKS_AS_WRITTEN])('every port is as the model has it', (text) => {
    const plan = PortPlan.parse(text)
    expect(ownersOf(plan)).toEqual(modelOf(plan.entries.map(({ definition }) => definition)))
  })
})

/** Two ranges of one length that overlap, which is left to chance too seldom. */
const TIE: PortPlanEntry[] = [
  { regions: ['sea'], port_start: 10_000, port_end: 19_999 },
  { regions: ['ord'], port_start: 15_000, port_end: 24_999 },
]

describe('overlapping plans', () => {
  test('the smallest range wins, and ties are refused, as the model has it', () => {
    let conflicts = 0
    let plans = 0
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 8 }), (entries) => {
        const model = modelOf(entries)
        const plan = planOf(entries)
        if (model === CONFLICT) conflicts++
        else plans++
        expect(plan === undefined ? CONFLICT : ownersOf(plan)).toEqual(model)
      }),
      { numRuns: 60, examples: [[TIE], [TIE.slice(1)]] },
    )
    expect(conflicts).toBeGreaterThan(0)
    expect(plans).toBeGreaterThan(0)
  }, 120_000)

  test('windows and blocks say the same as owner', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { minLength: 1, maxLength: 8 }), (entries) => {
        const plan = planOf(entries)
        fc.pre(plan !== undefined)
        const owners = ownersOf(plan)
        for (const region of plan.regions) {
          const within = new Set(plan.windows({ region }).flatMap(([low, high]) => ALL_PORTS.slice(low, high + 1)))
          const expected = ALL_PORTS.filter((port) => port > 0 && plan.owner(port)?.regions.includes(region))
          expect([...within]).toEqual(expected)
        }
        const covered: (string | undefined)[] = new Array(65536).fill(undefined)
        let before = 0
        for (const { start, length, owner } of plan.blocks()) {
          expect([Number.isInteger(Math.log2(length)), start % length, start >= before]).toEqual([true, 0, true])
          before = start + length
          covered.fill(spoken(owner), start, before)
        }
        expect(covered).toEqual(owners)
        // Fewest: no two neighbours could be one.
        const blocks = plan.blocks()
        const mergeable = blocks.filter(({ start, length, owner }, i) => {
          const next = blocks[i + 1]
          return (
            next?.start === start + length &&
            next.length === length &&
            next.owner === owner &&
            start % (2 * length) === 0
          )
        })
        expect(mergeable).toEqual([])
      }),
      { numRuns: 40 },
    )
  }, 120_000)

  test('the text of a plan reads as the same plan', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyEntry, dividedEntry), { maxLength: 6 }), (entries) => {
        const plan = planOf(entries)
        fc.pre(plan !== undefined)
        const again = PortPlan.parse(plan.toString())
        expect(again.entries.map(({ definition }) => definition)).toEqual(
          plan.entries.map(({ definition }) => definition),
        )
        expect(ownersOf(again)).toEqual(ownersOf(plan))
        expect(again.toString()).toBe(plan.toString())
        expect(new PortPlan(plan.entries.map(({ definition }) => definition)).toString()).toBe(plan.toString())
      }),
      { numRuns: 60 },
    )
  }, 120_000)

  test('a tie that something smaller decides everywhere is none; one port of a tie is enough', () => {
    const tie = (smaller: readonly [number, number]) => () =>
      new PortPlan([
        { regions: ['a'], port_start: 1000, port_end: 1999 },
        { regions: ['b'], port_start: 1990, port_end: 2989 },
        { nodes: ['c'], port_start: smaller[0], port_end: smaller[1] },
      ])
    expect(tie([1990, 1999])().windows('c')).toEqual([[1990, 1999]])
    expect(tie([1990, 1998])).toThrow(
      expect.objectContaining({ code: 'ERR_PORT_PLAN_CONFLICT', where: ['plan[0]', 'plan[1]'] }),
    )
    expect(tie([1991, 1999])).toThrow(
      'plan[0] (regions ["a"]) and plan[1] (regions ["b"]) both claim ports 1990 to 1999',
    )
  })

  test('the same owner twice is no conflict, in whatever order its names stand', () => {
    const plan = new PortPlan([
      { regions: ['a', 'b'], port_start: 1000, port_end: 1999 },
      { regions: ['b', 'a'], port_start: 1500, port_end: 2499 },
    ])
    expect(plan.windows('a')).toEqual([[1000, 2499]])
    expect(plan.blocks().map(({ owner }) => owner)).toContainEqual({ regions: ['a', 'b'], nodes: [] })
  })

  test('a thousand entries within one another, and ten thousand side by side', () => {
    const nested = Array.from({ length: 1000 }, (_, i) => ({ nodes: [`n${i}`], port_start: i, port_end: 65535 - i }))
    expect(new PortPlan(nested).windows('n500')).toEqual([
      [500, 500],
      [65035, 65035],
    ])
    const beside = Array.from({ length: 10_000 }, (_, i) => ({
      nodes: [`n${i}`],
      port_start: i * 6,
      port_end: i * 6 + 5,
    }))
    const plan = PortPlan.parse(new PortPlan(beside).toString())
    expect(plan.windows('n9999')).toEqual([[59994, 59999]])
  })
})
