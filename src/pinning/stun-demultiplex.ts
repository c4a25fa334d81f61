/** What shares a port with STUN. */
export type DatagramKind = 'stun' | 'zrtp' | 'dtls' | 'turn-channel' | 'quic' | 'rtp' | 'unknown'

/**
 * What a datagram is by its first byte (RFC 7983 §7 and RFC 9443 §3). Bytes 64 to 79 are a TURN channel's on a port
 * where TURN is spoken, and otherwise QUIC's; here they are a TURN channel's. TURN clients that follow RFC 5766 use
 * channels from 80 to 127, too, which RFC 8656 §12 has given up.
 *
 * @param firstByte 0–255; undefined (of an empty datagram) is `'unknown'`
 */
export function datagramKind(firstByte: number | undefined): DatagramKind {
  if (firstByte === undefined) return 'unknown'
  if (firstByte <= 3) return 'stun'
  if (firstByte < 16) return 'unknown'
  if (firstByte <= 19) return 'zrtp'
  if (firstByte <= 63) return 'dtls'
  if (firstByte <= 79) return 'turn-channel'
  if (firstByte <= 127) return 'quic'
  return firstByte <= 191 ? 'rtp' : 'quic'
}
