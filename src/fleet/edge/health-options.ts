import type { HealthSection } from '../config/sections.js'
import type { PoolHealthOptions } from '../health/index.js'
import type { HealthCheckOptions } from '../health/options.js'

/** What `HealthMonitor` takes, of `[pools.NAME.health]`. */
export function healthOptions(section: HealthSection): PoolHealthOptions {
  const { interval, timeout, rise, fall, floor, flaps, fast_interval: fastInterval } = section
  const common = { interval, timeout, rise, fall, floor, flaps }
  return { ...checkOf(section), ...common, ...(fastInterval !== undefined && { fastInterval }) }
}

function checkOf(section: HealthSection): HealthCheckOptions {
  const { port } = section
  switch (section.check) {
    case 'udp': {
      const { payload, expect } = section
      return { check: 'udp', port, payload, ...(expect !== '' && { expect }) }
    }
    case 'dns':
      return { check: 'dns', port, name: section.name }
    case 'http':
      return { check: 'http', port, path: section.path }
    default:
      return { check: section.check, port }
  }
}
