import { UdpDsrError } from './base.js'

/** Codes of `SocketStateError`, Node's own. */
export const STATE_CODES = [
  'ERR_SOCKET_ALREADY_BOUND',
  'ERR_SOCKET_DGRAM_NOT_RUNNING',
  'ERR_SOCKET_DGRAM_IS_CONNECTED',
  'ERR_SOCKET_DGRAM_NOT_CONNECTED',
  'ERR_SOCKET_BUFFER_SIZE',
  'ERR_IP_BLOCKED',
] as const

/** The socket is not in the state that the call needs. */
export class SocketStateError extends UdpDsrError {
  readonly code: (typeof STATE_CODES)[number]
  constructor(code: (typeof STATE_CODES)[number], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function alreadyBound(): SocketStateError {
  const message = 'Socket is already bound. A socket is bound once; open another one for another port'
  return new SocketStateError('ERR_SOCKET_ALREADY_BOUND', message)
}

export function notRunning(): SocketStateError {
  const message = 'Not running: the socket is closed. Open a new one'
  return new SocketStateError('ERR_SOCKET_DGRAM_NOT_RUNNING', message)
}

/** @param peer `address:port` it is connected to, when known */
export function isConnected(peer?: string): SocketStateError {
  const message = `Already connected${peer ? ` to ${peer}` : ''}. Call disconnect() first, or send() without port and address`
  return new SocketStateError('ERR_SOCKET_DGRAM_IS_CONNECTED', message)
}

export function notConnected(): SocketStateError {
  const message = 'Not connected. Call connect(port, address) and wait for its callback first'
  return new SocketStateError('ERR_SOCKET_DGRAM_NOT_CONNECTED', message)
}

/** @param buffer which of the two could not be read or set; `cause` says why */
export function bufferSizeFailed(buffer: 'receive' | 'send', cause: Error): SocketStateError {
  const message = `Could not get or set buffer size: the ${buffer} buffer. Bind the socket first. Cause: ${cause.message}`
  return new SocketStateError('ERR_SOCKET_BUFFER_SIZE', message, { cause })
}

/** @param address that the option `sendBlockList` holds */
export function blockedAddress(address: string): SocketStateError {
  const message = `IP(${address}) is blocked by sendBlockList. Take it off the list to send there`
  return new SocketStateError('ERR_IP_BLOCKED', message)
}
