import { checkPort, checkProperties } from '../../../errors/checks.js'
import { invalidArgValue, missingArgument } from '../../../errors.js'
import type { HealthCheck } from '../check.js'
import type { PoolHealthOptions } from '../options.js'
import { dnsCheck } from './dns.js'
import { httpCheck } from './http.js'
import type { CheckMeans } from './means.js'
import { stunCheck } from './stun.js'
import { tcpCheck } from './tcp.js'
import { udpCheck } from './udp.js'

/** Options that each kind of check has, beside `check`. */
const OPTIONS = {
  udp: ['port', 'payload', 'expect', 'mask'],
  stun: ['port'],
  dns: ['port', 'name', 'type', 'codes'],
  tcp: ['port'],
  http: ['port', 'path', 'host', 'method', 'status', 'tls'],
} as const

/** Names of the checks of this package. */
export const CHECK_KINDS = Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]

/** Ports of protocols that have one (IANA). */
const DNS_PORT = 53
const STUN_PORT = 3478
const HTTP_PORT = 80
const HTTPS_PORT = 443

/**
 * Makes the check of a pool.
 *
 * @param path of its options, without `options.`
 * @param others names of options that have nothing to do with the check
 * @returns undefined: none
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function readCheck(
  path: string,
  given: PoolHealthOptions,
  others: readonly string[],
  means: CheckMeans,
): HealthCheck | undefined {
  const { check } = given
  const kind = typeof check === 'string' ? check : undefined
  if (kind !== undefined && !CHECK_KINDS.includes(kind)) throw noCheck(path, kind)
  checkProperties(path, given, ['check', ...(kind === undefined ? [] : OPTIONS[kind]), ...others])
  switch (given.check) {
    case undefined:
      return undefined
    case 'udp':
      return udpCheck(path, given, portOf(path, given.port), means)
    case 'stun':
      return stunCheck(portOf(path, given.port ?? STUN_PORT), means)
    case 'dns':
      return dnsCheck(path, given, portOf(path, given.port ?? DNS_PORT), means)
    case 'tcp':
      return tcpCheck(portOf(path, given.port), means)
    case 'http':
      return httpCheck(path, given, portOf(path, given.port ?? (given.tls ? HTTPS_PORT : HTTP_PORT)), means)
    default:
      if (typeof given.check?.run !== 'function') throw noCheck(path, given.check)
      return given.check
  }
}

function portOf(path: string, port: number): number {
  if (port === undefined) throw missingArgument(`options.${path}.port`)
  return checkPort(port, false, `options.${path}.port`)
}

function noCheck(path: string, check: unknown): Error {
  const kinds = CHECK_KINDS.map((kind) => `'${kind}'`).join(', ')
  return invalidArgValue(`options.${path}.check`, `must be one of ${kinds}, or an object with a method run`, check)
}
