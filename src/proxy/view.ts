import { invalidArgType, outOfRange } from '../errors.js'
import { formatIPv4, formatIPv6 } from '../net/ip.js'
import { Fault } from './faults.js'
import { headerError } from './header-error.js'
import { readerSettings } from './options.js'
import { Family, HeaderScan, Transport } from './scan.js'
import type { DecodeOptions, ProxyHeader, ProxyTlv, ProxyVersion } from './types.js'
import { unpack, unpackTlvs } from './unpack.js'
import { TLV_FIXED } from './wire.js'

/**
 * A header that is checked at once and unpacked when asked: for the path that runs once for each datagram. One view
 * serves all of them in turn, and reading allocates nothing.
 *
 * What it tells is about the last header that it read, and is right as long as those bytes are left alone; `toHeader`
 * makes data to keep. Before the first header, and after a `read` that threw, `length` is 0 and `family` is `'UNSPEC'`.
 */
export class ProxyHeaderView {
  readonly #scan = new HeaderScan()
  readonly #versions: number
  readonly #verify: boolean

  /** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION */
  constructor(options?: DecodeOptions) {
    const { versions, verify } = readerSettings(options)
    this.#versions = versions
    this.#verify = verify
  }

  /**
   * Reads the header that begins at `bytes[start]`, and checks all of it: as `decode` does, with the same errors.
   *
   * @param end where the datagram ends, and the header at the latest; default the end of `bytes`
   * @throws ProxyProtocolError as `decode`; ArgumentTypeError ERR_INVALID_ARG_TYPE; ArgumentRangeError ERR_OUT_OF_RANGE
   */
  read(bytes: Uint8Array, start = 0, end?: number): this {
    if (!(bytes instanceof Uint8Array)) throw invalidArgType('bytes', 'a Buffer or Uint8Array', bytes)
    const last = end === undefined ? bytes.length : checkEnd(end, bytes)
    if (start !== 0) checkStart(start, last)
    const scan = this.#scan
    const fault = scan.read(bytes, start, last, this.#versions, this.#verify)
    if (fault !== Fault.none) this.#fail(fault, bytes, start, last)
    return this
  }

  #fail(fault: Exclude<Fault, 0>, bytes: Uint8Array, start: number, end: number): never {
    const error = headerError(fault, this.#scan, bytes, start, end)
    this.#scan.clear()
    throw error
  }

  get version(): ProxyVersion {
    return this.#scan.version
  }

  get command(): 'PROXY' | 'LOCAL' {
    return this.#scan.local ? 'LOCAL' : 'PROXY'
  }

  get family(): 'IPv4' | 'IPv6' | 'UNIX' | 'UNSPEC' {
    switch (this.#scan.family) {
      case Family.inet:
        return 'IPv4'
      case Family.inet6:
        return 'IPv6'
      case Family.unix:
        return 'UNIX'
      default:
        return 'UNSPEC'
    }
  }

  get transport(): 'STREAM' | 'DGRAM' | 'UNSPEC' {
    switch (this.#scan.transport) {
      case Transport.stream:
        return 'STREAM'
      case Transport.dgram:
        return 'DGRAM'
      default:
        return 'UNSPEC'
    }
  }

  /** Bytes that the header takes: the payload begins at `start + length`. */
  get length(): number {
    return this.#scan.length
  }

  /** The client's address as text, made anew each time; undefined but for IPv4 and IPv6. */
  get sourceAddress(): string | undefined {
    return this.#address(this.#scan.source)
  }

  /** The client's port, 0–65535; undefined but for IPv4 and IPv6. */
  get sourcePort(): number | undefined {
    return this.#port(this.#scan.sourcePort)
  }

  /** What the client spoke to, as text made anew each time; undefined but for IPv4 and IPv6. */
  get destinationAddress(): string | undefined {
    return this.#address(this.#scan.destination)
  }

  /** The port that the client spoke to, 0–65535; undefined but for IPv4 and IPv6. */
  get destinationPort(): number | undefined {
    return this.#port(this.#scan.destinationPort)
  }

  /** Copies of all TLVs in the order of the header, made anew each time; empty where there are none. */
  get tlvs(): ProxyTlv[] {
    const { bytes, tlvs, tlvsEnd } = this.#scan
    return unpackTlvs(bytes, tlvs, tlvsEnd)
  }

  /**
   * The value of the first TLV of a type, as a view of the bytes that were read.
   *
   * @param type 0–255, one of `ProxyTlvType` or any other
   */
  tlv(type: number): Buffer | undefined {
    const { bytes, tlvs, tlvsEnd } = this.#scan
    for (let at = tlvs; at < tlvsEnd; ) {
      const size = (bytes[at + 1]! << 8) | bytes[at + 2]!
      if (bytes[at] === type) return Buffer.from(bytes.buffer, bytes.byteOffset + at + TLV_FIXED, size)
      at += TLV_FIXED + size
    }
    return undefined
  }

  /** The header as plain data that refers to nothing else; equal to that of `decode`. */
  toHeader(): ProxyHeader {
    return unpack(this.#scan)
  }

  #address(at: number): string | undefined {
    const { bytes, family } = this.#scan
    if (family === Family.inet) return formatIPv4(bytes, at)
    return family === Family.inet6 ? formatIPv6(bytes, at) : undefined
  }

  #port(at: number): number | undefined {
    const { bytes, family } = this.#scan
    if (family !== Family.inet && family !== Family.inet6) return undefined
    return (bytes[at]! << 8) | bytes[at + 1]!
  }
}

function checkEnd(end: number, { length }: Uint8Array): number {
  if (Number.isInteger(end) && end >= 0 && end <= length) return end
  throw outOfRange('end', `an integer >= 0 && <= ${length}, the length of "bytes"`, end)
}

function checkStart(start: number, end: number): void {
  if (Number.isInteger(start) && start >= 0 && start <= end) return
  throw outOfRange('start', `an integer >= 0 && <= ${end}, the end`, start)
}
