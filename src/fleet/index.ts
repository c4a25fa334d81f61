/**
 * What makes hosts a fleet: the config that edges and backends are run from, edges that follow it with all that discovery and health
 * checks tell, and how a running one is asked. Can be imported everywhere.
 *
 * @module
 */

export { ConfigError, type ConfigProblem, type ConfigProblemKind, ControlError } from '../errors.js'
export { backendOptions } from './config/backend.js'
export type { DiscoveryConfig, FleetConfig } from './config/fleet-config.js'
export { forwarderConfig, forwarderOptions, membersOf, type PoolMembers } from './config/forwarder.js'
export { loadConfig, parseConfig, readConfig } from './config/load.js'
export type { LoadOptions, ParseOptions, ReadOptions } from './config/options.js'
export { placeRefusal } from './config/refusal.js'
export { rewriteOptions } from './config/rewrite.js'
export type { Secret } from './config/secret.js'
export type * from './config/sections.js'
export { askEdge } from './control/client.js'
export { controlPath } from './control/path.js'
export { type ControlCalls, ControlServer } from './control/server.js'
export { type Applied, FleetEdge, type FleetEdgeEvents } from './edge/fleet-edge.js'
export type { Alarm, BackendStatus, EdgeStatus, HealthStatus, PoolStatus, ServiceStatus } from './edge/status.js'
export * from './health/index.js'
export { discoveryMetrics } from './metrics/discovery-metrics.js'
export { edgeMetrics } from './metrics/edge-metrics.js'
export type { Metric, MetricSource, Sample } from './metrics/metric.js'
export { openTelemetry } from './metrics/opentelemetry.js'
export { prometheus, serveMetrics } from './metrics/prometheus.js'
export { socketMetrics } from './metrics/socket-metrics.js'
export { windowMetrics } from './metrics/window-metrics.js'
