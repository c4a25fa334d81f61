import type { SecureContextOptions } from 'node:tls'
import { checkInteger, checkProperties, checkString } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../../errors.js'

/** How an etcd (3.4 or newer) is reached: by its JSON interface, which is on unless it was switched off. */
export interface EtcdOptions {
  /** `https://10.0.1.1:2379`: members of the cluster; one after the other is tried. */
  endpoints: readonly string[]
  /** What all keys begin with, default `/udp-dsr`. */
  prefix?: string | undefined
  /** With `https`: as `tls.connect` takes them. */
  tls?: Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> | undefined
  user?: string | undefined
  password?: string | undefined
  /** Milliseconds for an answer, default 2000. */
  timeout?: number | undefined
}

export const ETCD_OPTIONS = ['endpoints', 'prefix', 'tls', 'user', 'password', 'timeout'] as const

/** Options that have been checked. */
export interface EtcdSettings {
  endpoints: readonly URL[]
  prefix: string
  tls: EtcdOptions['tls']
  credentials: { name: string; password: string } | undefined
  timeout: number
}

const DEFAULT_PREFIX = '/udp-dsr'
const DEFAULT_TIMEOUT = 2000
const DEFAULT_TTL = 5

/** @throws ArgumentTypeError, ArgumentRangeError */
export function readEtcdOptions(options: EtcdOptions): EtcdSettings {
  const { endpoints, prefix = DEFAULT_PREFIX, tls, user, password, timeout = DEFAULT_TIMEOUT } = options
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw invalidArgType('options.endpoints', 'an array of URLs', endpoints)
  }
  checkString('options.prefix', prefix)
  if (!/^\/[^\0]*[^/\0]$/.test(prefix)) {
    throw invalidArgValue('options.prefix', 'must begin with / and not end with it', prefix)
  }
  if (tls !== undefined) checkProperties('tls', tls, ['ca', 'cert', 'key'])
  if (user !== undefined) checkString('options.user', user)
  if (user !== undefined && typeof password !== 'string') {
    throw invalidArgType('options.password', 'a text, since there is a user', typeof password)
  }
  checkInteger('options.timeout', timeout, 10, 600_000)
  return {
    endpoints: endpoints.map((endpoint, i) => readEndpoint(`options.endpoints[${i}]`, endpoint)),
    prefix,
    tls,
    credentials: user === undefined ? undefined : { name: user, password: password! },
    timeout,
  }
}

/** Seconds of a lease. @throws ArgumentTypeError, ArgumentRangeError */
export function readTtl({ ttl = DEFAULT_TTL }: { ttl?: number | undefined }): number {
  checkInteger('options.ttl', ttl, 1, 3600)
  return ttl
}

function readEndpoint(name: string, endpoint: unknown): URL {
  checkString(name, endpoint)
  try {
    const url = new URL(endpoint)
    if (['http:', 'https:'].includes(url.protocol) && url.pathname === '/') return url
  } catch {
    // told below
  }
  throw invalidArgValue(name, "must be like 'https://10.0.1.1:2379'", endpoint)
}
