/**
 * What makes hosts a fleet: the config that edges and backends are run from. Can be imported everywhere.
 *
 * @module
 */

export { ConfigError, type ConfigProblem, type ConfigProblemKind } from '../errors.js'
export { backendOptions } from './config/backend.js'
export type { DiscoveryConfig, FleetConfig } from './config/fleet-config.js'
export { forwarderConfig, forwarderOptions, membersOf, type PoolMembers } from './config/forwarder.js'
export { loadConfig, parseConfig, readConfig } from './config/load.js'
export type { LoadOptions, ParseOptions, ReadOptions } from './config/options.js'
export { placeRefusal } from './config/refusal.js'
export { rewriteOptions } from './config/rewrite.js'
export type { Secret } from './config/secret.js'
export type * from './config/sections.js'
