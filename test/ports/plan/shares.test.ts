// The range of a region divided among its nodes.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PortPlan, type PortPlanEntry, PortPlanError } from '../../../src/ports/index.js'
import { dividedEntry } from './model.js'

function windows(entry: Omit<PortPlanEntry, 'regions'>): Record<string, unknown> {
  const plan = new PortPlan([{ regions: ['sea'], ...entry }])
  return Object.fromEntries(plan.nodes.map((node) => [node, plan.windows({ node })]))
}

test('equal shares in the order given, weighted ones in order of name', () => {
  const ports = { port_start: 10000, port_end: 19999 }
  expect(windows({ ...ports, per_node: ['b', 'a', 'c'] })).toEqual({
    b: [[10000, 13333]],
    a: [[13334, 16667]],
    c: [[16668, 19999]],
  })
  expect(windows({ ...ports, per_node: { '10': 1, '9': 2, a: 2n } })).toEqual({
    '10': [[10000, 11999]],
    '9': [[12000, 15999]],
    a: [[16000, 19999]],
  })
})

test('an odd beginning goes to the first, a single port at the end to the last', () => {
  expect(windows({ port_start: 1001, port_end: 1008, per_node: ['a', 'b'] })).toEqual({
    a: [[1001, 1005]],
    b: [[1006, 1008]],
  })
})

test('single ports, where there are too few pairs', () => {
  expect(windows({ port_start: 10, port_end: 13, per_node: ['a', 'b', 'c'] })).toEqual({
    a: [[10, 11]],
    b: [[12, 12]],
    c: [[13, 13]],
  })
  expect(windows({ port_start: 11, port_end: 12, per_node: ['a', 'b'] })).toEqual({ a: [[11, 11]], b: [[12, 12]] })
})

test('across the gaps of a mask', () => {
  expect(windows({ port_mask: 0b1001_0110n, per_node: ['a', 'b'] })).toEqual({
    a: [[1024, 3071]],
    b: [
      [4096, 5119],
      [7168, 8191],
    ],
  })
})

test('the undivided size competes with other entries', () => {
  const plan = new PortPlan([
    { regions: ['sea'], port_start: 1000, port_end: 1999, per_node: ['a', 'b', 'c', 'd'] },
    { regions: ['ord'], port_start: 1500, port_end: 2399 },
  ])
  expect(plan.windows('ord')).toEqual([[1500, 2399]])
  expect(plan.windows('c')).toEqual([])
  expect(plan.windows('sea')).toEqual([[1000, 1499]])
  expect(plan.nodes).toEqual(['a', 'b', 'c', 'd'])
})

test('shares cover the range, are near their weights, and begin on even ports', () => {
  let divided = 0
  fc.assert(
    fc.property(dividedEntry, (entry) => {
      const perNode = entry.per_node!
      const weights: [string, number][] = Array.isArray(perNode)
        ? perNode.map((node: string) => [node, 1])
        : Object.entries(perNode)
            .map(([node, weight]): [string, number] => [node, Number(weight)])
            .sort(([a], [b]) => (a < b ? -1 : 1))
      const plan = new PortPlan([entry])
      const { size } = plan.entries[0]!
      const counts = new Map<string | undefined, number>()
      const order: string[] = []
      for (let port = 0; port < 65536; port++) {
        const node = plan.owner(port)?.nodes[0]
        if (node !== undefined && order.at(-1) !== node) {
          if (order.length > 0) expect(port % 2).toBe(0)
          order.push(node)
        }
        counts.set(node, (counts.get(node) ?? 0) + 1)
      }
      expect(order).toEqual(weights.map(([node]) => node))
      expect(65536 - (counts.get(undefined) ?? 0)).toBe(size)
      const sum = weights.reduce((all, [, weight]) => all + weight, 0)
      // A pair is rounded up or down, and the ends may have one port more or less.
      for (const [node, weight] of weights) {
        expect(Math.abs((counts.get(node) ?? 0) - (size * weight) / sum)).toBeLessThanOrEqual(4)
      }
      if (weights.length > 1) divided++
    }),
    { numRuns: 60 },
  )
  expect(divided).toBeGreaterThan(0)
}, 60_000)

test('a weight that is too small for a port is refused', () => {
  const entry = { regions: ['sea'], port_start: 1000, port_end: 1009, per_node: { a: 1, b: 65535 } }
  expect(() => new PortPlan([entry])).toThrow(PortPlanError)
  expect(() => new PortPlan([entry])).toThrow('plan[0]: 10 ports divided among 2 nodes leave none for "a"')
})
