import { checkString } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue, missingArgument } from '../../errors.js'
import { readAddress, textOf } from '../../forwarder/address.js'
import type { HealthTarget } from './state.js'

/** A backend that is to be followed. */
export interface Wanted {
  target: HealthTarget
  /** As inet_ntop(3) prints it: one text for one address. */
  address: string
}

/**
 * Checks backends, and sorts them by pool and id.
 *
 * @param known the address of a backend that is followed, which need not be read again
 * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
export function readTargets(
  backends: Iterable<HealthTarget>,
  known: (pool: string, id: string) => { address: string } | undefined,
): Map<string, Map<string, Wanted>> {
  if (typeof backends?.[Symbol.iterator] !== 'function' || typeof backends === 'string') {
    throw invalidArgType('backends', 'an array of backends', backends)
  }
  const pools = new Map<string, Map<string, Wanted>>()
  let i = 0
  for (const target of backends) {
    const name = `backends[${i++}]`
    if (target === null || typeof target !== 'object') throw invalidArgType(name, 'of type object', target)
    const { pool, id, address } = target
    for (const [field, value] of Object.entries({ pool, id, address })) {
      if (value === undefined) throw missingArgument(`${name}.${field}`)
      checkString(`${name}.${field}`, value)
    }
    const members = pools.get(pool) ?? new Map<string, Wanted>()
    pools.set(pool, members)
    if (members.has(id)) throw invalidArgValue(`${name}.id`, `must differ from all others of the pool ${pool}`, id)
    const same = known(pool, id)?.address === address
    members.set(id, { target, address: same ? address : textOf(readAddress(`${name}.address`, address)) })
  }
  return pools
}
