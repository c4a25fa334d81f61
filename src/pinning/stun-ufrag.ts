import { randomBytes } from 'node:crypto'
import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from '../errors.js'

/** The 64 characters that a fragment is made of (RFC 8839 §5.4). */
const ICE_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const ICE_TEXT = /^[A-Za-z0-9+/]+$/
const HEX_TEXT = /^[0-9A-Fa-f]+$/
/** Longest fragment in characters (RFC 8839 §5.4). */
const UFRAG_LONGEST = 256
/** Shortest random part in characters: 4 of 6 bits are the 24 bits that RFC 8445 §5.3 wants. */
const RANDOM_SHORTEST = 4
const RANDOM_DEFAULT = 8
const COLON = 0x3a

/**
 * Where a fragment holds the ID of the node that made it:
 * - `{ length: 4 }`: its first four characters are the ID.
 * - `{ length: 4, hex: true }`: they are hexadecimal digits, and it does not matter whether large or small ones.
 * - `{ until: '+' }`: the ID ends before the first `+`; the others, `/` too, are characters like any.
 */
export type UfragFormat = { length: number; hex?: boolean } | { until: '+' | '/' }

/** A format that has been checked. */
export type UfragSettings = { kind: 'length'; length: number; hex: boolean } | { kind: 'until'; separator: '+' | '/' }

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError */
export function ufragSettings(name: string, format: UfragFormat): UfragSettings {
  if (format === null || typeof format !== 'object') throw invalidArgType(name, 'of type object', format)
  const until = 'until' in format
  const known = until ? ['until'] : ['length', 'hex']
  for (const option of Object.keys(format)) if (!known.includes(option)) throw unknownOption(option, known)
  if (until) {
    const separator = format.until
    if (separator === '+' || separator === '/') return { kind: 'until', separator }
    throw invalidArgValue(`${name}.until`, "must be '+' or '/', which node IDs must not have", separator)
  }
  const { length, hex = false } = format
  if (typeof length !== 'number') throw invalidArgType(`${name}.length`, 'of type number', length)
  const most = UFRAG_LONGEST - RANDOM_SHORTEST
  if (!Number.isInteger(length) || length < 1 || length > most) {
    throw outOfRange(`${name}.length`, `an integer >= 1 && <= ${most}`, length)
  }
  if (typeof hex !== 'boolean') throw invalidArgType(`${name}.hex`, 'of type boolean', hex)
  return { kind: 'length', length, hex }
}

/**
 * A node ID as fragments of this format hold it.
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
 */
export function readNodeId(name: string, nodeId: unknown, settings: UfragSettings): string {
  if (typeof nodeId !== 'string') throw invalidArgType(name, 'of type string', nodeId)
  if (settings.kind === 'until') {
    if (!ICE_TEXT.test(nodeId) || nodeId.includes(settings.separator)) {
      throw invalidArgValue(name, `must have letters, digits, + and / only, without "${settings.separator}"`, nodeId)
    }
    if (nodeId.length <= UFRAG_LONGEST - 1 - RANDOM_SHORTEST) return nodeId
    throw outOfRange(`${name}.length`, `<= ${UFRAG_LONGEST - 1 - RANDOM_SHORTEST} characters`, nodeId.length)
  }
  const { length, hex } = settings
  if (nodeId.length !== length || !(hex ? HEX_TEXT : ICE_TEXT).test(nodeId)) {
    const characters = hex ? 'hexadecimal digits' : 'letters, digits, + and /'
    throw invalidArgValue(name, `must be ${length} characters of ${characters}`, nodeId)
  }
  return hex ? nodeId.toLowerCase() : nodeId
}

/**
 * The node ID in a USERNAME, whose part before the colon is the fragment of the agent that the check is sent to
 * (RFC 8445 §7.2.2).
 *
 * @param at where USERNAME begins
 * @param length its bytes
 * @returns undefined when there is no whole ID, or no colon
 */
export function nodeIdOf(message: Uint8Array, at: number, length: number, settings: UfragSettings): string | undefined {
  const end = at + length
  const colon = message.indexOf(COLON, at)
  if (colon < 0 || colon >= end) return undefined
  if (settings.kind === 'length') {
    if (colon - at < settings.length) return undefined
    const text = latin1(message, at, at + settings.length)
    return settings.hex ? text.toLowerCase() : text
  }
  const separator = message.indexOf(settings.separator.charCodeAt(0), at)
  return separator < 0 || separator > colon ? undefined : latin1(message, at, separator)
}

/**
 * A user name fragment for a server to use (`a=ice-ufrag`): the ID of its node, and random characters.
 *
 * @param nodeId of the characters and the length that the format says
 * @param randomLength characters, 4 (the 24 bits that RFC 8445 §5.3 wants) or more. Default 8
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
 * ERR_OUT_OF_RANGE
 */
export function makeUfrag(nodeId: string, format: UfragFormat, randomLength: number = RANDOM_DEFAULT): string {
  const settings = ufragSettings('format', format)
  const id = readNodeId('nodeId', nodeId, settings)
  const prefix = settings.kind === 'until' ? id + settings.separator : id
  if (typeof randomLength !== 'number') throw invalidArgType('randomLength', 'of type number', randomLength)
  const most = UFRAG_LONGEST - prefix.length
  if (!Number.isInteger(randomLength) || randomLength < RANDOM_SHORTEST || randomLength > most) {
    throw outOfRange('randomLength', `an integer >= ${RANDOM_SHORTEST} && <= ${most}`, randomLength)
  }
  let ufrag = prefix
  for (const byte of randomBytes(randomLength)) ufrag += ICE_CHARACTERS[byte & 63]
  return ufrag
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!)
  return text
}
