import { isIP } from 'node:net'
import { badMember } from '../errors.js'

/** A member of a pool, as a source of members tells of it. Within a pool `id` is its own. */
export interface Member {
  pool: string
  id: string
  /** Where it is: an IPv4 or IPv6 address. */
  address: string
  /** Share of the flows in comparison with others, an integer of 0 – 65,535; default 1. */
  weight?: number | undefined
  /** Default `up`. `draining`: it keeps the flows that it has, and gets no new ones. */
  state?: MemberState | undefined
  /** For pools with `quicLb`: its server ID, in hexadecimal digits. */
  serverId?: string | undefined
}

export type MemberState = 'up' | 'draining' | 'down'

/** What names a member. */
export interface MemberName {
  pool: string
  id: string
}

const STATES: readonly MemberState[] = ['up', 'draining', 'down']
const HIGHEST_WEIGHT = 65_535
const LONGEST_NAME = 255

/**
 * Reads what a store has of a member. Fields that this version does not know are passed over: another may have written them.
 *
 * @param where for messages: `pools.dns[3]`
 * @throws DiscoveryError ERR_DISCOVERY_MEMBER
 */
export function readMember(where: string, pool: string, given: unknown): Member {
  if (given === null || typeof given !== 'object') throw badMember(where, `it must be an object, not ${typeof given}`)
  const { id, address, weight, state, serverId } = given as Record<string, unknown>
  checkName(where, 'pool', pool)
  checkName(where, 'id', id)
  if (typeof address !== 'string' || isIP(address) === 0) {
    throw badMember(where, `address must be an IPv4 or IPv6 address, not ${JSON.stringify(address)}`)
  }
  if (weight !== undefined && !(Number.isInteger(weight) && Number(weight) >= 0 && Number(weight) <= HIGHEST_WEIGHT)) {
    throw badMember(where, `weight must be an integer of 0 to ${HIGHEST_WEIGHT}, not ${JSON.stringify(weight)}`)
  }
  if (state !== undefined && !STATES.includes(state as MemberState)) {
    throw badMember(where, `state must be one of ${STATES.join(', ')}, not ${JSON.stringify(state)}`)
  }
  if (serverId !== undefined && !(typeof serverId === 'string' && /^([0-9a-f]{2}){1,19}$/i.test(serverId))) {
    throw badMember(where, `serverId must be hexadecimal digits, not ${JSON.stringify(serverId)}`)
  }
  return {
    pool,
    id,
    address,
    ...(weight !== undefined && { weight: weight as number }),
    ...(state !== undefined && { state: state as MemberState }),
    ...(serverId !== undefined && { serverId: (serverId as string).toLowerCase() }),
  }
}

function checkName(where: string, field: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && name.length >= 1 && name.length <= LONGEST_NAME && !/[\0/]/.test(name)) return
  throw badMember(where, `${field} must have 1 to ${LONGEST_NAME} characters without /, not ${JSON.stringify(name)}`)
}

/** The same for members that mean the same, whatever their defaults and the order of their fields. */
export function canonical({ pool, id, address, weight = 1, state = 'up', serverId = '' }: Member): string {
  return JSON.stringify([pool, id, address, weight, state, serverId])
}

/** What names a member, as one word. */
export function nameOf({ pool, id }: MemberName): string {
  return `${pool}/${id}`
}
