// Whatever is given for a plan, it is read or refused by a PortPlanError: nothing else comes out.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PortPlan, PortPlanError } from '../../../src/ports/index.js'
import { MASKS, RANGES } from './forms.js'

const outcomes = { read: 0, refused: 0 }

function read(plan: () => PortPlan): void {
  try {
    expect(plan().toString()).toBeTypeOf('string')
    outcomes.read++
  } catch (error) {
    expect(error).toBeInstanceOf(PortPlanError)
    outcomes.refused++
  }
}

const DIVIDED = '[[services.ports]]\nregions = ["sea"]\nport_start = 1\nport_end = 9\nper_node = { a = 1, b = 2 }\n'
const PIECES = [
  '[[ports]]',
  '\n',
  '=',
  '{',
  '}',
  '"',
  "'''",
  ',',
  '.',
  '#',
  '0x',
  '-1',
  '1e9',
  'nan',
  'true',
  '1979-05-27',
  '\u2028',
]

test('texts that were plans', () => {
  const piece = fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 4, unit: 'binary' }))
  const change = fc.tuple(fc.nat(), fc.nat({ max: 12 }), piece)
  fc.assert(
    fc.property(fc.constantFrom(RANGES, MASKS, DIVIDED), fc.array(change, { maxLength: 3 }), (text, changes) => {
      let changed = text
      for (const [at, removed, put] of changes) {
        const from = at % (changed.length + 1)
        changed = changed.slice(0, from) + put + changed.slice(from + removed)
      }
      read(() => PortPlan.parse(changed))
    }),
    { numRuns: 600 },
  )
  expect(outcomes.read).toBeGreaterThan(0)
  expect(outcomes.refused).toBeGreaterThan(0)
}, 60_000)

test('objects of any shape', () => {
  const value = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, maxDepth: 2 })
  const ours = ['regions', 'nodes', 'protocol', 'port_start', 'port_end', 'port_mask', 'per_node', 'regoins', 'port']
  const entry = fc.oneof(fc.dictionary(fc.constantFrom(...ours), value), value)
  const service = fc.oneof(fc.record({ protocol: value, ports: fc.oneof(fc.array(entry), value) }), value)
  const plan = fc.oneof(fc.array(entry), fc.record({ services: fc.oneof(fc.array(service), service), ports: value }))
  fc.assert(
    fc.property(plan, (given) => read(() => new PortPlan(given as never))),
    { numRuns: 600 },
  )
}, 60_000)
