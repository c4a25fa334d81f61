import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from '../errors.js'
import { NO_BACKEND, readBackends } from './backends.js'
import { fillBoundedRendezvous } from './bounded-rendezvous.js'
import { type Contenders, contenders } from './contenders.js'
import { digestOf } from './digest.js'
import { fillMaglev } from './maglev.js'

/**
 * How a table is filled.
 *
 * - `bounded-rendezvous`: a pool change moves hardly any flow that need not move; no backend has more than 1.05 times
 *   its part of the slots
 * - `maglev`: every backend has its part of the slots to one or two; a pool change moves some flows between backends that
 *   stay
 */
export type TableKind = 'maglev' | 'bounded-rendezvous'

/** What to build a table from. */
export interface TableOptions {
  /** Default `bounded-rendezvous`. */
  kind?: TableKind | undefined
  /** In any order. One with weight 0 is in the list and gets no slot. */
  backends: readonly { id: string; weight?: number | undefined }[]
  /**
   * Slots: a prime or a power of two, 2 – 2²⁰ (1,048,576), and at least one for each backend. Default 65536, for `maglev`
   * 65537. A hundred slots or more a backend make loads even.
   */
  size?: number | undefined
}

/** Which backend has which flows. */
export interface PinningTable {
  readonly kind: TableKind
  /** Number of slots. */
  readonly size: number
  /** Sorted by the bytes of their ids in UTF-8; a backend's place is its index. */
  readonly backends: readonly Readonly<{ id: string; weight: number }>[]
  /** For each slot the index of its backend; `NO_BACKEND` in all of them when no backend has a weight. Not to be changed. */
  readonly slots: Uint16Array
  /** 16 hexadecimal digits that are the same for equal tables; see `digestOf`. */
  readonly digest: string
}

const FILL: Record<TableKind, (contenders: Contenders, size: number) => Uint16Array> = {
  maglev: fillMaglev,
  'bounded-rendezvous': fillBoundedRendezvous,
}
export const TABLE_KINDS = Object.keys(FILL) as readonly TableKind[]

export const DEFAULT_KIND: TableKind = 'bounded-rendezvous'
const DEFAULT_SIZE: Record<TableKind, number> = { maglev: 65537, 'bounded-rendezvous': 65536 }

const SMALLEST_SIZE = 2
const LARGEST_SIZE = 2 ** 20
const OPTIONS: readonly (keyof TableOptions)[] = ['kind', 'backends', 'size']

/**
 * Builds a table. It depends on nothing but kind, size and the set of ids and weights: neither on the order of the list
 * nor on earlier tables. All arithmetic is on integers below 2⁵³, so every machine builds the same bytes.
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
 * ERR_OUT_OF_RANGE
 */
export function buildTable(options: TableOptions): PinningTable {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name as keyof TableOptions)) throw unknownOption(name, OPTIONS)
  }
  const kind = readKind('options.kind', options.kind)
  const size = readSize('options.size', options.size, kind)
  const backends = readBackends('options.backends', options.backends)
  return makeTable(
    kind,
    backends.map(({ id, weight }) => ({ id, weight })),
    size,
    'options.size',
  )
}

/**
 * Builds a table of what is known to be right.
 *
 * @param backends sorted
 * @param sizeName name of the size, for the error
 * @throws ArgumentRangeError ERR_OUT_OF_RANGE when there are more backends with a weight than slots
 */
export function makeTable(
  kind: TableKind,
  backends: readonly { id: string; weight: number }[],
  size: number,
  sizeName: string,
): PinningTable {
  const entrants = contenders(backends)
  if (entrants.count > size) throw outOfRange(sizeName, `>= ${entrants.count}, a slot for each backend`, size)
  const slots = entrants.count === 0 ? new Uint16Array(size).fill(NO_BACKEND) : FILL[kind](entrants, size)
  return { kind, size, backends, slots, digest: digestOf(kind, backends, slots) }
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_VALUE */
export function readKind(name: string, kind: TableKind = DEFAULT_KIND): TableKind {
  if (TABLE_KINDS.includes(kind)) return kind
  throw invalidArgValue(name, `must be one of ${TABLE_KINDS.map((one) => `'${one}'`).join(', ')}`, kind)
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE; ArgumentRangeError ERR_OUT_OF_RANGE */
export function readSize(name: string, size: number | undefined, kind: TableKind): number {
  if (size === undefined) return DEFAULT_SIZE[kind]
  if (typeof size !== 'number') throw invalidArgType(name, 'of type number', size)
  if (Number.isInteger(size) && size >= SMALLEST_SIZE && size <= LARGEST_SIZE) {
    if ((size & (size - 1)) === 0 || isPrime(size)) return size
  }
  throw outOfRange(name, `a prime or a power of two >= ${SMALLEST_SIZE} && <= ${LARGEST_SIZE}`, size)
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return number >= 2
}
