import { PktInfoSocket } from './pktinfo-socket.js'
import type { RemoteInfo, SocketOptions } from './types.js'

/**
 * Makes a socket as `dgram.createSocket` does; bind it next.
 *
 * @param options a type, `'udp4'` or `'udp6'`, or options
 * @param callback listener of `'message'`
 * @throws ArgumentTypeError, ArgumentRangeError, UnsupportedPlatformError
 */
export function createSocket(
  options: SocketOptions | SocketOptions['type'],
  callback?: (msg: Buffer, rinfo: RemoteInfo) => void,
): PktInfoSocket {
  return new PktInfoSocket(options, callback)
}
