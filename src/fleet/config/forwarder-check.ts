import { readConfig, TableCache } from '../../forwarder/read-config.js'
import type { PinningTable } from '../../pinning/index.js'
import type { FleetConfig } from './fleet-config.js'
import { withSecret } from './forwarder.js'
import { placeRefusal } from './refusal.js'

/** Any key will do: what is asked here is whether all else fits. */
const ANY_SECRET = '0'.repeat(16)

/** Tables take milliseconds each, and say nothing about whether a config is right. */
class NoTables extends TableCache {
  override get(kind: PinningTable['kind'], _entries: unknown, size: number): PinningTable {
    return { kind, size, backends: [], slots: new Uint16Array(0), digest: '' }
  }
}

/**
 * Lets the edge itself say whether it would take the config. It tells one problem at a time, and in its own words, so that
 * check/ looks for the same: here comes to light what that does not know.
 *
 * @throws ConfigError ERR_CONFIG
 */
export function checkAsForwarder(config: FleetConfig): void {
  try {
    readConfig(withSecret(config, ANY_SECRET), new NoTables())
  } catch (error) {
    throw placeRefusal(config, error)
  }
}
