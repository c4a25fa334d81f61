import type { Member } from '../../discovery/index.js'
import type { EdgeBackend } from '../../forwarder/index.js'
import type { FleetConfig } from '../config/fleet-config.js'
import { membersOf, type PoolMembers } from '../config/forwarder.js'

/** Tells whether a backend is out of service. */
export type IsDown = (pool: string, id: string) => boolean

/**
 * Who is in each pool: those of the config, which come first, and those that were found; with the state that checks gave them.
 *
 * @param found by pools; a pool that is not there has those of the config alone
 */
export function poolMembers(
  config: FleetConfig,
  found: ReadonlyMap<string, readonly Member[]>,
  isDown: IsDown,
): PoolMembers {
  return Object.fromEntries(
    Object.entries(config.pools).map(([name, pool]) => {
      const fixed = membersOf(pool)
      const ids = new Set(fixed.map(({ id }) => id))
      const idLength = pool.quic_lb?.server_id_length
      const others = (found.get(name) ?? [])
        .filter(({ id }) => !ids.has(id))
        .map((member) => backendOf(member, idLength))
      const all = [...fixed, ...others]
      return [name, all.map((backend) => (isDown(name, backend.id) ? { ...backend, state: 'down' as const } : backend))]
    }),
  )
}

/** A server ID that does not fit the pool is left out: it names nobody, and must not keep the others from being followed. */
function backendOf({ id, address, weight, state, serverId }: Member, idLength: number | undefined): EdgeBackend {
  return {
    id,
    address,
    ...(weight !== undefined && { weight }),
    ...(state !== undefined && { state }),
    ...(serverId !== undefined && serverId.length === 2 * (idLength ?? 0) && { serverId }),
  }
}
