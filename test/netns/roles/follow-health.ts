import { type BackendHealth, HealthMonitor, type HealthTarget, type PoolHealthOptions } from 'udp-dsr/fleet'

let monitor: HealthMonitor | undefined

/** Follows the health of backends, from this host. */
export function followHealth(pools: Record<string, PoolHealthOptions>, backends: readonly HealthTarget[]): void {
  monitor = new HealthMonitor({ pools })
  monitor.update(backends)
}

/** What is known by now. */
export function seenHealth(): BackendHealth[] {
  return monitor?.list() ?? []
}

export async function unfollowHealth(): Promise<void> {
  await monitor?.close()
}
