import type { PktInfoSocket } from '../../socket/index.js'
import { type MetricSource, metric } from './metric.js'

const METRICS = {
  received: metric('counter', 'udp_dsr_socket_received_total', 'Datagrams received.', 'socket'),
  sent: metric('counter', 'udp_dsr_socket_sent_total', 'Datagrams sent.', 'socket'),
  batches: metric('counter', 'udp_dsr_socket_batches_total', 'Calls of recvmmsg that had something.', 'socket'),
  truncated: metric(
    'counter',
    'udp_dsr_socket_truncated_total',
    'Datagrams that were longer than the buffer.',
    'socket',
  ),
  droppedByKernel: metric(
    'counter',
    'udp_dsr_socket_dropped_by_kernel_total',
    'Datagrams that found no room in the receive buffer.',
    'socket',
  ),
  droppedByQueue: metric(
    'counter',
    'udp_dsr_socket_dropped_by_queue_total',
    'Datagrams that a slow loop had no room for.',
    'socket',
  ),
  sendErrors: metric('counter', 'udp_dsr_socket_send_errors_total', 'Datagrams that could not be sent.', 'socket'),
  queued: metric('gauge', 'udp_dsr_socket_queued', 'Datagrams that wait to be sent.', 'socket'),
}

/** What sockets do, by names of one's own. */
export function socketMetrics(sockets: Readonly<Record<string, Pick<PktInfoSocket, 'stats'>>>): MetricSource {
  return {
    metrics: Object.values(METRICS),
    *samples() {
      for (const [name, socket] of Object.entries(sockets)) {
        const stats = socket.stats()
        for (const [key, metric] of Object.entries(METRICS)) yield metric.of(stats[key as keyof typeof METRICS], name)
      }
    },
  }
}
