export { HealthError } from '../../errors.js'
export type { CheckOutcome, CheckTarget, HealthCheck } from './check.js'
export {
  HealthMonitor,
  type HealthMonitorEvents,
  type HealthMonitorOptions,
  type HealthUpdate,
} from './monitor.js'
export {
  type DnsCheckOptions,
  type DnsCode,
  type DnsType,
  type FlapOptions,
  HEALTH_DEFAULTS,
  type HealthCheckOptions,
  type HealthStateOptions,
  type HttpCheckOptions,
  type HttpTlsOptions,
  type NoCheckOptions,
  type OwnCheckOptions,
  type PoolHealthOptions,
  type ReportOptions,
  type StunCheckOptions,
  type TcpCheckOptions,
  type UdpCheckOptions,
} from './options.js'
export type {
  BackendHealth,
  FloorAlarm,
  HealthCause,
  HealthChange,
  HealthReport,
  HealthTarget,
  PoolHealthStats,
  ReportKind,
} from './state.js'
