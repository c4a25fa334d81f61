import { nearest } from '../../errors/nearest.js'
import { invalidArgType, invalidArgValue, unknownOption } from '../../errors.js'
import { EGRESS_OPTIONS, type EgressOptions, egressSettings } from './options.js'

/** Options where those of `connect` stand beside Node's own. */
export interface SplitOptions<Others> {
  /** Where connections come from. */
  egress: EgressOptions
  /** What goes to Node's agent, or to `tls.connect`. */
  others: Others
}

/**
 * Divides options, and checks those that are ours. Node's are Node's affair, and newer versions have more of them: only
 * what looks like a slip is refused.
 *
 * @param known names that a misspelt one may have meant, beside those of `EgressOptions`
 * @param refused names that would be without effect, and why
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
 */
export function splitOptions<Others extends object>(
  options: object,
  known: readonly string[],
  refused: Readonly<Record<string, string>>,
): SplitOptions<Others> {
  if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
  const egress: [string, unknown][] = []
  const others: [string, unknown][] = []
  const words = [...EGRESS_OPTIONS, ...known]
  for (const [name, value] of Object.entries(options)) {
    const reason = refused[name]
    if (reason !== undefined && value !== undefined) throw invalidArgValue(`options.${name}`, reason, value)
    if (!words.includes(name) && nearest(name, words) !== undefined) throw unknownOption(name, words)
    const side = EGRESS_OPTIONS.includes(name) ? egress : others
    side.push([name, value])
  }
  const ours: EgressOptions = Object.fromEntries(egress)
  egressSettings(ours) // wrong ones are told now, and not with the first request
  return { egress: ours, others: Object.fromEntries(others) as Others }
}
