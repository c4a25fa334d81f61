import type { Socket } from 'node:net'
import type { ProxyProtocolError } from '../errors.js'
import { headerTimeout } from './refusals.js'
import { type ParsedStream, ProxyStreamParser } from './stream.js'
import type { ProxyStreamOptions } from './stream-options.js'
import type { ProxyHeader } from './types.js'
import { V1_SIGNATURE, V2_SIGNATURE } from './wire.js'

export interface WaitOptions {
  stream: ProxyStreamOptions
  /** Milliseconds. */
  timeout: number
  /** Whether a stream without a header is an error. */
  required: boolean
}

/** How a wait may end; one of them is called, once. */
export interface Outcomes {
  header(socket: Socket, header: ProxyHeader): void
  /** There is no header, and none is required. */
  bare(socket: Socket): void
  failed(socket: Socket, error: ProxyProtocolError): void
  /** The socket was closed with nobody to blame. */
  closed(socket: Socket): void
}

/**
 * Keeps what arrives on a new socket to itself until the header is there. Then tells the outcome, and lets the socket go
 * on as if what follows the header had just arrived.
 *
 * Stands in for `push`, with which net.Socket takes in what was read, rather than listening to the socket: thus no event
 * was emitted, nothing has begun to flow, and the stream's end is not seen before others listen.
 */
export class HeaderWait {
  readonly #socket: Socket
  readonly #options: WaitOptions
  readonly #outcomes: Outcomes
  readonly #parser: ProxyStreamParser
  readonly #timer: NodeJS.Timeout

  constructor(socket: Socket, options: WaitOptions, outcomes: Outcomes) {
    this.#socket = socket
    this.#options = options
    this.#outcomes = outcomes
    this.#parser = new ProxyStreamParser(options.stream)
    this.#timer = setTimeout(this.#onTimeout, options.timeout)
    socket.on('error', this.#onError).on('close', this.#onClose)
    socket.push = (chunk: Uint8Array | null) => (chunk === null ? this.#onEnd() : this.#onChunk(chunk))
    // Sockets read from the start, except those of a server with `pauseOnConnect`.
    socket.read(0)
  }

  /** Ends the wait with no outcome. */
  cancel(): void {
    clearTimeout(this.#timer)
    Reflect.deleteProperty(this.#socket, 'push')
    this.#socket.off('error', this.#onError).off('close', this.#onClose)
  }

  /** @returns as `push` does: whether the socket shall read on */
  #onChunk(chunk: Uint8Array): boolean {
    const { taken } = this.#parser
    let parsed: ParsedStream | undefined
    try {
      parsed = this.#parser.push(chunk)
    } catch (error) {
      if (!this.#options.required && (error as ProxyProtocolError).code === 'ERR_PROXY_SIGNATURE') {
        return this.#release(() => this.#outcomes.bare(this.#socket), taken, chunk)
      }
      return this.#fail(error as ProxyProtocolError)
    }
    if (parsed === undefined) return true
    const { header, rest } = parsed
    return this.#release(() => this.#outcomes.header(this.#socket, header), rest)
  }

  #onEnd(): boolean {
    if (this.#isBare()) return this.#release(() => this.#outcomes.bare(this.#socket), this.#parser.taken, null)
    return this.#fail(this.#endedEarly())
  }

  readonly #onTimeout = () => {
    const { timeout, required } = this.#options
    const { length } = this.#parser.taken
    if (!required && length === 0) this.#release(() => this.#outcomes.bare(this.#socket))
    else this.#fail(headerTimeout(timeout, length))
  }

  readonly #onError = (cause: Error) => {
    if (this.#isBare()) this.#onClose()
    else this.#fail(this.#endedEarly(cause))
  }

  readonly #onClose = () => {
    this.cancel()
    this.#outcomes.closed(this.#socket)
  }

  /** Whether a stream that ended now would be one that may be without a header, and is. */
  #isBare(): boolean {
    const { taken } = this.#parser
    const signature = taken[0] === V2_SIGNATURE[0] ? V2_SIGNATURE : V1_SIGNATURE
    return !this.#options.required && taken.length < signature.length
  }

  #endedEarly(cause?: Error): ProxyProtocolError {
    try {
      this.#parser.end()
    } catch (error) {
      if (cause !== undefined) (error as ProxyProtocolError).cause = cause
      return error as ProxyProtocolError
    }
    throw new Error('unreachable: a header ends the wait')
  }

  #fail(error: ProxyProtocolError): false {
    this.cancel()
    this.#outcomes.failed(this.#socket, error)
    return false
  }

  /** Tells the outcome, then hands on what has arrived, even when a listener throws. */
  #release(tell: () => void, ...arrived: (Uint8Array | null)[]): boolean {
    this.cancel()
    let more = true
    try {
      tell()
    } finally {
      for (const piece of arrived) {
        if (piece === null || piece.length > 0) more = this.#socket.push(piece)
      }
    }
    return more
  }
}
