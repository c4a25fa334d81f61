import { invalidArgType, ProxyProtocolError } from '../errors.js'
import { Fault, faultError } from './faults.js'
import { headerError } from './header-error.js'
import { parserFinished } from './refusals.js'
import { HeaderScan } from './scan.js'
import { checkStreamOptions, type ProxyStreamOptions, type StreamSettings } from './stream-options.js'
import type { ProxyHeader } from './types.js'
import { unpack } from './unpack.js'

/** Room that is made for a header when its first bytes come alone; any line of version 1 fits. */
const FIRST_ROOM = 128
const NOTHING = Buffer.alloc(0)

/** Every call's own while it runs; afterwards it refers to nothing of the caller's. */
const scan = new HeaderScan()

/** A header, and what came with it. */
export interface ParsedStream {
  header: ProxyHeader
  /** What follows the header in the chunk that completed it: a view of that chunk, perhaps empty. */
  rest: Buffer
}

/**
 * Reads the PROXY header at the beginning of one stream, which arrives in pieces of any size
 * (proxy-protocol.txt §2).
 *
 * A header that lies within one chunk is not copied. Of one that does not, its own bytes are, and no others.
 */
export class ProxyStreamParser {
  readonly #settings: StreamSettings
  /** Bytes of earlier chunks, `[0, #length)`. */
  #kept: Buffer = NOTHING
  #length = 0
  /** Bytes that the header has, at least. */
  #needed = 1
  #state: 'reading' | 'done' | ProxyProtocolError = 'reading'

  /**
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE
   */
  constructor(options: ProxyStreamOptions = {}) {
    this.#settings = checkStreamOptions(options)
  }

  /**
   * Bytes of earlier chunks that no header has come of so far. When `push` throws ERR_PROXY_SIGNATURE, the stream without
   * a header is these bytes, the chunk that was pushed, and what follows. A view.
   */
  get taken(): Buffer {
    return this.#kept.subarray(0, this.#length)
  }

  /**
   * Takes the next bytes of the stream.
   *
   * What is no header fails at the first byte that tells, except that a line of version 1 is read to its end, or to byte
   * 107. After that every call throws the same error.
   *
   * @returns undefined when the header goes on
   * @throws ProxyProtocolError ERR_PROXY_TOO_LONG as soon as the header says that it is longer than `maxLength`;
   * ERR_PROXY_SIGNATURE, ERR_PROXY_VERSION, ERR_PROXY_COMMAND, ERR_PROXY_FAMILY, ERR_PROXY_LENGTH, ERR_PROXY_LINE,
   * ERR_PROXY_ADDRESS, ERR_PROXY_TLV, ERR_PROXY_CHECKSUM; ERR_PROXY_FINISHED when the header was returned already;
   * ArgumentTypeError ERR_INVALID_ARG_TYPE
   */
  push(chunk: Uint8Array): ParsedStream | undefined {
    if (!(chunk instanceof Uint8Array)) throw invalidArgType('chunk', 'a Buffer or Uint8Array', chunk)
    if (this.#state !== 'reading') throw this.#state === 'done' ? parserFinished() : this.#state
    const before = this.#length
    try {
      const used = before === 0 ? this.#readAlone(chunk) : this.#readOn(chunk)
      if (used === undefined) return undefined
      this.#state = 'done'
      this.#kept = NOTHING
      this.#length = 0
      const rest = Buffer.from(chunk.buffer, chunk.byteOffset + used, chunk.length - used)
      return { header: unpack(scan), rest }
    } catch (error) {
      this.#length = before
      if (error instanceof ProxyProtocolError) this.#state = error
      throw error
    } finally {
      scan.bytes = NOTHING
    }
  }

  /**
   * Says that the stream has ended; does nothing when the header was returned.
   *
   * @throws ProxyProtocolError ERR_PROXY_INCOMPLETE, or the error that `push` has thrown
   */
  end(): void {
    if (this.#state === 'done') return
    if (this.#state === 'reading') {
      this.#state = faultError(Fault.incomplete, `It has ${this.#length} bytes, the header at least ${this.#needed}`)
    }
    throw this.#state
  }

  /** Reads a header whose first byte is the chunk's. @returns bytes of the chunk that are the header's */
  #readAlone(chunk: Uint8Array): number | undefined {
    if (this.#isComplete(chunk, chunk.length)) return scan.length
    this.#keep(chunk)
    return undefined
  }

  /** Reads a header that began in an earlier chunk. @returns bytes of the chunk that are the header's */
  #readOn(chunk: Uint8Array): number | undefined {
    for (let used = 0; ; ) {
      // Takes what is known to be the header's, which may then tell of more.
      const part = chunk.subarray(used, used + this.#needed - this.#length)
      this.#keep(part)
      used += part.length
      if (this.#isComplete(this.#kept, this.#length)) return used
      if (used === chunk.length) return undefined
    }
  }

  /** Whether `bytes[0, end)` have the whole header; throws when they have none. */
  #isComplete(bytes: Uint8Array, end: number): boolean {
    const { versions, verify, maxLength } = this.#settings
    const fault = scan.read(bytes, 0, Math.min(end, maxLength), versions, verify)
    if (fault === Fault.none) return true
    if (fault !== Fault.incomplete) throw headerError(fault, scan, bytes, 0, end)
    if (scan.length > maxLength) {
      const what = `It has at least ${scan.length} bytes, and maxLength is ${maxLength}. Raise maxLength if the sender is right`
      throw faultError(Fault.tooLong, what)
    }
    this.#needed = scan.length
    return false
  }

  #keep(part: Uint8Array): void {
    const length = this.#length + part.length
    if (length > this.#kept.length) {
      const room = Buffer.allocUnsafe(Math.max(length, this.#needed, FIRST_ROOM))
      this.#kept.copy(room, 0, 0, this.#length)
      this.#kept = room
    }
    this.#kept.set(part, this.#length)
    this.#length = length
  }
}
