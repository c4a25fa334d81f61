/**
 * The data plane as library calls: an edge that forwards datagrams for VIPs to backends. Needs Linux and root, or
 * CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; can be imported everywhere.
 *
 * @module
 */

export { BpfError, type BpfErrorDetails, ForwarderError } from '../errors.js'
export { Backend, type BackendMode, type BackendOptions, type BackendStats } from './backend.js'
export type { ForwarderChange } from './change.js'
export type { DeliveryName, EdgeBackend, EdgeQuicLb, ForwarderConfig, PoolConfig, ServiceConfig } from './config.js'
export type { Traffic } from './counters.js'
export type { PinOptions } from './data-plane.js'
export type { EdgeEvent } from './edge-events.js'
export { type EdgeExplanation, explainConfig } from './explain.js'
export {
  type DrainingOptions,
  type EventOptions,
  type FlowTableOptions,
  Forwarder,
  type ForwarderLimits,
  type ForwarderOptions,
  type ForwarderStats,
  type ReturnPathOptions,
} from './forwarder.js'
export type { KernelAnswer } from './kernel-tables.js'
export {
  SourceRewrite,
  type SourceRewriteConfig,
  type SourceRewriteOptions,
  type SourceRewriteStats,
  type SourceRule,
} from './source-rewrite.js'
