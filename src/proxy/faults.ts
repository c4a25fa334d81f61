import { type ProxyErrorCode, ProxyProtocolError } from '../errors.js'

/**
 * What a scan found. Numbers, because a server under a flood of bad headers must be able to count them without making an
 * error for each.
 */
export const Fault = {
  none: 0,
  /** Nothing is wrong, but the input ends before the header does. */
  incomplete: 1,
  signature: 2,
  version: 3,
  command: 4,
  family: 5,
  length: 6,
  line: 7,
  address: 8,
  tlv: 9,
  checksum: 10,
  tooLong: 11,
} as const

export type Fault = (typeof Fault)[keyof typeof Fault]

const FAULTS: Record<Exclude<Fault, 0>, [code: ProxyErrorCode, message: string]> = {
  [Fault.incomplete]: [
    'ERR_PROXY_INCOMPLETE',
    'The input ends before the PROXY header does. A datagram must hold the whole header; a stream must be read further',
  ],
  [Fault.signature]: [
    'ERR_PROXY_SIGNATURE',
    'The input begins with no PROXY header of an accepted version. Turn the protocol on at the sender, or accept its version',
  ],
  [Fault.version]: ['ERR_PROXY_VERSION', 'The version in the PROXY header is not 2'],
  [Fault.command]: ['ERR_PROXY_COMMAND', 'The command in the PROXY header is neither LOCAL (0) nor PROXY (1)'],
  [Fault.family]: [
    'ERR_PROXY_FAMILY',
    'The PROXY header has an address family or transport that version 2 does not define',
  ],
  [Fault.length]: ['ERR_PROXY_LENGTH', "The PROXY header's length is too short for the addresses of its family"],
  [Fault.line]: [
    'ERR_PROXY_LINE',
    'The PROXY line is neither "PROXY TCP4 SOURCE DESTINATION PORT PORT" (or TCP6) nor "PROXY UNKNOWN"',
  ],
  [Fault.address]: ['ERR_PROXY_ADDRESS', 'The PROXY line has an address or port that is none of its family'],
  [Fault.tlv]: [
    'ERR_PROXY_TLV',
    "A TLV reaches beyond the PROXY header's end, or the CRC32C is not one TLV of four bytes",
  ],
  [Fault.checksum]: [
    'ERR_PROXY_CHECKSUM',
    "The PROXY header's CRC32C is wrong: it was damaged, or a proxy changed it and kept the old one. verifyChecksum: false accepts it",
  ],
  [Fault.tooLong]: ['ERR_PROXY_TOO_LONG', 'The PROXY header is longer than the limit'],
}

/** The error for a fault. @param detail the value at fault and its limit, for the end of the message */
export function faultError(fault: Exclude<Fault, 0>, detail = ''): ProxyProtocolError {
  const [code, message] = FAULTS[fault]
  return new ProxyProtocolError(code, detail === '' ? message : `${message}. ${detail}`)
}
