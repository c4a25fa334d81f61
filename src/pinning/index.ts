export { QuicLbError } from '../errors.js'
export {
  type Backend,
  type BackendState,
  NO_BACKEND,
  type PooledBackend,
} from './backends.js'
export type { FlowExplanation } from './explanation.js'
export { type Affinity, type Flow, type FlowEnd, FlowKey } from './flow-key.js'
export { FlowPinner } from './flow-pinner.js'
export { FlowTable, type FlowTableStats } from './flow-table.js'
export type { FlowCreation, FlowTableOptions } from './flow-table-options.js'
export type { FlowPinnerOptions } from './pinner-options.js'
export type { BackendChange, PoolChange } from './pool-change.js'
export type { QuicLbConfig } from './quic-lb-config.js'
export {
  QuicLbEncoder,
  type QuicLbEncoderOptions,
  type QuicLbEncoderState,
  unroutableConnectionId,
} from './quic-lb-encoder.js'
export { type QuicLbExplanation, type QuicLbOutcome, type QuicLbRoutes, QuicLbSelector } from './quic-lb-selector.js'
export { type DatagramKind, datagramKind } from './stun-demultiplex.js'
export { StunSelector, type StunSelectorOptions, type StunSelectorStats } from './stun-selector.js'
export { makeUfrag, type UfragFormat } from './stun-ufrag.js'
export { buildTable, type PinningTable, type TableKind, type TableOptions } from './table.js'
