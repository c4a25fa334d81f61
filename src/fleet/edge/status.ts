import type { HeldRemoval } from '../../discovery/index.js'
import type { DeliveryName, ForwarderStats } from '../../forwarder/index.js'

/** How a backend is, and why. */
export interface BackendStatus {
  id: string
  address: string
  weight: number
  state: 'up' | 'draining' | 'down'
  /** What checks say; undefined where there are none. */
  health?: HealthStatus | undefined
  packets: number
  bytes: number
}

export interface HealthStatus {
  state: 'up' | 'down'
  reason: string
  /** ISO 8601. */
  since: string
}

export interface PoolStatus {
  name: string
  delivery: DeliveryName
  slots: number
  /** That its table takes. */
  bytes: number
  /** Of its table: the same on every edge with the same members. */
  digest: string
  backends: BackendStatus[]
}

export interface ServiceStatus {
  name: string
  vips: readonly string[]
  ports: readonly (number | string)[]
  pool: string
  packets: number
  bytes: number
}

export const ALARM_KINDS = [
  'stale',
  'held',
  'unreadable',
  'floor',
  'apply',
  'unreachable',
  'digest',
  'restart',
  'state',
] as const

/** What somebody ought to look at. */
export interface Alarm {
  kind: (typeof ALARM_KINDS)[number]
  message: string
  /** ISO 8601. */
  since: string
}

/** An edge as it is now. */
export interface EdgeStatus {
  edge: string
  interface: string
  mode: string
  /** Whether it took over a data plane that went on without its process. */
  adopted: boolean
  pid: number
  /** ISO 8601. */
  started: string
  /** Of all members that were found: the same on every edge. */
  digest: string
  applied: { count: number; at: string | undefined; milliseconds: number }
  services: ServiceStatus[]
  pools: PoolStatus[]
  /** Packets that were not simply forwarded, by the reason; without those that there were none of. */
  reasons: ForwarderStats['reasons']
  held: readonly HeldRemoval[]
  /** Edges that publish what they follow. */
  edges: { name: string; digest: string; same: boolean }[]
  alarms: Alarm[]
}
