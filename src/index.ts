export {
  ArgumentRangeError,
  ArgumentTypeError,
  ERROR_CODES,
  type ErrorCode,
  FlowGroupError,
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
