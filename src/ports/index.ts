export {
  type FourTuple,
  type PortCounts,
  PortPlanError,
  PortsClosedError,
  PortsExhaustedError,
  PortsQuotaError,
  TupleError,
  UnsupportedNodeError,
} from '../errors.js'
export type { BindSocketOptions } from './egress/bind-options.js'
export {
  type ConnectOptions,
  type Connector,
  type ConnectorOptions,
  type ConnectorRequest,
  type ConnectUdpOptions,
  connect,
  connectUdp,
  createAgent,
  createConnector,
  type EgressOptions,
  type HttpAgentOptions,
  type HttpsAgentOptions,
  type PortStrategy,
} from './egress/index.js'
export {
  type AcquireOptions,
  PortWindow,
  type PortWindowEvents,
  type SocketPair,
  type WaitOptions,
} from './egress/port-window.js'
export { PortPlan } from './plan/port-plan.js'
export type {
  LivekitOptions,
  MediasoupOptions,
  NftablesOptions,
  NodeDatachannelOptions,
  RenderOptions,
  RenderTarget,
} from './plan/render/index.js'
export type { SvgOptions } from './plan/svg.js'
export type { TextOptions } from './plan/terminal.js'
export type {
  PlanBlock,
  PlanName,
  PlannedEntry,
  PlanOwner,
  PortOwner,
  PortPlanEntry,
  PortPlanObject,
  PortPlanService,
} from './plan/types.js'
export type { PortRange } from './port-range.js'
export type { FirewallFormat, FirewallOptions } from './window/firewall.js'
export type { Lease, PairLease } from './window/lease.js'
export type { PortWindowStats } from './window/lease-book.js'
export type { PortWindowOptions } from './window/window-options.js'
