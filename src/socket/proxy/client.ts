import type { ProxyHeader } from '../../proxy/types.js'
import type { Destination } from '../outbox.js'
import type { RemoteEnd, RemoteInfo } from '../types.js'

/** The client that a header names; undefined when it names none (LOCAL, UNSPEC) or one without an IP address (UNIX). */
export function clientOf(header: ProxyHeader): RemoteEnd | undefined {
  if (header.family !== 'IPv4' && header.family !== 'IPv6') return undefined
  const { address, port } = header.source
  return { address, family: header.family, port }
}

/** Says in `rinfo`, so far about the proxy, who the client is. */
export function markClient(rinfo: RemoteInfo, header: ProxyHeader): void {
  const { address, family, port } = rinfo
  rinfo.via = { address, family, port }
  rinfo.proxy = header
  Object.assign(rinfo, clientOf(header))
}

/** The way to the client past the proxy, from the address that it spoke to; undefined as for `clientOf`. */
export function directReply(header: ProxyHeader): Destination | undefined {
  if (header.family !== 'IPv4' && header.family !== 'IPv6') return undefined
  const { source, destination } = header
  return { port: source.port, address: source.address, source: destination.address, ifindex: 0, tos: -1 }
}
