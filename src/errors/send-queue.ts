import { UdpDsrError } from './base.js'

/** How much lies, or may lie, in the queue of a socket: datagrams, and bytes of payload. */
export interface QueueSize {
  datagrams: number
  bytes: number
}

/** A datagram was refused because too many wait for room in the kernel's send buffer. */
export class SendQueueFullError extends UdpDsrError {
  readonly code = 'ERR_SEND_QUEUE_FULL'
  /** What waits. */
  readonly queued: Readonly<QueueSize>
  /** What may wait: the option `sendQueue`. */
  readonly limit: Readonly<QueueSize>
  constructor(queued: QueueSize, limit: QueueSize) {
    super(
      `Send queue is full: ${queued.datagrams} of ${limit.datagrams} datagrams and ${queued.bytes} of ${limit.bytes} ` +
        "bytes wait for room in the kernel's send buffer. Wait for the callbacks of earlier sends, or raise the options " +
        'sendQueue: { datagrams, bytes } or sendBufferSize',
    )
    this.queued = { ...queued }
    this.limit = { ...limit }
  }
}

export function sendQueueFull(queued: QueueSize, limit: QueueSize): SendQueueFullError {
  return new SendQueueFullError(queued, limit)
}
