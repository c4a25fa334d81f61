import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from '../errors.js'

/** Shortest and longest fields in bytes (draft-ietf-quic-load-balancers-21 §5.3 and its YANG model). */
const SERVER_ID_SHORTEST = 1
const SERVER_ID_LONGEST = 15
const NONCE_SHORTEST = 4
const NONCE_LONGEST = 18
/** Server ID and nonce together: QUIC's connection IDs have 20 bytes at most, and the first byte is taken (§5.3). */
const BLOCK_LONGEST = 19
/** Longest connection ID of QUIC versions 1 and 2 in bytes (RFC 9000 §17.2). */
export const CONNECTION_ID_LONGEST = 20
/** The configuration that means "cannot be routed" (§3.2). */
export const UNROUTABLE = 0b111
const KEY_BYTES = 16

/** What edges and servers must agree on (draft-ietf-quic-load-balancers-21 §5). */
export interface QuicLbConfig {
  /** 0–6, the first three bits of every connection ID. A change of any other value needs another one. */
  configId: number
  /** Bytes, 1–15. */
  serverIdLength: number
  /** Bytes, 4–18; with `serverIdLength` 19 at most. 16 together are the fastest with a key. */
  nonceLength: number
  /**
   * 16 bytes, or 32 hexadecimal digits. With a key only who has it can tell which server a connection ID names; without
   * one everybody can. It is never shown.
   */
  key?: Uint8Array | string
  /**
   * Whether the other five bits of the first byte are the number of bytes that follow it (§3.3), for network cards that
   * must know it. Otherwise they are random. Default false.
   */
  encodesLength?: boolean
}

/** A configuration that has been checked. */
export interface QuicLbSettings {
  configId: number
  serverIdLength: number
  nonceLength: number
  key: Uint8Array | undefined
  encodesLength: boolean
}

export const QUIC_LB_OPTIONS = [
  'configId',
  'serverIdLength',
  'nonceLength',
  'key',
  'encodesLength',
] satisfies (keyof QuicLbConfig)[]

/**
 * @param name of the object, for messages
 * @param also properties beside those of a configuration
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
 * ERR_OUT_OF_RANGE
 */
export function quicLbSettings(name: string, config: QuicLbConfig, also: readonly string[]): QuicLbSettings {
  if (config === null || typeof config !== 'object') throw invalidArgType(name, 'of type object', config)
  const known = [...QUIC_LB_OPTIONS, ...also]
  for (const option of Object.keys(config)) if (!known.includes(option)) throw unknownOption(option, known)
  const { encodesLength = false } = config
  if (typeof encodesLength !== 'boolean')
    throw invalidArgType(`${name}.encodesLength`, 'of type boolean', encodesLength)
  const serverIdLength = integer(`${name}.serverIdLength`, config.serverIdLength, SERVER_ID_SHORTEST, SERVER_ID_LONGEST)
  const nonceLongest = Math.min(NONCE_LONGEST, BLOCK_LONGEST - serverIdLength)
  return {
    configId: integer(`${name}.configId`, config.configId, 0, UNROUTABLE - 1),
    serverIdLength,
    nonceLength: integer(`${name}.nonceLength`, config.nonceLength, NONCE_SHORTEST, nonceLongest),
    key: config.key === undefined ? undefined : readKey(`${name}.key`, config.key),
    encodesLength,
  }
}

/** A server ID as bytes; hexadecimal digits or bytes are taken. */
export function readServerId(name: string, value: unknown): Uint8Array {
  const bytes = readBytes(name, value)
  if (bytes === undefined) throw invalidArgValue(name, 'must be bytes, or hexadecimal digits in pairs', value)
  if (bytes.length >= SERVER_ID_SHORTEST && bytes.length <= SERVER_ID_LONGEST) return bytes
  throw outOfRange(`${name}.length`, `>= ${SERVER_ID_SHORTEST} && <= ${SERVER_ID_LONGEST} bytes`, bytes.length)
}

/** Messages about a key say nothing of what is in it. */
function readKey(name: string, value: unknown): Uint8Array {
  const bytes = readBytes(name, value)
  if (bytes === undefined) throw invalidArgValue(name, 'must be bytes, or hexadecimal digits in pairs', typeof value)
  if (bytes.length === KEY_BYTES) return bytes
  throw outOfRange(`${name}.length`, `${KEY_BYTES} bytes`, bytes.length)
}

/** A copy of the bytes, undefined when it is neither bytes nor hexadecimal digits in pairs. */
export function readBytes(name: string, value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string, or a Buffer or Uint8Array', typeof value)
  if (!/^([0-9a-f]{2})*$/i.test(value)) return undefined
  return Uint8Array.from(Buffer.from(value, 'hex'))
}

export function integer(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw outOfRange(name, `an integer >= ${least} && <= ${most}`, value)
}
