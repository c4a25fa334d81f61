import type { PortWindow } from '../../ports/index.js'
import { type MetricSource, metric } from './metric.js'

const METRICS = {
  free: metric('gauge', 'udp_dsr_ports_free', 'Ports of a window that can be leased.', 'window'),
  leased: metric('gauge', 'udp_dsr_ports_leased', 'Ports of a window that are leased.', 'window'),
  waiting: metric('gauge', 'udp_dsr_ports_waiting', 'Who waits for a port.', 'window'),
  leases: metric('counter', 'udp_dsr_port_leases_total', 'Ports leased so far.', 'window'),
  exhausted: metric('counter', 'udp_dsr_ports_exhausted_total', 'Calls that found no free port.', 'window'),
  quotaRefusals: metric(
    'counter',
    'udp_dsr_port_quota_refusals_total',
    'Calls that were refused because of a quota.',
    'window',
  ),
  foundTaken: metric(
    'counter',
    'udp_dsr_ports_found_taken_total',
    'Ports that turned out to be in use by others.',
    'window',
  ),
}

/** What port windows have left, by names of one's own. */
export function windowMetrics(windows: Readonly<Record<string, Pick<PortWindow, 'stats'>>>): MetricSource {
  return {
    metrics: Object.values(METRICS),
    *samples() {
      for (const [name, window] of Object.entries(windows)) {
        const stats = window.stats()
        for (const [key, metric] of Object.entries(METRICS)) yield metric.of(stats[key as keyof typeof METRICS], name)
      }
    },
  }
}
