/** Where the destination connection ID of a datagram is. */
export interface ConnectionIdPlace {
  form: 'long' | 'short' | 'none'
  /** Offset of its first byte. */
  at: number
  /** Its bytes; with a short header, which does not tell, all that follow the first byte. */
  length: number
}

/** The first bit of a packet (RFC 8999 §5): set for a long header, clear for a short one. */
const LONG_HEADER = 0x80
/** Long header: one byte, the version in four, the length of the destination connection ID (RFC 8999 §5.1). */
const LONG_LENGTH_AT = 5
/** Short header: one byte, then the destination connection ID (RFC 8999 §5.2). */
const SHORT_ID_AT = 1

/**
 * Finds the destination connection ID of a datagram's first packet, which all its packets share (RFC 9000 §12.2), by
 * what holds for every version of QUIC (RFC 8999). `form` is `'none'` when the datagram ends before it does.
 *
 * @param out takes the result
 */
export function findConnectionId(datagram: Uint8Array, out: ConnectionIdPlace): void {
  out.form = 'none'
  const { length } = datagram
  if (length === 0) return
  if ((datagram[0]! & LONG_HEADER) === 0) {
    out.form = 'short'
    out.at = SHORT_ID_AT
    out.length = length - SHORT_ID_AT
    return
  }
  if (length <= LONG_LENGTH_AT) return
  const size = datagram[LONG_LENGTH_AT]!
  if (LONG_LENGTH_AT + 1 + size > length) return
  out.form = 'long'
  out.at = LONG_LENGTH_AT + 1
  out.length = size
}
