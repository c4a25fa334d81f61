import { type PortsExhaustedError, portsExhausted } from '../../errors.js'

const REMEDY =
  'Close or reuse connections, add a localAddress, or widen the range: localPortRange or `sysctl net.ipv4.ip_local_port_range`'

/**
 * No local port was found for a connection.
 *
 * @param ends of the connection; `localAddress` '' when routing was to choose it
 * @param use ports of the range, and how many of them this thread has out
 * @param refused ports that were tried, and that others have
 */
export function noLocalPort(
  ends: { localAddress: string; address: string; port: number },
  use: { total: number; leased: number },
  refused: number,
): PortsExhaustedError {
  const { localAddress, address, port } = ends
  const { total, leased } = use
  const taken = Math.min(refused, total - leased)
  return portsExhausted({
    wanted: 'local port',
    where: `to connect from ${localAddress || 'any address'} to ${address} port ${port}`,
    counts: { total, free: total - leased - taken, leased, draining: 0, quarantined: 0, taken },
    remedy: REMEDY,
  })
}
