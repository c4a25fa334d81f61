// The types in a CommonJS module, which may require() an ES module from Node 20.19 on; compiled, not run.
import { PktInfoSocket } from 'udp-dsr'
import type { Backend } from 'udp-dsr/pinning'
import { type ProxyTlvValues, readTlvs } from 'udp-dsr/proxy'
import type { SocketOptions } from 'udp-dsr/socket'

const options: SocketOptions = { type: 'udp6', ipv6Only: true }
export const backends: Backend[] = [{ id: 'a', weight: 2, state: 'draining' }]
export const values: ProxyTlvValues = readTlvs([])
export const opened: Promise<PktInfoSocket> = PktInfoSocket.bind(options)
