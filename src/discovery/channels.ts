import { channel } from 'node:diagnostics_channel'

/**
 * What `diagnostics_channel` tells of discovery:
 *
 * - `udp-dsr:discovery:stale` `{ provider, reason, since }`: a source is away
 * - `udp-dsr:discovery:fresh` `{ provider }`: it is back
 * - `udp-dsr:discovery:unreadable` `{ provider, pool, id, reason }`: a member that cannot be read
 * - `udp-dsr:discovery:held` `{ pool, removed, of }`: a removal is held back
 * - `udp-dsr:discovery:released` `{ pool }`: it no longer is
 * - `udp-dsr:discovery:state` `{ path, reason }`: the file of the last good state could not be read or written
 * - `udp-dsr:discovery:registration` `{ pool, id, state, reason? }`: `registered`, `lost`, `closed`
 */
export const channels = {
  stale: channel('udp-dsr:discovery:stale'),
  fresh: channel('udp-dsr:discovery:fresh'),
  unreadable: channel('udp-dsr:discovery:unreadable'),
  held: channel('udp-dsr:discovery:held'),
  released: channel('udp-dsr:discovery:released'),
  state: channel('udp-dsr:discovery:state'),
  registration: channel('udp-dsr:discovery:registration'),
} as const
