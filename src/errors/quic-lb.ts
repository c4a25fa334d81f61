import { UdpDsrError } from './base.js'

/** Codes of `QuicLbError`. */
export const QUIC_LB_CODES = ['ERR_QUIC_LB_EXHAUSTED'] as const

/** A QUIC connection ID that cannot be made. */
export class QuicLbError extends UdpDsrError {
  readonly code: (typeof QUIC_LB_CODES)[number]
  constructor(code: (typeof QUIC_LB_CODES)[number], message: string) {
    super(message)
    this.code = code
  }
}

/**
 * All nonces of a configuration have been used (draft-ietf-quic-load-balancers-21 §9.6).
 *
 * @param configId 0–6
 * @param nonceLength in bytes
 */
export function noncesExhausted(configId: number, nonceLength: number): QuicLbError {
  const message =
    `Configuration ${configId} has no more nonces of ${nonceLength} bytes. ` +
    'Go over to a configuration with another ID and key, or to unroutableConnectionId()'
  return new QuicLbError('ERR_QUIC_LB_EXHAUSTED', message)
}
