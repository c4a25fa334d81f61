import type { Discovery } from '../../discovery/index.js'
import { type MetricSource, metric } from './metric.js'

const METRICS = {
  members: metric('gauge', 'udp_dsr_discovery_members', 'Members of a pool that were found.', 'pool'),
  stale: metric('gauge', 'udp_dsr_discovery_stale_seconds', 'How long a source has been away.', 'source'),
  held: metric('gauge', 'udp_dsr_discovery_held', 'Members whose removal is held back.', 'pool'),
  unreadable: metric('gauge', 'udp_dsr_discovery_unreadable', 'Members that cannot be read.'),
}

/** What a `Discovery` has found, for programs that follow one without an edge. */
export function discoveryMetrics(discovery: Pick<Discovery, 'current'>): MetricSource {
  return {
    metrics: Object.values(METRICS),
    *samples() {
      const { pools, stale, held, unreadable } = discovery.current
      for (const [pool, members] of pools) yield METRICS.members.of(members.length, pool)
      for (const { provider, since } of stale) yield METRICS.stale.of((Date.now() - since.getTime()) / 1000, provider)
      for (const { pool, removed } of held) yield METRICS.held.of(removed.length, pool)
      yield METRICS.unreadable.of(unreadable.length)
    },
  }
}
