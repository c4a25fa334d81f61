import { Resolver } from 'node:dns/promises'
import { checkInteger, checkOptions, checkString } from '../errors/checks.js'
import { dnsAway, invalidArgType, invalidArgValue } from '../errors.js'
import { pauseFor } from './backoff.js'
import type { Member } from './member.js'
import type { Provider, Update } from './provider.js'

export interface DnsMembersOptions {
  /** The pool that the members are of. */
  pool: string
  /** The name that is looked up. */
  name: string
  /**
   * `A/AAAA` (the default): each address of the name is a member, with the address as ID. `SRV` (RFC 2782): each target is one, with
   * its name as ID and its weight; those of the best priority alone. Ports are the services' affair.
   */
  type?: 'A/AAAA' | 'SRV' | undefined
  /** Resolvers to ask, as `dns.setServers` takes them: `10.0.0.53`, `[2001:db8::53]:5353`. Default: those of the host. */
  servers?: readonly string[] | undefined
  /**
   * Seconds between two look-ups, 1 – 86,400, default 30. Addresses with a shorter time to live are looked up when it ends; SRV
   * records come without theirs.
   */
  interval?: number | undefined
  /** Milliseconds for an answer, default 2000. */
  timeout?: number | undefined
}

const DEFAULT_INTERVAL = 30
const DEFAULT_TIMEOUT = 2000
/** Of a record with a time to live of 0, which would have it looked up without a pause. */
const LEAST_TTL = 1
/** After a failure. */
const RETRY_MS = 1000

/** Answers that say: there is none of this kind. */
const NONE = new Set(['ENODATA', 'ENOTFOUND'])

/**
 * Members that are the addresses of a name, or the targets of its SRV records. A name that has none, and a resolver that does not
 * answer, change nothing: what was found last stands.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function dnsMembers(options: DnsMembersOptions): Provider {
  checkOptions(options, ['pool', 'name', 'type', 'servers', 'interval', 'timeout'])
  const { pool, name, type = 'A/AAAA', servers, interval = DEFAULT_INTERVAL, timeout = DEFAULT_TIMEOUT } = options
  checkString('options.pool', pool)
  checkString('options.name', name)
  if (type !== 'A/AAAA' && type !== 'SRV') throw invalidArgValue('options.type', "must be 'A/AAAA' or 'SRV'", type)
  checkInteger('options.interval', interval, 1, 86_400)
  checkInteger('options.timeout', timeout, 1, 60_000)
  if (servers !== undefined && !Array.isArray(servers)) {
    throw invalidArgType('options.servers', 'an array of addresses', servers)
  }
  const resolver = new Resolver({ timeout, tries: 2 })
  if (servers !== undefined) resolver.setServers(servers)
  const lookUp = type === 'SRV' ? () => targets(resolver, pool, name) : () => addresses(resolver, pool, name)
  return {
    name: `dns ${name}`,
    async *watch({ signal }): AsyncGenerator<Update, void, undefined> {
      let since: Date | undefined
      while (!signal.aborted) {
        let pause = RETRY_MS
        let update: Update
        try {
          const { members, ttl } = await lookUp()
          since = undefined
          pause = 1000 * Math.min(interval, Math.max(LEAST_TTL, ttl))
          update = { type: 'snapshot', members }
        } catch (error) {
          since ??= new Date()
          const reason = error instanceof Error ? error : new Error(String(error))
          update = { type: 'stale', reason: dnsAway(name, reason.message, reason), since }
        }
        if (signal.aborted) return
        yield update
        await pauseFor(pause, signal)
      }
    },
  }
}

interface Found {
  members: Member[]
  /** Seconds. */
  ttl: number
}

async function addresses(resolver: Resolver, pool: string, name: string): Promise<Found> {
  const found = await addressesOf(resolver, name)
  if (found.length === 0) throw new Error('it has no address')
  return {
    members: found.map(({ address }) => ({ pool, id: address, address })),
    ttl: Math.min(...found.map(({ ttl }) => ttl)),
  }
}

async function targets(resolver: Resolver, pool: string, name: string): Promise<Found> {
  const records = await resolver.resolveSrv(name)
  const best = Math.min(...records.map(({ priority }) => priority))
  const chosen = records.filter(({ priority }) => priority === best)
  // RFC 2782: all weights 0 where there is nothing to weigh.
  const even = chosen.every(({ weight }) => weight === 0)
  const found = await Promise.all(
    chosen.map(async ({ name: target, weight }) => {
      const [first, ...others] = await addressesOf(resolver, target)
      if (first === undefined) throw new Error(`its target ${target} has no address`)
      const ids = others.length === 0 ? [target] : [first, ...others].map(({ address }) => `${target} ${address}`)
      return [first, ...others].map(({ address, ttl }, i) => ({
        member: { pool, id: ids[i]!, address, weight: even ? 1 : weight },
        ttl,
      }))
    }),
  )
  const all = found.flat()
  if (all.length === 0) throw new Error('it has no SRV record')
  return { members: all.map(({ member }) => member), ttl: Math.min(...all.map(({ ttl }) => ttl)) }
}

/** Of both families; one of them may have none. */
async function addressesOf(resolver: Resolver, name: string): Promise<{ address: string; ttl: number }[]> {
  const families = await Promise.all(
    [resolver.resolve4(name, { ttl: true }), resolver.resolve6(name, { ttl: true })].map((query) =>
      query.catch((error: NodeJS.ErrnoException) => {
        if (NONE.has(error.code ?? '')) return []
        throw error
      }),
    ),
  )
  return families.flat()
}
