import { constants } from 'node:os'

export const { EAGAIN, EMSGSIZE } = constants.errno

/** Largest UDP payload over IPv4: 65535 less 20 bytes of IP header and 8 of UDP (RFC 768, RFC 791). */
export const MAX_PAYLOAD_IPV4 = 65507

/** Largest UDP payload over IPv6, whose length field does not count its own header (RFC 8200 §3). */
export const MAX_PAYLOAD = 65527

/** Defaults of the option `sendQueue`. */
export const DEFAULT_QUEUE_BYTES = 4 * 1024 * 1024
export const DEFAULT_QUEUE_DATAGRAMS = 4096
