import { inspect } from 'node:util'
import { nearest } from './nearest.js'

/** Codes of `ArgumentTypeError`. All but ERR_UNKNOWN_OPTION are Node's own, with Node's class and wording. */
export const ARGUMENT_TYPE_CODES = [
  'ERR_INVALID_ARG_TYPE',
  'ERR_INVALID_ARG_VALUE',
  'ERR_MISSING_ARGS',
  'ERR_UNKNOWN_OPTION',
  'ERR_SOCKET_BAD_TYPE',
  'ERR_SOCKET_BAD_BUFFER_SIZE',
  'ERR_INVALID_FD_TYPE',
] as const

/** Codes of `ArgumentRangeError`, Node's own. */
export const ARGUMENT_RANGE_CODES = ['ERR_OUT_OF_RANGE', 'ERR_BUFFER_OUT_OF_BOUNDS', 'ERR_SOCKET_BAD_PORT'] as const

/** An argument or option of the wrong kind. */
export class ArgumentTypeError extends TypeError {
  readonly code: (typeof ARGUMENT_TYPE_CODES)[number]
  /** Which one: `address`, `options.reusePort`, `config.services[3].ports[1]`; undefined where Node’s own error names none. */
  readonly argument: string | undefined
  constructor(code: (typeof ARGUMENT_TYPE_CODES)[number], message: string, argument?: string) {
    super(message)
    this.code = code
    this.argument = argument
  }
}

/** An argument or option of the right kind with a value outside its limits. */
export class ArgumentRangeError extends RangeError {
  readonly code: (typeof ARGUMENT_RANGE_CODES)[number]
  /** Which one: `address`, `options.reusePort`, `config.services[3].ports[1]`; undefined where Node’s own error names none. */
  readonly argument: string | undefined
  constructor(code: (typeof ARGUMENT_RANGE_CODES)[number], message: string, argument?: string) {
    super(message)
    this.code = code
    this.argument = argument
  }
}

/**
 * @param name of the argument, or `options.name` of a property
 * @param expected what fits after "must be": `of type string`, `an instance of AbortSignal`
 */
export function invalidArgType(name: string, expected: string, value: unknown): ArgumentTypeError {
  return new ArgumentTypeError(
    'ERR_INVALID_ARG_TYPE',
    `The ${called(name)} must be ${expected}. ${received(value)}`,
    name,
  )
}

/** @param reason what fits after the name: `must be an IPv4 address` */
export function invalidArgValue(name: string, reason: string, value: unknown): ArgumentTypeError {
  return new ArgumentTypeError('ERR_INVALID_ARG_VALUE', `The ${called(name)} ${reason}. Received ${brief(value)}`, name)
}

/**
 * A secret that does not fit. The message tells its kind and length, and never what it is.
 *
 * @param expected what fits after "must be": `8 bytes`
 */
export function invalidSecret(name: string, expected: string, value: unknown): ArgumentTypeError {
  const message = `The ${called(name)} must be ${expected}. Received ${kindAndLength(value)}`
  return new ArgumentTypeError('ERR_INVALID_ARG_VALUE', message, name)
}

/** @param range what fits after "must be": `>= 0 && <= 255` */
export function outOfRange(name: string, range: string, value: unknown): ArgumentRangeError {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${brief(value)}`
  return new ArgumentRangeError('ERR_OUT_OF_RANGE', message, name)
}

/** An argument that may not be left out. */
export function missingArgument(name: string): ArgumentTypeError {
  return new ArgumentTypeError('ERR_MISSING_ARGS', `The "${name}" argument must be specified`, name)
}

/**
 * An option that does not exist, most likely misspelt.
 *
 * @param known the options that exist; one within two edits of `name` is proposed
 */
export function unknownOption(name: string, known: readonly string[]): ArgumentTypeError {
  const meant = nearest(name, known)
  const remedy = meant === undefined ? `Known options: ${known.join(', ')}` : `Did you mean "${meant}"?`
  return new ArgumentTypeError('ERR_UNKNOWN_OPTION', `Unknown option "${name}". ${remedy}`, name)
}

/** @param zero whether port 0 (the kernel chooses) is allowed */
export function badPort(value: unknown, { name = 'Port', zero = false } = {}): ArgumentRangeError {
  const message = `${name} should be ${zero ? '>=' : '>'} 0 and < 65536. ${received(value)}.`
  return new ArgumentRangeError('ERR_SOCKET_BAD_PORT', message)
}

/** A socket type that is neither `udp4` nor `udp6`. */
export function badType(value: unknown): ArgumentTypeError {
  const message = `Bad socket type specified. Valid types are: udp4, udp6. ${received(value)}`
  return new ArgumentTypeError('ERR_SOCKET_BAD_TYPE', message)
}

/** A receive or send buffer size that is no positive 32-bit integer. */
export function badBufferSize(value: unknown): ArgumentTypeError {
  return new ArgumentTypeError(
    'ERR_SOCKET_BAD_BUFFER_SIZE',
    `Buffer size must be a positive integer. ${received(value)}`,
  )
}

/**
 * An `offset` or `length` of `send` that reaches beyond its buffer.
 *
 * @param size of the buffer in bytes
 */
export function bufferOutOfBounds(name: 'offset' | 'length', value: number, size: number): ArgumentRangeError {
  const message = `"${name}" is outside of buffer bounds: ${name} ${value}, buffer of ${size} bytes`
  return new ArgumentRangeError('ERR_BUFFER_OUT_OF_BOUNDS', message)
}

/** A file descriptor to adopt that is something else than a UDP socket of the wanted family. */
export function invalidFdType(fd: number, type: string): ArgumentTypeError {
  const message = `Unsupported fd type: ${type}. Descriptor ${fd} must be an open UDP socket of the socket's own type`
  return new ArgumentTypeError('ERR_INVALID_FD_TYPE', message)
}

function called(name: string): string {
  return `"${name}" ${name.includes('.') ? 'property' : 'argument'}`
}

/** Names a value as Node's argument errors do. */
function received(value: unknown): string {
  if (value === undefined || value === null) return `Received ${value}`
  if (typeof value === 'function') return `Received function ${value.name}`
  if (typeof value === 'object') {
    const maker = value.constructor?.name
    return maker ? `Received an instance of ${maker}` : `Received ${inspect(value, { depth: -1 })}`
  }
  return `Received type ${typeof value} (${brief(value)})`
}

function kindAndLength(value: unknown): string {
  if (typeof value === 'string') return `a string of ${value.length} characters`
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  return value === null ? 'null' : `a value of type ${typeof value}`
}

/** The value on one short line. */
function brief(value: unknown): string {
  const text = inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY })
  return text.length > 64 ? `${text.slice(0, 61)}...` : text
}
