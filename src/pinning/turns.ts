import type { Contenders } from './contenders.js'

/** A turn has 2¹⁶ phases. */
const PHASES = 0x1_0000
/** Units of time in a phase, for weight 1; the quotient by a weight keeps 12 bits or more below one turn. */
const FINENESS = 0x1000

/**
 * Whose turn it is: contender `c` has its turns at the times `(k + φ) / weight`, `k` = 1, 2, 3 …, where `φ` in [0, 1) is
 * its own and comes from its seeds. So within any time everyone has turns in proportion to its weight, within one; and
 * when one of them comes, goes or changes weight, the others' turns stay at their times.
 *
 * Contenders of the same weight take turns in the same order again and again: one list for each weight, and a heap of the
 * lists. Times are integers below 2⁵³; equal ones go by weight, and in a list by index, so the order is fully determined.
 */
export class Turns {
  /** Lists by weight, heaviest first. */
  readonly #lists: WeightList[]
  /** Numbers of lists; the one with the next turn on top. */
  readonly #heap: Uint32Array
  /** When each list has its next turn. */
  readonly #times: Float64Array
  /** The list whose turn it is. */
  #list: WeightList

  /** @param seed which of the contenders' seeds gives `φ` */
  constructor({ count, weight, seeds }: Contenders, seed: number) {
    const stride = seeds.length / count
    const phase = Uint32Array.from({ length: count }, (_, c) => seeds[stride * c + seed]! >>> 16)
    this.#lists = listsByWeight(weight, phase)
    this.#heap = Uint32Array.from(this.#lists, (_, i) => i)
    this.#times = Float64Array.from(this.#lists, (list) => list.time())
    for (let i = this.#heap.length >> 1; i >= 0; i--) this.#sink(i)
    this.#list = this.#lists[this.#heap[0]!]!
  }

  /** Whose turn it is. */
  get current(): number {
    return this.#list.current
  }

  /** Goes on to the next turn. */
  pass(): void {
    this.#list.pass()
    if (this.#lists.length > 1) this.#reorder()
  }

  /** Goes on to the next turn; whose turn it was has no more. The last one must not be dropped. */
  drop(): void {
    this.#list.drop()
    if (this.#lists.length > 1) this.#reorder()
  }

  #reorder(): void {
    this.#times[this.#heap[0]!] = this.#list.time()
    this.#sink(0)
    this.#list = this.#lists[this.#heap[0]!]!
  }

  #sink(from: number): void {
    const heap = this.#heap
    const list = heap[from]!
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!this.#isBefore(heap[child]!, list)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = list
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#times[one]!
    const b = this.#times[other]!
    return a < b || (a === b && one < other)
  }
}

/** Contenders of one weight, in the order of their turns. */
class WeightList {
  readonly #weight: number
  readonly #members: Uint32Array
  readonly #phase: Uint32Array
  #length: number
  #at = 0
  /** Number of the turn, the same for all of the list until it begins anew. */
  #turn = 1

  constructor(weight: number, members: number[], phase: Uint32Array) {
    this.#weight = weight
    this.#phase = phase
    this.#members = Uint32Array.from(members).sort((a, b) => phase[a]! - phase[b]! || a - b)
    this.#length = members.length
  }

  get current(): number {
    return this.#members[this.#at]!
  }

  /** When its next turn is; never, when it has no members left. Below 2⁵³ for turns below 2²⁵. */
  time(): number {
    if (this.#length === 0) return Number.POSITIVE_INFINITY
    return Math.floor(((this.#turn * PHASES + this.#phase[this.current]!) * FINENESS) / this.#weight)
  }

  pass(): void {
    this.#at++
    this.#wrap()
  }

  drop(): void {
    this.#members.copyWithin(this.#at, this.#at + 1, this.#length)
    this.#length--
    this.#wrap()
  }

  #wrap(): void {
    if (this.#at < this.#length) return
    this.#at = 0
    this.#turn++
  }
}

function listsByWeight(weight: Uint32Array, phase: Uint32Array): WeightList[] {
  const members = new Map<number, number[]>()
  for (const [contender, its] of weight.entries()) {
    const list = members.get(its)
    if (list) list.push(contender)
    else members.set(its, [contender])
  }
  const heaviestFirst = [...members].sort(([a], [b]) => b - a)
  return heaviestFirst.map(([its, list]) => new WeightList(its, list, phase))
}
