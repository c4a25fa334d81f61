import { isIP } from 'node:net'
import { badBufferSize, badPort, invalidArgType, invalidArgValue, outOfRange, unknownOption } from './argument.js'

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ArgumentRangeError ERR_OUT_OF_RANGE */
export function checkInteger(name: string, value: unknown, low: number, high: number): void {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < low || value > high) throw outOfRange(name, `>= ${low} && <= ${high}`, value)
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ArgumentRangeError ERR_OUT_OF_RANGE */
export function checkPowerOfTwo(name: string, value: number, low: number, high: number): void {
  checkInteger(name, value, low, high)
  if (!Number.isInteger(Math.log2(value))) throw invalidArgValue(name, 'must be a power of two', value)
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function checkNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
}

/** Bytes of a kernel buffer. @throws ArgumentTypeError ERR_SOCKET_BAD_BUFFER_SIZE */
export function checkBufferSize(size: number): void {
  if (size >>> 0 !== size) throw badBufferSize(size)
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function checkString(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidArgType(name, 'of type string', value)
}

/** An address that is looked up nowhere. @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function checkLiteral(name: string, value: unknown): asserts value is string {
  checkString(name, value)
  if (isIP(value) === 0) throw invalidArgValue(name, 'must be an IP address', value)
}

/** A port as dgram takes it: a number or its text. @throws ArgumentRangeError ERR_SOCKET_BAD_PORT */
export function checkPort(value: unknown, zero = false, name = 'Port'): number {
  if (typeof value === 'number' && value === (value & 0xffff) && (value !== 0 || zero)) return value
  const valid = typeof value === 'string' ? value.trim() !== '' : typeof value === 'number'
  const port = Number(value)
  if (!valid || port !== port >>> 0 || port > 0xffff || (port === 0 && !zero)) throw badPort(value, { name, zero })
  return port
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE */
export function checkSignal(signal: unknown): void {
  if (signal === null || typeof signal !== 'object' || !('aborted' in signal)) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal)
  }
}

/**
 * Sees that options are an object, and that it has none but these.
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION
 */
export function checkOptions(options: unknown, known: readonly string[]): asserts options is object {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownOption(name, known)
}

/**
 * Sees that an option that is an object has no properties but these.
 *
 * @param option its name, as in `sendQueue`
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION
 */
export function checkProperties(option: string, given: unknown, known: readonly string[]): asserts given is object {
  if (given === null || typeof given !== 'object') throw invalidArgType(`options.${option}`, 'of type object', given)
  const names = known.map((name) => `${option}.${name}`)
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw unknownOption(`${option}.${name}`, names)
  }
}

/**
 * A range of ports, `[low, high]`, both ends included.
 *
 * @param name for messages: `options.localPortRange`
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ArgumentRangeError ERR_OUT_OF_RANGE
 */
export function checkPortRange(name: string, range: unknown): asserts range is readonly [number, number] {
  if (!Array.isArray(range) || range.length !== 2) {
    throw invalidArgType(name, 'an array of two ports, [low, high]', range)
  }
  const [low, high] = range
  checkInteger(`${name}[0]`, low, 1, 65535)
  checkInteger(`${name}[1]`, high, 1, 65535)
  if (low > high) throw outOfRange(name, 'low <= high', range)
}
