import { checkInteger, checkOptions } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue, outOfRange } from '../../errors.js'
import type { PortRange } from '../port-range.js'
import type { Quota } from './owners.js'
import { portSet, runsOf } from './port-set.js'

/** Idle timeouts by name, in milliseconds; the same as those of a `FlowTable`. */
const PRESETS = {
  /** As conntrack forgets a UDP flow with no reply yet (`nf_conntrack_udp_timeout`). */
  short: 30_000,
  /** As conntrack forgets a UDP flow with replies (`nf_conntrack_udp_timeout_stream`), and NATs any at the earliest (RFC 4787 §4.3). */
  long: 120_000,
} as const

/** Options of a `PortWindow`. */
export interface PortWindowOptions {
  /** The ports: `[low, high]`, both included, or several such ranges. */
  range: PortRange | readonly PortRange[]
  /** Ports and ranges that are left out. */
  exclude?: readonly (number | PortRange)[]
  /**
   * The order in which ports are given out first: `'random'` (default), so that nobody can foretell them (RFC 6056 §3.1),
   * or `'sequential'`. After that, the port that has been free longest comes first.
   */
  order?: 'random' | 'sequential'
  /**
   * Milliseconds without a datagram after which a draining socket is closed, 1 – 2³¹−1; `'short'` (default) is 30 s,
   * `'long'` 120 s. Take what the flows of the service have: how long their peers and the NATs before them may be silent.
   */
  idleTimeout?: number | 'short' | 'long'
  /**
   * Milliseconds that a port is not given out after a lease of it, 0 – 2³¹−1. Default twice `idleTimeout`: whoever still
   * sends to the port, or holds a NAT binding for it, must be gone before it has a new meaning.
   */
  quarantine?: number
  /** Milliseconds after which a port that others had is tried again, 1 – 2³¹−1; default 30 s. */
  retryTaken?: number
  /**
   * Ports that an owner may hold, leased and draining: a number for every owner, or a function of the owner, which
   * returns undefined for no limit. Default no limit. Leases without an owner are not limited.
   */
  quota?: number | ((owner: string) => number | undefined)
  /** `'low'` is emitted when so few ports are free, 0 – number of ports − 1; default never. */
  lowWater?: number
  /**
   * What is added to a port to get the one that is seen from outside, behind a NAT that forwards a range to another;
   * default 0. All external ports must be from 1 to 65535.
   */
  externalOffset?: number
}

/** Options as the window uses them. */
export interface PortWindowSettings {
  /** In ascending order. */
  ports: Uint16Array
  runs: readonly PortRange[]
  order: 'random' | 'sequential'
  idle: number
  quarantine: number
  retryTaken: number
  quota: Quota
  /** −1: never. */
  lowWater: number
  externalOffset: number
}

const KNOWN = [
  'range',
  'exclude',
  'order',
  'idleTimeout',
  'quarantine',
  'retryTaken',
  'quota',
  'lowWater',
  'externalOffset',
] satisfies (keyof PortWindowOptions)[]

const LONGEST = 2 ** 31 - 1
const DEFAULT_RETRY_TAKEN = 30_000

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError */
export function portWindowSettings(options: PortWindowOptions): PortWindowSettings {
  checkOptions(options, KNOWN)
  const { exclude = [], order = 'random', retryTaken = DEFAULT_RETRY_TAKEN, externalOffset = 0 } = options
  if (!Array.isArray(exclude)) throw invalidArgType('options.exclude', 'an array of ports and ranges', exclude)
  const ports = portSet('options.range', options.range, exclude)
  if (ports.length === 0) throw invalidArgValue('options.exclude', 'must leave at least one port of the range', exclude)
  if (order !== 'random' && order !== 'sequential') {
    throw invalidArgValue('options.order', "must be 'random' or 'sequential'", order)
  }
  const idle = milliseconds(options.idleTimeout ?? 'short')
  const quarantine = options.quarantine ?? Math.min(2 * idle, LONGEST)
  checkInteger('options.quarantine', quarantine, 0, LONGEST)
  checkInteger('options.retryTaken', retryTaken, 1, LONGEST)
  if (options.lowWater !== undefined) checkInteger('options.lowWater', options.lowWater, 0, ports.length - 1)
  checkInteger('options.externalOffset', externalOffset, -65534, 65534)
  checkExternal(externalOffset, ports)
  const quota = quotaFunction(options.quota)
  const lowWater = options.lowWater ?? -1
  return { ports, runs: runsOf(ports), order, idle, quarantine, retryTaken, quota, lowWater, externalOffset }
}

function milliseconds(value: unknown): number {
  if (value === 'short' || value === 'long') return PRESETS[value]
  if (typeof value !== 'number') {
    throw invalidArgValue('options.idleTimeout', "must be milliseconds, 'short' or 'long'", value)
  }
  checkInteger('options.idleTimeout', value, 1, LONGEST)
  return value
}

function quotaFunction(quota: unknown): Quota {
  if (quota === undefined) return () => undefined
  if (typeof quota === 'function') return quota as Quota
  if (typeof quota !== 'number') throw invalidArgType('options.quota', 'a number or a function', quota)
  checkInteger('options.quota', quota, 0, 65535)
  return () => quota
}

function checkExternal(offset: number, ports: Uint16Array): void {
  const lowest = (ports[0] as number) + offset
  const highest = (ports.at(-1) as number) + offset
  if (lowest >= 1 && highest <= 65535) return
  const [least, most] = [1 - (ports[0] as number), 65535 - (ports.at(-1) as number)]
  throw outOfRange('options.externalOffset', `>= ${least} && <= ${most} for these ports`, offset)
}
