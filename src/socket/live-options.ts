import { constants } from 'node:os'
import { bufferSizeFailed, systemError } from '../errors.js'
import type { NativeSocket } from '../internal/addon.js'
import * as linux from '../internal/linux.js'

// Options that dgram sets with methods, at any time. As there, an error names the method and not the system call.

const { EINVAL } = constants.errno

/** Which of the kernel's two buffers. */
export type BufferName = 'receive' | 'send'

const BUFFERS = { receive: linux.SO_RCVBUF, send: linux.SO_SNDBUF } as const

/** @throws SocketStateError ERR_SOCKET_BUFFER_SIZE */
export function getBufferSize(native: NativeSocket, buffer: BufferName): number {
  const size = native.getInt(linux.SOL_SOCKET, BUFFERS[buffer])
  if (size < 0) throw bufferSizeFailed(buffer, systemError(-size, 'getsockopt'))
  return size
}

/** 0 leaves it as it is. @throws SocketStateError ERR_SOCKET_BUFFER_SIZE */
export function setBufferSize(native: NativeSocket, buffer: BufferName, size: number): void {
  if (size === 0) return
  const status = size > 0x7fffffff ? -EINVAL : native.setInt(linux.SOL_SOCKET, BUFFERS[buffer], size)
  if (status !== 0) throw bufferSizeFailed(buffer, systemError(-status, 'setsockopt'))
}

export function setBroadcast(native: NativeSocket, allowed: boolean): void {
  set(native, 'setBroadcast', linux.SOL_SOCKET, linux.SO_BROADCAST, allowed ? 1 : 0)
}

export function setTTL(native: NativeSocket, v6: boolean, ttl: number): void {
  const hops = checkHops('setTTL', ttl, 1)
  if (v6) set(native, 'setTTL', linux.IPPROTO_IPV6, linux.IPV6_UNICAST_HOPS, hops)
  else set(native, 'setTTL', linux.IPPROTO_IP, linux.IP_TTL, hops)
}

export function setMulticastTTL(native: NativeSocket, v6: boolean, ttl: number): void {
  const hops = checkHops('setMulticastTTL', ttl, 0)
  if (v6) set(native, 'setMulticastTTL', linux.IPPROTO_IPV6, linux.IPV6_MULTICAST_HOPS, hops)
  else set(native, 'setMulticastTTL', linux.IPPROTO_IP, linux.IP_MULTICAST_TTL, hops)
}

export function setMulticastLoopback(native: NativeSocket, v6: boolean, flag: boolean): void {
  if (v6) set(native, 'setMulticastLoopback', linux.IPPROTO_IPV6, linux.IPV6_MULTICAST_LOOP, flag ? 1 : 0)
  else set(native, 'setMulticastLoopback', linux.IPPROTO_IP, linux.IP_MULTICAST_LOOP, flag ? 1 : 0)
}

function checkHops(method: string, ttl: number, low: number): number {
  const hops = ttl | 0 // what dgram makes of numbers that are none
  if (hops < low || hops > 255) throw systemError(EINVAL, method, { value: ttl })
  return hops
}

function set(native: NativeSocket, method: string, level: number, name: number, value: number): void {
  const status = native.setInt(level, name, value)
  if (status !== 0) throw systemError(-status, method, { value })
}
