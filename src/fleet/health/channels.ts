import { channel } from 'node:diagnostics_channel'

/**
 * Channels of `node:diagnostics_channel`, for logs and metrics that know no monitor. Nothing is made where nobody listens.
 *
 * | name | message |
 * | --- | --- |
 * | `udp-dsr:health:check` | each check that ended: `{ pool, id, address, outcome, took }`, milliseconds |
 * | `udp-dsr:health:change` | a `HealthChange` |
 * | `udp-dsr:health:floor` | a `FloorAlarm` |
 * | `udp-dsr:health:hold` | a backend is held down: `{ pool, id, address, until }`, milliseconds since 1970 |
 */
export const channels = {
  check: channel('udp-dsr:health:check'),
  change: channel('udp-dsr:health:change'),
  floor: channel('udp-dsr:health:floor'),
  hold: channel('udp-dsr:health:hold'),
} as const
