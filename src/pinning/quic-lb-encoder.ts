import { randomBytes } from 'node:crypto'
import { invalidArgType, invalidArgValue, noncesExhausted, outOfRange, unknownOption } from '../errors.js'
import { QuicLbCipher } from './quic-lb-cipher.js'
import {
  CONNECTION_ID_LONGEST,
  integer,
  type QuicLbConfig,
  type QuicLbSettings,
  quicLbSettings,
  readBytes,
  readServerId,
  UNROUTABLE,
} from './quic-lb-config.js'

/** What a server must remember so that a later run of it repeats no nonce. Keep it as secret as the key. */
export interface QuicLbEncoderState {
  /** The nonce that the first run began with, in hexadecimal digits. */
  firstNonce: string
  /** Connection IDs made by all runs together. */
  issued: number
  /** Without a key: what makes nonces look random, in hexadecimal digits. */
  mask?: string
}

export interface QuicLbEncoderOptions extends QuicLbConfig {
  /** This server's own ID, `serverIdLength` bytes or twice as many hexadecimal digits. */
  serverId: Uint8Array | string
  /** Random bytes after the nonce, so that connection IDs are as long as the server's software wants them. Default 0. */
  extraLength?: number
  /**
   * Where an earlier run of this server with this configuration ended. `issued` may be more than it made, and must not be
   * less: save it ahead. Without it nonces begin at random, and may meet those of an earlier run by chance.
   */
  resume?: QuicLbEncoderState
}

const OPTIONS = ['serverId', 'extraLength', 'resume'] satisfies (keyof QuicLbEncoderOptions)[]
const STATE = ['firstNonce', 'issued', 'mask'] satisfies (keyof QuicLbEncoderState)[]

const LENGTH_BITS = 0b11111
const CONFIG_SHIFT = 5
/** Shortest connection ID that cannot be routed and still has 7 random bytes (draft §3.2). */
const UNROUTABLE_SHORTEST = 8
const MASK_BYTES = 16

/**
 * Makes connection IDs that name this server, after draft-ietf-quic-load-balancers-21: for the server's QUIC software to
 * use as its own, in its first packet and in NEW_CONNECTION_ID frames. Without a key the draft wants them in the first
 * packet alone (§9).
 *
 * Nonces are those of a counter that begins at random and never repeats. Without a key they are visible, so they are
 * encrypted under a random secret of this object: no two look alike, and still none comes twice.
 */
export class QuicLbEncoder {
  readonly #settings: QuicLbSettings
  readonly #serverId: Uint8Array
  /** Bytes of a connection ID. */
  readonly length: number
  /** Over server ID and nonce. */
  readonly #cipher: QuicLbCipher | undefined
  /** Over the nonce alone, where there is no key. */
  readonly #mask: QuicLbCipher | undefined
  readonly #state: QuicLbEncoderState
  readonly #nonce: Uint8Array
  readonly #capacity: number
  #issued: number

  /**
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE
   */
  constructor(options: QuicLbEncoderOptions) {
    const settings = quicLbSettings('options', options, OPTIONS)
    const { serverIdLength, nonceLength, key } = settings
    const block = serverIdLength + nonceLength
    const extra = integer('options.extraLength', options.extraLength ?? 0, 0, CONNECTION_ID_LONGEST - 1 - block)
    const serverId = readServerId('options.serverId', options.serverId)
    if (serverId.length !== serverIdLength) {
      const reason = `must have ${serverIdLength} bytes, as serverIdLength says`
      throw invalidArgValue('options.serverId', reason, options.serverId)
    }
    this.#settings = settings
    this.#serverId = serverId
    this.length = 1 + block + extra
    this.#capacity = 256 ** nonceLength
    this.#state = beginning(settings, options.resume)
    this.#issued = this.#state.issued
    this.#nonce = Uint8Array.from(Buffer.from(this.#state.firstNonce, 'hex'))
    add(this.#nonce, this.#issued)
    if (key !== undefined) this.#cipher = new QuicLbCipher(key, block)
    const { mask } = this.#state
    if (mask !== undefined) this.#mask = new QuicLbCipher(Buffer.from(mask, 'hex'), nonceLength)
  }

  /** How many more connection IDs this configuration is good for: with 4 bytes of nonce, 2³² in all. */
  get remaining(): number {
    return Math.max(0, this.#capacity - this.#issued)
  }

  /**
   * A new connection ID.
   *
   * @throws QuicLbError ERR_QUIC_LB_EXHAUSTED when all nonces are used
   */
  next(): Buffer {
    const { configId, serverIdLength, nonceLength, encodesLength } = this.#settings
    if (this.remaining === 0) throw noncesExhausted(configId, nonceLength)
    // Random first: what is not written below stays so, the five bits of the first byte and the bytes at the end.
    const id = randomBytes(this.length)
    id[0] = firstByte(configId, encodesLength ? this.length - 1 : id[0]!)
    id.set(this.#serverId, 1)
    id.set(this.#nonce, 1 + serverIdLength)
    this.#mask?.encrypt(id, 1 + serverIdLength)
    this.#cipher?.encrypt(id, 1)
    add(this.#nonce, 1)
    this.#issued++
    return id
  }

  /** What to keep for `resume`. */
  state(): QuicLbEncoderState {
    return { ...this.#state, issued: this.#issued }
  }
}

/**
 * A connection ID that says of itself that it names no server: for servers that have no configuration (yet), or no nonces
 * any more (draft-ietf-quic-load-balancers-21 §3.2). Such a connection stays where the hash of its flow sends it.
 *
 * @param length in bytes, 8–20
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE; ArgumentRangeError ERR_OUT_OF_RANGE
 */
export function unroutableConnectionId(length: number = UNROUTABLE_SHORTEST): Buffer {
  const id = randomBytes(integer('length', length, UNROUTABLE_SHORTEST, CONNECTION_ID_LONGEST))
  id[0] = firstByte(UNROUTABLE, length - 1)
  return id
}

function firstByte(configId: number, rest: number): number {
  return (configId << CONFIG_SHIFT) | (rest & LENGTH_BITS)
}

function beginning(settings: QuicLbSettings, resume: QuicLbEncoderState | undefined): QuicLbEncoderState {
  const { nonceLength, key } = settings
  if (resume === undefined) {
    const firstNonce = randomBytes(nonceLength).toString('hex')
    if (key !== undefined) return { firstNonce, issued: 0 }
    return { firstNonce, issued: 0, mask: randomBytes(MASK_BYTES).toString('hex') }
  }
  if (resume === null || typeof resume !== 'object') throw invalidArgType('options.resume', 'of type object', resume)
  for (const name of Object.keys(resume)) {
    if (!(STATE as string[]).includes(name)) throw unknownOption(`resume.${name}`, STATE)
  }
  const firstNonce = hex('options.resume.firstNonce', resume.firstNonce, nonceLength)
  const issued = integer('options.resume.issued', resume.issued, 0, Number.MAX_SAFE_INTEGER)
  if (key === undefined) return { firstNonce, issued, mask: hex('options.resume.mask', resume.mask, MASK_BYTES) }
  if (resume.mask === undefined) return { firstNonce, issued }
  throw invalidArgValue('options.resume.mask', 'must be left out with a key: it is of a configuration without', '…')
}

/** Messages say nothing of the digits. */
function hex(name: string, value: unknown, bytes: number): string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
  if (readBytes(name, value) === undefined) throw invalidArgValue(name, 'must be hexadecimal digits', '…')
  if (value.length === 2 * bytes) return value
  throw outOfRange(`${name}.length`, `${2 * bytes} hexadecimal digits`, value.length)
}

/** Adds to a number of any length in network order, which begins anew after its largest value. */
function add(number: Uint8Array, count: number): void {
  let carry = count
  for (let i = number.length - 1; i >= 0 && carry > 0; i--) {
    const sum = number[i]! + (carry % 256)
    number[i] = sum
    carry = Math.floor(carry / 256) + (sum >> 8)
  }
}
