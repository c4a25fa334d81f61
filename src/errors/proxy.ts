import { UdpDsrError } from './base.js'

/** Codes of `ProxyProtocolError`. */
export const PROXY_CODES = [
  'ERR_PROXY_INCOMPLETE',
  'ERR_PROXY_SIGNATURE',
  'ERR_PROXY_VERSION',
  'ERR_PROXY_COMMAND',
  'ERR_PROXY_FAMILY',
  'ERR_PROXY_LENGTH',
  'ERR_PROXY_LINE',
  'ERR_PROXY_ADDRESS',
  'ERR_PROXY_TLV',
  'ERR_PROXY_CHECKSUM',
  'ERR_PROXY_TOO_LONG',
  'ERR_PROXY_TIMEOUT',
  'ERR_PROXY_UNTRUSTED',
  'ERR_PROXY_FINISHED',
] as const

export type ProxyErrorCode = (typeof PROXY_CODES)[number]

/** A PROXY protocol header that cannot be read, believed or written. */
export class ProxyProtocolError extends UdpDsrError {
  readonly code: ProxyErrorCode
  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
