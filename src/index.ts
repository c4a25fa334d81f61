export {
  ArgumentRangeError,
  ArgumentTypeError,
  ERROR_CODES,
  type ErrorCode,
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
