import type {
  EdgeBackend,
  ForwarderConfig,
  ForwarderOptions,
  PoolConfig,
  ServiceConfig,
} from '../../forwarder/index.js'
import type { FleetConfig } from './fleet-config.js'
import { missingFrom } from './missing.js'
import type { PoolSection } from './sections.js'

/** Members of pools by their names: they stand in place of `backends`. A pool that is not there has its `backends`. */
export type PoolMembers = Readonly<Record<string, readonly EdgeBackend[]>>

/**
 * What `Forwarder.apply` takes. It refuses what `members` have wrong; `placeRefusal` tells where in the file that is.
 *
 * @param members what discovery and health found, the whole of each pool that they have
 * @throws ConfigError ERR_CONFIG when there is no secret
 */
export function forwarderConfig(config: FleetConfig, members: PoolMembers = {}): ForwarderConfig {
  if (config.secret === undefined) {
    throw missingFrom(
      config,
      'secret',
      'there, read from where it is',
      'Name it in the config, and leave readSecrets: false out.',
    )
  }
  return withSecret(config, config.secret.reveal(), members)
}

export function withSecret(
  { pools, services }: FleetConfig,
  secret: string,
  members: PoolMembers = {},
): ForwarderConfig {
  const entries = Object.entries(pools)
  return {
    secret,
    pools: Object.fromEntries(
      entries.map(([name, pool]) => [
        name,
        poolOf(pool, Object.hasOwn(members, name) ? members[name]! : membersOf(pool)),
      ]),
    ),
    services: services.map(
      ({ flow_table: flowTable, learn_ports: learnPorts, ...service }): ServiceConfig => ({
        ...service,
        flowTable,
        learnPorts,
      }),
    ),
  }
}

/** The members that a pool has in the config itself, as `forwarderConfig` takes them. */
export function membersOf({ backends }: Pick<PoolSection, 'backends'>): EdgeBackend[] {
  return backends.map(({ server_id: serverId, ...backend }) => ({
    ...backend,
    ...(serverId !== undefined && { serverId }),
  }))
}

function poolOf(pool: PoolSection, backends: readonly EdgeBackend[]): PoolConfig {
  const { delivery, table, table_size: tableSize, source, mtu, port, vlan, quic_lb } = pool
  return {
    backends,
    delivery,
    table,
    ...(tableSize !== undefined && { tableSize }),
    ...(source !== undefined && { source }),
    ...(mtu !== undefined && { mtu }),
    ...(port !== undefined && { port }),
    ...(vlan !== undefined && { vlan }),
    ...(quic_lb && { quicLb: { configIds: quic_lb.config_ids, serverIdLength: quic_lb.server_id_length } }),
  }
}

/**
 * What `Forwarder.attach` takes.
 *
 * @throws ConfigError ERR_CONFIG when the config has no [edge]
 */
export function forwarderOptions(config: FleetConfig): ForwarderOptions {
  const { edge } = config
  if (edge === undefined) throw missingFrom(config, 'edge', 'there on an edge', 'Add [edge] with interface = "…".')
  const { interface: name, mode, pin_path: pinPath, limits, flow_table: flowTable, quic, events } = edge
  const { return_path: returnPath, draining } = edge
  return {
    interface: name,
    mode,
    limits,
    quic,
    ...(pinPath !== undefined && { pinPath }),
    ...(flowTable && { flowTable }),
    ...(draining && { draining: draining.learn === undefined ? {} : { learn: draining.learn } }),
    ...(returnPath && {
      returnPath: {
        guePort: returnPath.gue_port,
        ...(returnPath.endpoints && { endpoints: returnPath.endpoints }),
      },
    }),
    ...(events && { events }),
  }
}
