import { invalidArgType, invalidArgValue, outOfRange } from '../../../errors.js'
import { failed, type HealthCheck, PASSED } from '../check.js'
import type { UdpCheckOptions } from '../options.js'
import type { CheckMeans } from './means.js'

const DEFAULT_PAYLOAD = Buffer.from('ping')
/** What passes everywhere without fragments (RFC 8085 §3.2: 1280 bytes of IPv6, less the headers), rounded. */
const MOST_BYTES = 1200
/** Bytes of an answer that a message shows. */
const SHOWN = 16

/**
 * A datagram, and any answer or one that begins with certain bytes. Answers have no token: one that comes after the timeout of a
 * check is taken for that of the next.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function udpCheck(path: string, options: UdpCheckOptions, port: number, { probes }: CheckMeans): HealthCheck {
  const name = (option: string) => `options.${path}.${option}`
  const { payload = DEFAULT_PAYLOAD, expect, mask } = options
  const bytes = readBytes(name('payload'), payload)
  const prefix = expect === undefined ? new Uint8Array(0) : readBytes(name('expect'), expect)
  const bits = mask === undefined ? new Uint8Array(prefix.length).fill(0xff) : readBytes(name('mask'), mask)
  if (bits.length !== prefix.length) {
    throw invalidArgValue(name('mask'), `must have as many bytes as expect, ${prefix.length}`, mask)
  }
  const fits = (answer: Uint8Array) =>
    prefix.every((byte, i) => i < answer.length && ((answer[i]! ^ byte) & bits[i]!) === 0)
  const judge = (answer: Uint8Array) =>
    fits(answer) ? PASSED : failed(`answered ${shown(answer)}, not what is expected`)
  return { run: (target) => probes.ask({ ...target, port, payload: bytes, judge }) }
}

function shown(answer: Uint8Array): string {
  if (answer.length === 0) return 'nothing'
  const digits = Buffer.from(answer.subarray(0, SHOWN)).toString('hex')
  return answer.length > SHOWN ? `${digits}… (${answer.length} bytes)` : digits
}

function readBytes(name: string, given: unknown): Uint8Array {
  let bytes: Uint8Array
  if (typeof given === 'string') {
    if (!/^([\da-f]{2})*$/i.test(given))
      throw invalidArgValue(name, 'must be hexadecimal digits, two for each byte', given)
    bytes = Buffer.from(given, 'hex')
  } else if (given instanceof Uint8Array) bytes = given.slice()
  else throw invalidArgType(name, 'a Uint8Array or a string of hexadecimal digits', given)
  if (bytes.length > MOST_BYTES) throw outOfRange(name, `at most ${MOST_BYTES} bytes`, bytes.length)
  return bytes
}
