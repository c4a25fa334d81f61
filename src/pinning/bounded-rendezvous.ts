import { type Contenders, SEEDS } from './contenders.js'
import { slotOf } from './half-siphash.js'
import { Turns } from './turns.js'
import { EMPTY, Walk } from './walk.js'

/** Which of a contender's seeds is used for what. */
const SEED = { walk: 0, phase: 2, draw: 0 } as const

/** Nobody gets more than 21/20 of the slots that its weight asks for. */
const BOUND = { numerator: 21, denominator: 20 } as const

/**
 * Draws for each slot of the table until the rest is handed out otherwise. Of `size` slots, `size · e⁻¹²` are empty by
 * then: mostly none.
 */
const DRAWS_PER_SLOT = 12

/** 2³² divided by the golden ratio: counted up by it, numbers fill 32 bits evenly. */
const GOLDEN = 0x9e3779b9

/**
 * Fills a table by rendezvous hashing with a bound.
 *
 * Rendezvous hashing (Thaler and Ravishankar, 1998): for each pair of slot and contender there is a random number that
 * depends on the two alone, and the lowest one has the slot. So who comes takes from each of the others its part and
 * moves nothing between them; who goes leaves to each of the others its part, likewise. Here the number is a time. At
 * each of its turns, which come in proportion to its weight, a contender draws a slot at random. The time when it first
 * draws a slot is its number for that slot; a slot is had by the first who draws it. Going through the turns in order of
 * time finds this without looking at every pair: a table takes as long for 10,000 contenders as for 10. That turns come
 * at even intervals makes the parts more even than independent numbers would.
 *
 * The bound (as in Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2018): whoever has 21/20
 * of what its weight asks for has no more turns. Only this moves slots between contenders that stay.
 *
 * At the beginning everyone takes one slot, so that even the lightest has one.
 *
 * @returns the index of a contender for each slot
 */
export function fillBoundedRendezvous(contenders: Contenders, size: number): Uint16Array {
  const { count, index } = contenders
  const slots = new Uint16Array(size).fill(EMPTY)
  const room = bounds(contenders, size)
  const walk = new Walk(slots, contenders, SEED.walk)
  for (let c = 0; c < count; c++) {
    walk.take(c, index[c]!)
    room[c]!--
  }
  const draws = new Draws(contenders, size)
  const turns = new Turns(contenders, SEED.phase)
  let empty = size - count
  let left = DRAWS_PER_SLOT * size
  while (empty > 0) {
    const contender = turns.current
    if (room[contender] === 0) {
      turns.drop()
      continue
    }
    if (left > 0) {
      left--
      const slot = draws.next(contender)
      if (slots[slot] === EMPTY) {
        slots[slot] = index[contender]!
        room[contender]!--
        empty--
      }
    } else {
      walk.take(contender, index[contender]!)
      room[contender]!--
      empty--
    }
    turns.pass()
  }
  return slots
}

/**
 * Most slots of each contender. Where 21/20 of what the weight asks for is no more than that rounded up, the latter: all
 * together must have room for every slot.
 */
function bounds({ weight }: Contenders, size: number): Uint32Array {
  const { numerator, denominator } = BOUND
  const total = weight.reduce((sum, its) => sum + its, 0)
  return weight.map((its) => {
    const bound = Math.floor((numerator * size * its) / (denominator * total))
    return Math.max(bound, Math.ceil((size * its) / total))
  })
}

/**
 * The slots that contenders draw. Each has a counter, mixed by multiplications and shifts; the first multiplier is its own, so that
 * no two draw from the same sequence.
 */
class Draws {
  readonly #counters: Int32Array
  readonly #multipliers: Int32Array
  readonly #size: number
  /** Of a number of 32 bits, how many are too many; 0 where the size is no power of two. */
  readonly #shift: number

  constructor({ count, seeds }: Contenders, size: number) {
    this.#counters = Int32Array.from({ length: count }, (_, c) => seeds[SEEDS * c + SEED.draw]!)
    this.#multipliers = Int32Array.from({ length: count }, (_, c) => seeds[SEEDS * c + SEED.draw + 1]! | 1)
    this.#size = size
    this.#shift = (size & (size - 1)) === 0 ? Math.clz32(size) + 1 : 0
  }

  next(contender: number): number {
    let x = this.#counters[contender]!
    this.#counters[contender] = x + GOLDEN
    x = Math.imul(x ^ (x >>> 16), this.#multipliers[contender]!)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    x ^= x >>> 16
    return this.#shift > 0 ? x >>> this.#shift : slotOf(x >>> 0, this.#size)
  }
}
