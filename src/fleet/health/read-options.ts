import { isDeepStrictEqual } from 'node:util'
import { checkInteger, checkProperties } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue, outOfRange } from '../../errors.js'
import type { HealthCheck } from './check.js'
import type { CheckMeans } from './checks/means.js'
import { CHECK_KINDS, readCheck } from './checks/read.js'
import type { FlapLimits } from './damping.js'
import {
  type FlapOptions,
  HEALTH_DEFAULTS,
  type HealthStateOptions,
  type PoolHealthOptions,
  type ReportOptions,
} from './options.js'
import type { ReportLimits } from './report-window.js'

/** Options of a pool that have been checked. Times in milliseconds. */
export interface PoolSettings {
  /** What they were read from, to see whether others differ. */
  given: PoolHealthOptions
  /** Undefined: only reports count. */
  check: HealthCheck | undefined
  interval: number
  timeout: number
  fastInterval: number
  rise: number
  fall: number
  initial: 'up' | 'down'
  floor: number
  /** Undefined: nobody is held down. */
  flaps: FlapLimits | undefined
  reports: ReportLimits
}

const STATE = [
  'interval',
  'timeout',
  'fastInterval',
  'rise',
  'fall',
  'initial',
  'floor',
  'flaps',
  'reports',
] as const satisfies readonly (keyof HealthStateOptions)[]
const FLAPS = ['falls', 'window', 'hold', 'longest'] as const satisfies readonly (keyof FlapOptions)[]
const REPORTS = ['count', 'window'] as const satisfies readonly (keyof ReportOptions)[]

const SHORTEST_INTERVAL = 10
const HOUR = 3_600_000
const DAY = 24 * HOUR
const MOST_IN_A_ROW = 100
const MOST_REPORTS = 10_000
/** `fastInterval` that is not given is this part of `interval`. */
const FAST_PART = 4

/**
 * Checks the options of all pools.
 *
 * @param before settings whose options may be the same as now; they are used again then
 * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
 * ERR_OUT_OF_RANGE, ERR_SOCKET_BAD_PORT. Names are paths: `options.pools.dns.timeout`
 */
export function readPools(
  pools: Readonly<Record<string, PoolHealthOptions>>,
  means: CheckMeans,
  before: ReadonlyMap<string, PoolSettings> = new Map(),
): Map<string, PoolSettings> {
  if (pools === null || typeof pools !== 'object' || Array.isArray(pools)) {
    throw invalidArgType('options.pools', 'an object of health options by the names of pools', pools)
  }
  return new Map(
    Object.entries(pools).map(([name, given]) => {
      const known = before.get(name)
      return [name, known && isSame(known.given, given) ? known : readPool(`pools.${name}`, given, means)]
    }),
  )
}

/** Checks of the caller's own are the same only if they are one object: what is in them cannot be seen. */
function isSame(before: PoolHealthOptions, now: PoolHealthOptions): boolean {
  if (now === null || typeof now !== 'object') return false
  return isDeepStrictEqual(before, now) && (typeof now.check !== 'object' || before.check === now.check)
}

/** @param path of the options, as `checkProperties` has it: without `options.` */
function readPool(path: string, given: PoolHealthOptions, means: CheckMeans): PoolSettings {
  if (given === null || typeof given !== 'object') throw invalidArgType(`options.${path}`, 'of type object', given)
  const check = readCheck(path, given, STATE, means)
  const { interval = HEALTH_DEFAULTS.interval, rise = HEALTH_DEFAULTS.rise, fall = HEALTH_DEFAULTS.fall } = given
  const name = (option: string) => `options.${path}.${option}`
  checkInteger(name('interval'), interval, SHORTEST_INTERVAL, HOUR)
  const {
    timeout = Math.min(HEALTH_DEFAULTS.timeout, interval >>> 1),
    fastInterval = Math.ceil(interval / FAST_PART),
  } = given
  checkInteger(name('timeout'), timeout, 1, HOUR)
  if (timeout >= interval) throw outOfRange(name('timeout'), `less than the interval of ${interval} ms`, timeout)
  checkInteger(name('fastInterval'), fastInterval, 1, interval)
  checkInteger(name('rise'), rise, 1, MOST_IN_A_ROW)
  checkInteger(name('fall'), fall, 1, MOST_IN_A_ROW)
  const { initial = 'up', floor = HEALTH_DEFAULTS.floor } = given
  if (initial !== 'up' && initial !== 'down') throw invalidArgValue(name('initial'), "must be 'up' or 'down'", initial)
  if (typeof floor !== 'number') throw invalidArgType(name('floor'), 'of type number', floor)
  if (!(floor >= 0 && floor <= 1)) throw outOfRange(name('floor'), '>= 0 && <= 1', floor)
  const flaps = readFlaps(path, given.flaps)
  if (check === undefined) needsCheck(name, initial, flaps)
  return {
    given: copyOf(given),
    check,
    interval,
    timeout,
    fastInterval,
    rise,
    fall,
    initial,
    floor,
    flaps,
    reports: readReports(path, given.reports),
  }
}

/** Without a check nothing but time brings a backend back: it needs the time, and an end to being down. */
function needsCheck(name: (option: string) => string, initial: string, flaps: FlapLimits | undefined): void {
  const remedy = `needs a check: one of ${CHECK_KINDS.map((kind) => `'${kind}'`).join(', ')}`
  if (initial === 'down') throw invalidArgValue(name('initial'), remedy, initial)
  if (flaps === undefined) throw invalidArgValue(name('flaps'), remedy, false)
}

function readFlaps(path: string, given: FlapOptions | false = {}): FlapLimits | undefined {
  if (given === false) return undefined
  const where = `${path}.flaps`
  checkProperties(where, given, FLAPS)
  const limits: FlapLimits = { ...HEALTH_DEFAULTS.flaps, ...defined(given) }
  checkInteger(`options.${where}.falls`, limits.falls, 2, MOST_IN_A_ROW)
  checkInteger(`options.${where}.window`, limits.window, 1, DAY)
  checkInteger(`options.${where}.hold`, limits.hold, 1, DAY)
  if (given.longest === undefined) limits.longest = Math.max(limits.longest, limits.hold)
  checkInteger(`options.${where}.longest`, limits.longest, limits.hold, DAY)
  return limits
}

function readReports(path: string, given: ReportOptions = {}): ReportLimits {
  const where = `${path}.reports`
  checkProperties(where, given, REPORTS)
  const limits: ReportLimits = { ...HEALTH_DEFAULTS.reports, ...defined(given) }
  checkInteger(`options.${where}.count`, limits.count, 1, MOST_REPORTS)
  checkInteger(`options.${where}.window`, limits.window, 1, DAY)
  return limits
}

/** Without what is given as undefined, which would hide a default. */
function defined(given: object): Record<string, number> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

/** A copy that the caller does not change any more. What is no plain data, a check of the caller's own, stays itself. */
function copyOf(given: PoolHealthOptions): PoolHealthOptions {
  if (typeof given.check !== 'object') return structuredClone(given)
  const { check, ...rest } = given
  return { ...structuredClone(rest), check }
}
