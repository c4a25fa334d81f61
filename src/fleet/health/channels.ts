import { channel } from 'node:diagnostics_channel'

/**
 * What `diagnostics_channel` tells of health:
 *
 * - `udp-dsr:health:change` `{ pool, id, up, reason }`: a backend went down, or is up again
 * - `udp-dsr:health:floor` `{ pool, kept }`: these stay in service though they are down; empty: none has to any more
 */
export const healthChannels = {
  change: channel('udp-dsr:health:change'),
  floor: channel('udp-dsr:health:floor'),
} as const
