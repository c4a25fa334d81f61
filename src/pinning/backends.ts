import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from '../errors.js'

/**
 * What a backend may get.
 *
 * - `up`: flows, in proportion to its weight
 * - `draining`: no new flows; those that it has may stay with it (`pickPrevious`)
 * - `down`: nothing
 */
export type BackendState = 'up' | 'draining' | 'down'

/** One of the backends to choose from. */
export interface Backend {
  /** Its name, the same on every edge: 1–255 bytes of UTF-8. Where its flows lie depends on it. */
  id: string
  /** Its share of the flows, in proportion to the other weights: an integer 0–65535, default 1. With 0 it gets none. */
  weight?: number | undefined
  /** Default `up`. */
  state?: BackendState | undefined
}

/** A backend with everything filled in. */
export type PooledBackend = Readonly<{ id: string; weight: number; state: BackendState }>

/** Stands in a table, and is given out, where no backend can be chosen. Indices of backends are below it. */
export const NO_BACKEND = 0xffff

/** Most backends in a list. */
const MOST_BACKENDS = NO_BACKEND

const HEAVIEST = 0xffff
const LONGEST_ID = 255
const STATES: readonly BackendState[] = ['up', 'draining', 'down']
const FIELDS: readonly (keyof Backend)[] = ['id', 'weight', 'state']
/** Half of a pair of UTF-16 without the other half: it has no bytes in UTF-8 of its own. */
const BROKEN_PAIR = /\p{Surrogate}/u
/** What UTF-16 sorts otherwise than UTF-8 does: characters beyond U+FFFF, which it puts below U+E000. */
const PAIR = /[\ud800-\udfff]/

/**
 * Checks a list of backends, fills in what was left out, and sorts it by the bytes of the ids in UTF-8. The order of the
 * input leaves no trace. A backend's place in the result is its index in tables.
 *
 * @param name of the list, for errors
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE (also for an id that comes twice),
 * ERR_UNKNOWN_OPTION; ArgumentRangeError ERR_OUT_OF_RANGE
 */
export function readBackends(name: string, backends: readonly Backend[]): PooledBackend[] {
  if (!Array.isArray(backends)) throw invalidArgType(name, 'an array of backends', backends)
  if (backends.length > MOST_BACKENDS) throw outOfRange(`${name}.length`, `<= ${MOST_BACKENDS}`, backends.length)
  const byId = new Map<string, PooledBackend>()
  let pairs = false
  for (const [index, backend] of backends.entries()) {
    const read = readBackend(`${name}[${index}]`, backend)
    if (byId.has(read.id)) throw invalidArgValue(`${name}[${index}].id`, 'must differ from all the others', read.id)
    byId.set(read.id, read)
    pairs ||= PAIR.test(read.id)
  }
  const ids = [...byId.keys()]
  if (pairs) ids.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  else ids.sort()
  return ids.map((id) => byId.get(id)!)
}

function readBackend(name: string, backend: Backend): PooledBackend {
  if (backend === null || typeof backend !== 'object') throw invalidArgType(name, 'of type object', backend)
  for (const field of Object.keys(backend)) {
    if (!FIELDS.includes(field as keyof Backend)) throw unknownOption(`${name}.${field}`, FIELDS)
  }
  const { id, weight = 1, state = 'up' } = backend
  if (typeof id !== 'string') throw invalidArgType(`${name}.id`, 'of type string', id)
  const length = Buffer.byteLength(id)
  if (length < 1 || length > LONGEST_ID) {
    throw invalidArgValue(`${name}.id`, `must be 1 to ${LONGEST_ID} bytes long in UTF-8`, id)
  }
  if (BROKEN_PAIR.test(id)) throw invalidArgValue(`${name}.id`, 'must be well-formed Unicode', id)
  if (typeof weight !== 'number') throw invalidArgType(`${name}.weight`, 'of type number', weight)
  if (!Number.isInteger(weight) || weight < 0 || weight > HEAVIEST) {
    throw outOfRange(`${name}.weight`, `an integer >= 0 && <= ${HEAVIEST}`, weight)
  }
  if (!STATES.includes(state)) {
    throw invalidArgValue(`${name}.state`, `must be one of ${STATES.map((one) => `'${one}'`).join(', ')}`, state)
  }
  return Object.freeze({ id, weight, state })
}
