import type { Contenders } from './contenders.js'
import { Turns } from './turns.js'
import { EMPTY, Walk } from './walk.js'

/** Which of a contender's seeds is used for what. */
const SEED = { walk: 0, phase: 2 } as const

/**
 * Fills a table as Maglev does (Eisenbud et al., NSDI 2016, §3.4): by turns, each contender takes the next slot of its own
 * order that is empty. A weight is the frequency of turns, as the paper proposes. Everyone has one turn before the
 * others begin, so that even the lightest gets a slot.
 *
 * Slots are shared out to the last one: numbers of slots differ from what the weights ask for by at most one or two. But
 * whoever comes or goes changes who finds which slot empty, and so some slots change hands between the others.
 *
 * @returns the index of a contender for each slot
 */
export function fillMaglev(contenders: Contenders, size: number): Uint16Array {
  const { count, index } = contenders
  const slots = new Uint16Array(size).fill(EMPTY)
  const walk = new Walk(slots, contenders, SEED.walk)
  for (let c = 0; c < count; c++) walk.take(c, index[c]!)
  const turns = new Turns(contenders, SEED.phase)
  for (let empty = size - count; empty > 0; empty--) {
    const contender = turns.current
    walk.take(contender, index[contender]!)
    turns.pass()
  }
  return slots
}
