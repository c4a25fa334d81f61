import { invalidArgType } from '../errors.js'
import { Fault } from './faults.js'
import { headerError } from './header-error.js'
import { readerSettings } from './options.js'
import { HeaderScan } from './scan.js'
import type { Decoded, DecodeOptions } from './types.js'
import { unpack } from './unpack.js'

/** Every call's own while it runs; afterwards it refers to nothing of the caller's. */
const scan = new HeaderScan()
const NOTHING = new Uint8Array(0)

/**
 * Reads the PROXY header that a datagram, or the beginning of a stream that is there as a whole, begins with
 * (proxy-protocol.txt §2; SPP: Cloudflare Spectrum's documentation).
 *
 * The header is plain data that refers to nothing else; `payload` is a view of `bytes`.
 *
 * @param bytes the datagram from its first byte on, 0–2³²−1 bytes
 * @throws ProxyProtocolError ERR_PROXY_INCOMPLETE when `bytes` ends within the header, ERR_PROXY_SIGNATURE when there
 * is none of an accepted version, ERR_PROXY_VERSION, ERR_PROXY_COMMAND, ERR_PROXY_FAMILY, ERR_PROXY_LENGTH,
 * ERR_PROXY_LINE, ERR_PROXY_ADDRESS, ERR_PROXY_TOO_LONG, ERR_PROXY_TLV, ERR_PROXY_CHECKSUM when it is none that may be
 * believed; ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): Decoded {
  if (!(bytes instanceof Uint8Array)) throw invalidArgType('bytes', 'a Buffer or Uint8Array', bytes)
  const { versions, verify } = readerSettings(options)
  const end = bytes.length
  try {
    const fault = scan.read(bytes, 0, end, versions, verify)
    if (fault !== Fault.none) throw headerError(fault, scan, bytes, 0, end)
    const { length } = scan
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset + length, end - length)
    return { header: unpack(scan), length, payload }
  } finally {
    scan.bytes = NOTHING
  }
}
