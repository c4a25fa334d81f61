export {
  ArgumentRangeError,
  ArgumentTypeError,
  ERROR_CODES,
  type ErrorCode,
  ProxyProtocolError,
  type QueueSize,
  SendQueueFullError,
  SocketStateError,
  SourceNotLocalError,
  SystemError,
  UdpDsrError,
  UnsupportedKernelError,
  UnsupportedPlatformError,
} from './errors.js'
export * from './socket/index.js'
