import { ALARM_KINDS, type EdgeStatus } from '../edge/status.js'
import { type MetricSource, metric, type Sample } from './metric.js'

const METRICS = {
  info: metric('gauge', 'udp_dsr_edge_info', 'What an edge is: always 1.', 'edge', 'interface', 'mode', 'members'),
  servicePackets: metric(
    'counter',
    'udp_dsr_service_packets_total',
    'Packets forwarded for a service.',
    'service',
    'pool',
  ),
  serviceBytes: metric('counter', 'udp_dsr_service_bytes_total', 'Bytes of their IP packets.', 'service', 'pool'),
  backendPackets: metric(
    'counter',
    'udp_dsr_backend_packets_total',
    'Packets sent to a backend, by all pools that have it.',
    'pool',
    'backend',
    'address',
  ),
  backendBytes: metric(
    'counter',
    'udp_dsr_backend_bytes_total',
    'Bytes of their IP packets.',
    'pool',
    'backend',
    'address',
  ),
  backendState: metric(
    'gauge',
    'udp_dsr_backend_state',
    '1 for the state that a backend has: up, draining or down.',
    'pool',
    'backend',
    'address',
    'state',
  ),
  backendHealthy: metric(
    'gauge',
    'udp_dsr_backend_healthy',
    '1 when the checks of a backend are good.',
    'pool',
    'backend',
    'address',
  ),
  poolBytes: metric('gauge', 'udp_dsr_pool_table_bytes', 'Memory of a pool’s table.', 'pool'),
  reasons: metric(
    'counter',
    'udp_dsr_packets_total',
    'Packets that were not simply forwarded, by the reason.',
    'reason',
  ),
  applied: metric('counter', 'udp_dsr_applied_total', 'Changes that were followed.'),
  applySeconds: metric('gauge', 'udp_dsr_apply_seconds', 'How long the last one took.'),
  alarms: metric('gauge', 'udp_dsr_alarms', 'What is wrong at the moment, by its kind.', 'kind'),
  held: metric('gauge', 'udp_dsr_members_held', 'Members whose removal is held back.', 'pool'),
  peers: metric(
    'gauge',
    'udp_dsr_edges',
    'Edges that publish what they follow, and whether that is the same as here.',
    'same',
  ),
}
const STATES = ['up', 'draining', 'down'] as const

/** What a `FleetEdge` does, and how its backends are. */
export function edgeMetrics(edge: { readonly status: EdgeStatus }): MetricSource {
  return { metrics: Object.values(METRICS), samples: () => samplesOf(edge.status) }
}

function* samplesOf(status: EdgeStatus): Generator<Sample> {
  const { edge, interface: name, mode, digest, services, pools, reasons, applied, alarms, held, edges } = status
  yield METRICS.info.of(1, edge, name, mode, digest)
  for (const { name, pool, packets, bytes } of services) {
    yield METRICS.servicePackets.of(packets, name, pool)
    yield METRICS.serviceBytes.of(bytes, name, pool)
  }
  for (const { name: pool, bytes, backends } of pools) {
    yield METRICS.poolBytes.of(bytes, pool)
    for (const { id, address, state, health, packets, bytes } of backends) {
      yield METRICS.backendPackets.of(packets, pool, id, address)
      yield METRICS.backendBytes.of(bytes, pool, id, address)
      for (const one of STATES) yield METRICS.backendState.of(Number(one === state), pool, id, address, one)
      if (health) yield METRICS.backendHealthy.of(Number(health.state === 'up'), pool, id, address)
    }
  }
  for (const [reason, { packets }] of Object.entries(reasons)) yield METRICS.reasons.of(packets, reason)
  yield METRICS.applied.of(applied.count)
  yield METRICS.applySeconds.of(applied.milliseconds / 1000)
  for (const kind of ALARM_KINDS) yield METRICS.alarms.of(alarms.filter((alarm) => alarm.kind === kind).length, kind)
  for (const { pool, removed } of held) yield METRICS.held.of(removed.length, pool)
  for (const same of [true, false])
    yield METRICS.peers.of(edges.filter((one) => one.same === same).length, String(same))
}
