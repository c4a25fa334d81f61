import type net from 'node:net'
import { unsupportedNode } from '../../errors.js'

/** libuv's TCP handle as Node's sockets have it (src/tcp_wrap.cc). What returns a status returns 0 or a negative errno. */
export interface TcpHandle {
  /** Takes over a descriptor. */
  open(descriptor: number): number
  /** Begins to connect to an IPv4 address. */
  connect(request: object, address: string, port: number): number
  connect6(request: object, address: string, port: number): number
}

/**
 * The handle of a socket that has begun to connect. It is no public part of Node, but the only way to give a socket that
 * net.Socket connects a descriptor at the right time: after its name was looked up, and before connect(2).
 *
 * @throws UnsupportedNodeError where there is none
 */
export function tcpHandle(socket: net.Socket): TcpHandle {
  const handle = (socket as unknown as { _handle?: Partial<TcpHandle> })._handle
  for (const method of ['open', 'connect', 'connect6'] as const) {
    if (typeof handle?.[method] !== 'function') throw unsupportedNode(`_handle.${method} of net.Socket`)
  }
  return handle as TcpHandle
}
