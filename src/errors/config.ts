import { UdpDsrError } from './base.js'

/** Codes of `ConfigError`. */
export const CONFIG_CODES = ['ERR_CONFIG'] as const

/**
 * What is wrong.
 *
 * - `file`: the config cannot be read
 * - `syntax`: it is no TOML, or no JSON
 * - `unknown-key`: a key that there is not, most likely misspelt
 * - `missing`: what must be there is not
 * - `value`: something of the wrong type, or outside its limits
 * - `reference`: a name of something that there is not
 * - `conflict`: two things that do not go together
 * - `secret`: a secret or key that cannot be read, or is none
 * - `unused`, `exposed` (warnings): what has no effect; a secret that others can read
 */
export type ConfigProblemKind =
  | 'file'
  | 'syntax'
  | 'unknown-key'
  | 'missing'
  | 'value'
  | 'reference'
  | 'conflict'
  | 'secret'
  | 'unused'
  | 'exposed'

/** One thing that is wrong with a config. No field of it has a secret in it. */
export interface ConfigProblem {
  readonly kind: ConfigProblemKind
  /** Path of the config, or what it was called; undefined for an object. */
  readonly file: string | undefined
  /** Where it stands, from 1; columns count UTF-16 units. Of what is missing: of its table. Undefined for an object. */
  readonly line: number | undefined
  readonly column: number | undefined
  /** The key: `services[3].ports[1]`; empty for the whole. */
  readonly path: string
  /** What is there; secrets by their kind and length. */
  readonly found: string
  /** What should be there; empty where `found` says it all. */
  readonly expected: string
  /** What helps: a sentence, or nothing where `expected` says it all. */
  readonly remedy: string
  /** All of it on one line, `udp-dsr.toml:14:12: pools.dns.delivery is "ippi", …`. */
  readonly message: string
}

/** Problems that the message tells; `problems` has all. */
const MOST_TOLD = 50

/** A config that cannot be used. It has every problem, in the order of the file. */
export class ConfigError extends UdpDsrError {
  readonly code = 'ERR_CONFIG'
  readonly problems: readonly ConfigProblem[]
  constructor(message: string, problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super(message, options)
    this.problems = problems
  }
}

/**
 * @param name of the config: its file, or `config`
 * @param problems at least one
 * @param cause of the first, if it is known
 */
export function configRefused(name: string, problems: readonly ConfigProblem[], cause?: unknown): ConfigError {
  const told = problems.slice(0, MOST_TOLD).map(({ message }) => message)
  if (problems.length > MOST_TOLD) told.push(`… and ${problems.length - MOST_TOLD} more`)
  const many = problems.length === 1 ? '' : `${name} has ${problems.length} problems:\n`
  return new ConfigError(many + told.join('\n'), problems, cause === undefined ? undefined : { cause })
}

/** A problem with its message. */
export function configProblem(problem: Omit<ConfigProblem, 'message'>): ConfigProblem {
  return { ...problem, message: messageOf(problem) }
}

function messageOf(problem: Omit<ConfigProblem, 'message'>): string {
  const { kind, file, line, column, path, found, expected, remedy } = problem
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const what = [place, path].filter((part) => part !== '').join(': ')
  // All that there is to choose from would hide the one that is meant, and `remedy` has it where none is.
  const degree = kind === 'unused' || kind === 'exposed' ? 'should' : 'must'
  const wanted = kind === 'unknown-key' || expected === '' ? '' : `, and ${degree} be ${expected}`
  return `${what === '' ? 'The config' : what} is ${found}${wanted}.${remedy === '' ? '' : ` ${remedy}`}`
}
