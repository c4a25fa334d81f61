import { inspect } from 'node:util'
import { invalidArgType, outOfRange, ProxyProtocolError } from '../errors.js'
import { crc32cOfHeader } from './crc32c.js'
import { encode, findChecksum } from './encode.js'
import type { ProxyTemplateInput } from './input.js'
import { DEFAULT_SETTINGS } from './options.js'
import { Family, HeaderScan } from './scan.js'
import { checkPort, writeAddress, writeUint16, writeUint32 } from './write.js'

/**
 * A header for one destination, made once and written for each client: for a proxy's path that runs once for each
 * datagram. Writing allocates nothing.
 */
export class ProxyHeaderTemplate {
  /** The header as it was written last. */
  readonly #bytes: Uint8Array
  readonly #v6: boolean
  readonly #source: number
  readonly #sourcePort: number
  /** Where the checksum is, 0 when there is none. */
  readonly #checksum: number

  /**
   * @throws ProxyProtocolError as `encode`, and ERR_PROXY_VERSION for version 1, whose length depends on the client;
   * ArgumentTypeError ERR_INVALID_ARG_TYPE
   */
  constructor(input: ProxyTemplateInput) {
    if (input === null || typeof input !== 'object') throw invalidArgType('input', 'of type object', input)
    const { version, family, transport, destination, tlvs, checksum } = input
    if ((version as string) === 'v1') {
      const message =
        "A template cannot be of version 1, whose length depends on the client. Take version: 'v2', or encode"
      throw new ProxyProtocolError('ERR_PROXY_VERSION', message)
    }
    if (family !== 'IPv4' && family !== 'IPv6') {
      const message = `"family" is ${inspect(family)}, and a template has 'IPv4' or 'IPv6'. Take encode for the others`
      throw new ProxyProtocolError('ERR_PROXY_FAMILY', message)
    }
    const source = { address: family === 'IPv4' ? '0.0.0.0' : '::', port: 0 }
    const header = encode({ version, family, transport, source, destination, tlvs }, { checksum })
    const scan = new HeaderScan()
    scan.read(header, 0, header.length, DEFAULT_SETTINGS.versions, false)
    this.#bytes = Uint8Array.from(header)
    this.#v6 = scan.family === Family.inet6
    this.#source = scan.source
    this.#sourcePort = scan.sourcePort
    this.#checksum = checksum === true ? findChecksum(header, scan.tlvs) : 0
  }

  /** Bytes of each header. */
  get length(): number {
    return this.#bytes.length
  }

  /**
   * Writes the header for a client into `target`, from `offset` on.
   *
   * @param sourceAddress of the template's family, without a scope
   * @param sourcePort 0–65535
   * @returns bytes written, `length`
   * @throws ProxyProtocolError ERR_PROXY_ADDRESS; ArgumentTypeError ERR_INVALID_ARG_TYPE; ArgumentRangeError
   * ERR_OUT_OF_RANGE when it does not fit. `target` is untouched then
   */
  write(sourceAddress: string, sourcePort: number, target: Uint8Array, offset = 0): number {
    const bytes = this.#bytes
    const { length } = bytes
    if (!(target instanceof Uint8Array)) throw invalidArgType('target', 'a Buffer or Uint8Array', target)
    if (!Number.isInteger(offset) || offset < 0 || offset + length > target.length) {
      const most = target.length - length
      throw outOfRange('offset', `an integer >= 0 && <= ${most}, so that ${length} bytes of header fit`, offset)
    }
    checkPort('sourcePort', sourcePort)
    writeAddress('sourceAddress', this.#v6, sourceAddress, bytes, this.#source)
    writeUint16(bytes, this.#sourcePort, sourcePort)
    if (this.#checksum !== 0) {
      writeUint32(bytes, this.#checksum, crc32cOfHeader(bytes, 0, this.#checksum, length))
    }
    target.set(bytes, offset)
    return length
  }
}
