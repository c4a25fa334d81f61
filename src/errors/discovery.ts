import { UdpDsrError } from './base.js'

/** Codes of `DiscoveryError`. */
export const DISCOVERY_CODES = [
  'ERR_DISCOVERY_MEMBER',
  'ERR_DISCOVERY_UNREADABLE',
  'ERR_DISCOVERY_DNS',
  'ERR_DISCOVERY_ETCD',
  'ERR_DISCOVERY_CLOSED',
] as const

/** A source of members that cannot be reached or read. */
export class DiscoveryError extends UdpDsrError {
  readonly code: (typeof DISCOVERY_CODES)[number]
  constructor(code: (typeof DISCOVERY_CODES)[number], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/**
 * A member that is none.
 *
 * @param where which one: `pools.dns[3]`, or the key in etcd
 * @param problem what is wrong, with the value
 */
export function badMember(where: string, problem: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_MEMBER', `${where} is no member: ${problem}`, { cause })
}

/** A file of members that cannot be read. */
export function unreadableMembers(path: string, problem: string, cause?: unknown): DiscoveryError {
  const message = `The members of ${path} cannot be read: ${problem}. What was read last stands until it can be`
  return new DiscoveryError('ERR_DISCOVERY_UNREADABLE', message, { cause })
}

/** @param problem what the resolver said, or that it said nothing */
export function dnsAway(name: string, problem: string, cause?: unknown): DiscoveryError {
  const message = `No members in the DNS at ${name}: ${problem}. What was found last stands until there are`
  return new DiscoveryError('ERR_DISCOVERY_DNS', message, { cause })
}

/** @param endpoint that was asked */
export function etcdFailed(endpoint: string, what: string, problem: string, cause?: unknown): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_ETCD', `etcd at ${endpoint}, ${what}: ${problem}`, { cause })
}

/** @param what was closed: `The registration of dns/a` */
export function discoveryClosed(what: string): DiscoveryError {
  return new DiscoveryError('ERR_DISCOVERY_CLOSED', `${what} was closed, and can do nothing more`)
}
