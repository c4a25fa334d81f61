import { randomInt } from 'node:crypto'
import { checkInteger, checkString } from '../../../errors/checks.js'
import { invalidArgType, invalidArgValue, missingArgument } from '../../../errors.js'
import { failed, type HealthCheck, PASSED } from '../check.js'
import type { DnsCheckOptions } from '../options.js'
import { answerCode, DNS_CODES, DNS_TYPES, encodeQuery, encodeQuestion } from './dns-message.js'
import type { CheckMeans } from './means.js'

const GOOD_CODES = ['NOERROR', 'NXDOMAIN'] as const
const HIGHEST_TYPE = 0xffff
const HIGHEST_CODE = 15
const NAMES = new Map<number, string>(Object.entries(DNS_CODES).map(([name, code]) => [code, name]))

/**
 * A question, and an answer with its ID and one of the codes. What is in the answer does not matter.
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function dnsCheck(path: string, options: DnsCheckOptions, port: number, { probes }: CheckMeans): HealthCheck {
  const at = (option: string) => `options.${path}.${option}`
  const { name, type = 'A', codes = GOOD_CODES } = options
  if (name === undefined) throw missingArgument(at('name'))
  checkString(at('name'), name)
  const question = encodeQuestion(name, readNumber(at('type'), type, DNS_TYPES, 1, HIGHEST_TYPE))
  if (question === undefined) {
    throw invalidArgValue(at('name'), 'must be a DNS name in ASCII, at most 63 characters a label and 253 in all', name)
  }
  if (!Array.isArray(codes)) throw invalidArgType(at('codes'), 'an array of codes', codes)
  if (codes.length === 0) throw invalidArgValue(at('codes'), 'must have a code', codes)
  const good = new Set(codes.map((code, i) => readNumber(`${at('codes')}[${i}]`, code, DNS_CODES, 0, HIGHEST_CODE)))
  return {
    run(target) {
      const id = randomInt(0x10000)
      return probes.ask({
        ...target,
        port,
        payload: encodeQuery(id, question),
        judge(answer) {
          const code = answerCode(answer, id, question)
          if (code === undefined) return undefined
          return good.has(code) ? PASSED : failed(`DNS answer ${NAMES.get(code) ?? code}`)
        },
      })
    },
  }
}

/** A number, or a name for one. */
function readNumber(
  name: string,
  given: unknown,
  names: Readonly<Record<string, number>>,
  low: number,
  high: number,
): number {
  if (typeof given === 'string') {
    const number = Object.hasOwn(names, given) ? names[given] : undefined
    if (number === undefined)
      throw invalidArgValue(name, `must be a number or one of ${Object.keys(names).join(', ')}`, given)
    return number
  }
  checkInteger(name, given, low, high)
  return given as number
}
