import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Contenders } from '../../src/pinning/contenders.js'
import { Turns } from '../../src/pinning/turns.js'

/** Often one of two, so that turns meet. */
const anyPhase = fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 0x8000))

/** Contenders of which nothing but weight and phase counts: one seed each, its upper half the phase. */
const anyContenders = fc
  .array(fc.record({ weight: fc.constantFrom(1, 2, 3, 7, 100, 65535), phase: anyPhase }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((list): Contenders => {
    const count = list.length
    const index = Uint16Array.from(list.keys())
    const weight = Uint32Array.from(list, (one) => one.weight)
    return { count, index, weight, seeds: Uint32Array.from(list, ({ phase }) => phase * 0x10000) }
  })

/** Every turn that begins before a time, in order: (k + φ) / weight, all by exact fractions. */
function inOrder({ count, weight, seeds }: Contenders, until: bigint): { contender: number; turn: bigint }[] {
  const turns = []
  for (let contender = 0; contender < count; contender++) {
    const [w, phase] = [BigInt(weight[contender]!), BigInt(seeds[contender]! >>> 16)]
    for (let turn = 1n; turn * 65536n + phase < until * w; turn++) turns.push({ contender, turn, w, phase })
  }
  return turns.sort((a, b) => {
    const difference = (a.turn * 65536n + a.phase) * b.w - (b.turn * 65536n + b.phase) * a.w
    // Equal times go by weight, heavier first, then by index.
    return Number(difference) || Number(b.w - a.w) || a.contender - b.contender
  })
}

test('turns come in the order of their times', () => {
  fc.assert(
    fc.property(anyContenders, (contenders) => {
      // As long as the heaviest takes to have some tens of turns.
      const heaviest = BigInt(Math.max(...contenders.weight))
      const wanted = inOrder(contenders, (40n * 65536n) / heaviest + 1n)
      const turns = new Turns(contenders, 0)
      const got = wanted.map(() => {
        const { current } = turns
        turns.pass()
        return current
      })
      expect(got).toEqual(wanted.map(({ contender }) => contender))
    }),
  )
})

test('who is dropped has no more turns, and nobody else notices', () => {
  fc.assert(
    fc.property(anyContenders, fc.nat(), fc.nat(30), (contenders, choice, after) => {
      fc.pre(contenders.count > 1)
      const gone = choice % contenders.count
      const [all, rest] = [new Turns(contenders, 0), new Turns(contenders, 0)]
      const expected: number[] = []
      const got: number[] = []
      for (let turn = 0, dropped = false; turn < 200; turn++) {
        const { current } = all
        all.pass()
        if (turn >= after && current === gone) {
          if (!dropped) rest.drop()
          dropped = true
          continue
        }
        expected.push(current)
        got.push(rest.current)
        rest.pass()
      }
      expect(got).toEqual(expected)
    }),
  )
})
