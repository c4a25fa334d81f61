import { warning } from '../finding.js'
import { sysctl } from '../host/files.js'
import type { Check } from './check.js'

/** A program that asks the kernel for any port may get the service's before the service is started again. */
export const ephemeralPorts: Check = {
  id: 'ephemeral-ports',
  title: "the service's ports are not given to others",
  applies: ({ role, ports }) => role === 'backend' && ports.length > 0,
  look: ({ ports }) => {
    const [low = 0, high = 0] = (sysctl('net/ipv4/ip_local_port_range') ?? '').split(/\s+/).map(Number)
    const reserved = (sysctl('net/ipv4/ip_local_reserved_ports') ?? '').split(',').filter(Boolean)
    const isReserved = (port: number) =>
      reserved.some((range) => {
        const [first = 0, last = first] = range.split('-').map(Number)
        return first <= port && port <= last
      })
    const taken = ports.filter((port) => low <= port && port <= high && !isReserved(port))
    if (taken.length === 0) return []
    return [
      warning(
        `The kernel gives out ${taken.length === 1 ? `port ${taken[0]}` : `the ports ${taken.join(', ')}`} to any program that asks for a port`,
        `net.ipv4.ip_local_port_range is ${low} ${high}, ip_local_reserved_ports "${reserved.join(',')}".`,
        `sysctl -w net.ipv4.ip_local_reserved_ports=${[...reserved, ...taken].join(',')}`,
      ),
    ]
  },
}
