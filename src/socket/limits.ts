import { constants } from 'node:os'

export const { EAGAIN, EMSGSIZE } = constants.errno

/**
 * Largest UDP payload of all: over IPv6, 65535 less 8 bytes of UDP header (RFC 768, RFC 8200 §3). Over IPv4 it is 20 bytes
 * less, which the kernel checks.
 */
export const MAX_PAYLOAD = 65527

/** Defaults of the option `sendQueue`. */
export const DEFAULT_QUEUE_BYTES = 4 * 1024 * 1024
export const DEFAULT_QUEUE_DATAGRAMS = 4096

/** Default of the option `busyPoll` in microseconds: about what it costs to sleep and be woken. */
export const DEFAULT_BUSY_POLL = 20
