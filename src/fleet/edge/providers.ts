import { readFileSync } from 'node:fs'
import {
  dnsMembers,
  type EtcdOptions,
  etcdMembers,
  fileMembers,
  type MemberName,
  type Provider,
  type Update,
} from '../../discovery/index.js'
import type { DiscoveryConfig, FleetConfig } from '../config/fleet-config.js'

/** How each etcd of a config is reached, by its name, with its certificates read. @throws Error when one cannot be */
export function etcdsOf({ discovery }: FleetConfig): Map<string, EtcdOptions> {
  return new Map(
    Object.entries(discovery).flatMap(([name, source]) =>
      source.type === 'etcd' ? [[name, etcdOptions(source)]] : [],
    ),
  )
}

/**
 * Where the members of a config's pools come from, but for those that stand in it.
 *
 * @param etcds `etcdsOf` the config
 */
export function providersOf(config: FleetConfig, etcds: ReadonlyMap<string, EtcdOptions>): Provider[] {
  return Object.entries(config.discovery).flatMap(([name, source]) => {
    const pools = Object.entries(config.pools)
      .filter(([, { discover }]) => discover.includes(name))
      .map(([pool]) => pool)
    if (pools.length === 0) return []
    if (source.type === 'dns') return pools.map((pool) => named(name, dnsMembers({ pool, ...dnsOptions(source) })))
    const provider = source.type === 'file' ? fileMembers({ path: source.path }) : etcdMembers(etcds.get(name)!)
    return [named(name, only(provider, new Set(pools)))]
  })
}

function dnsOptions({ name, record, servers, interval }: DiscoveryConfig & { type: 'dns' }) {
  return { name, type: record, interval, ...(servers && { servers }) }
}

function etcdOptions(source: DiscoveryConfig & { type: 'etcd' }): EtcdOptions {
  const { endpoints, prefix, user, password, tls } = source
  return {
    endpoints,
    prefix,
    ...(user !== undefined && { user, password: password?.reveal() ?? '' }),
    ...(tls && {
      tls: Object.fromEntries(Object.entries(tls).map(([key, path]) => [key, path && readFileSync(path)])),
    }),
  }
}

/** Messages name a source as the config does. */
function named(name: string, provider: Provider): Provider {
  return { name: `discovery.${name}`, watch: (options) => provider.watch(options) }
}

/** A source may have pools that others ask for. */
function only(provider: Provider, pools: ReadonlySet<string>): Provider {
  const ours = <Named extends MemberName>(members: readonly Named[]) => members.filter(({ pool }) => pools.has(pool))
  const reduced = (update: Update): Update => {
    if (update.type === 'stale') return update
    // A key that is nobody's has no pool, and is everybody's affair.
    const unreadable = update.unreadable?.filter(({ pool }) => pool === '' || pools.has(pool))
    if (update.type === 'snapshot') return { ...update, members: ours(update.members), unreadable }
    return { ...update, put: ours(update.put), removed: ours(update.removed), unreadable }
  }
  return {
    name: provider.name,
    async *watch(options) {
      for await (const update of provider.watch(options)) yield reduced(update)
    },
  }
}
