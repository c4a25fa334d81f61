import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from '../errors.js'

/** Idle timeouts by name, in milliseconds. */
const PRESETS = {
  /** As conntrack forgets a UDP flow with no reply yet (`nf_conntrack_udp_timeout`). */
  short: 30_000,
  /** As conntrack forgets a UDP flow with replies (`nf_conntrack_udp_timeout_stream`), and NATs any at the earliest (RFC 4787 §4.3). */
  long: 120_000,
} as const

/** When a flow is one that the table protects. */
export type FlowCreation = 'first-packet' | 'first-reply'

export interface FlowTableOptions {
  /** Flows that the table holds, 2 – 2²⁴. Memory for all of them is taken at once. */
  capacity: number
  /** Milliseconds without a packet after which a flow is forgotten, 1 – 2³¹−1; `'short'` is 30 s, `'long'` 120 s. */
  idleTimeout: number | 'short' | 'long'
  /**
   * What makes a flow established:
   * `'first-packet'`: any packet after its first. For edges that see no replies (direct server return). Who forges
   * addresses gets there with two packets from each.
   * `'first-reply'`: only `confirm`, which is for packets of the backend. Who forges addresses gets there only as far as
   * backends answer him.
   */
  create: FlowCreation
  /** Entries for flows that are not established yet, 1 – `capacity` − 1. Default an eighth of `capacity`. */
  probation?: number
}

/** Options as the table uses them. */
export interface FlowTableSettings {
  capacity: number
  idle: number
  create: FlowCreation
  probation: number
}

const KNOWN = ['capacity', 'idleTimeout', 'create', 'probation'] satisfies (keyof FlowTableOptions)[]
const MOST = 2 ** 24
const LONGEST = 2 ** 31 - 1

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError */
export function flowTableSettings(options: FlowTableOptions): FlowTableSettings {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  for (const name of Object.keys(options)) {
    if (!(KNOWN as string[]).includes(name)) throw unknownOption(name, KNOWN)
  }
  const { create } = options
  const capacity = integer('options.capacity', options.capacity, 2, MOST)
  if (create !== 'first-packet' && create !== 'first-reply') {
    throw invalidArgValue('options.create', "must be 'first-packet' or 'first-reply'", create)
  }
  const probation = options.probation ?? Math.max(1, capacity >>> 3)
  return {
    capacity,
    idle: milliseconds(options.idleTimeout),
    create,
    probation: integer('options.probation', probation, 1, capacity - 1),
  }
}

function milliseconds(value: unknown): number {
  if (value === 'short' || value === 'long') return PRESETS[value]
  if (typeof value === 'number') return integer('options.idleTimeout', value, 1, LONGEST)
  throw invalidArgValue('options.idleTimeout', "must be milliseconds, 'short' or 'long'", value)
}

function integer(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw outOfRange(name, `an integer >= ${least} && <= ${most}`, value)
}
