import { inspect } from 'node:util'
import { nearest } from '../../errors/nearest.js'
import {
  type ConfigError,
  type ConfigProblem,
  type ConfigProblemKind,
  configProblem,
  configRefused,
} from '../../errors.js'
import { type Place, positionOf, quoted, type Step, textOfPath } from './place.js'
import { isSecretPath, lengthOf } from './secrecy.js'

/** Where a config is from. */
export interface Source {
  /** Path of its file, or what it is called. */
  readonly file: string | undefined
  readonly root: Place | undefined
}

/** What a problem is made of. */
export interface Finding {
  kind: ConfigProblemKind
  path: readonly Step[]
  /** What is there: a value, or `says` of it. */
  found?: unknown
  says?: string
  expected: string
  remedy: string
  /** What its position is that of, default the value. */
  at?: 'key' | 'value'
}

/** Collects what is wrong with a config. */
export class Problems {
  readonly source: Source
  readonly #found: ConfigProblem[] = []
  readonly #warnings: ConfigProblem[] = []

  constructor(source: Source) {
    this.source = source
  }

  add(finding: Finding): void {
    this.#found.push(this.#problem(finding))
  }

  warn(finding: Finding): void {
    this.#warnings.push(this.#problem(finding))
  }

  /** What does not prevent anything, in the order of the file. */
  get warnings(): readonly ConfigProblem[] {
    return inOrder(this.#warnings)
  }

  /** Whether something is wrong with a value, or in it. */
  concern(path: readonly Step[]): boolean {
    const text = textOfPath(path)
    return this.#found.some((problem) => isWithin(problem.path, text))
  }

  get any(): boolean {
    return this.#found.length > 0
  }

  /** @param cause what brought the problem to light */
  error(cause?: unknown): ConfigError {
    return configRefused(this.source.file ?? 'The config', inOrder(this.#found), cause)
  }

  #problem({ kind, path, found, says, expected, remedy, at = 'value' }: Finding): ConfigProblem {
    const { file, root } = this.source
    const position = root && positionOf(root, path, at)
    return configProblem({
      kind,
      file,
      line: position?.line,
      column: position?.column,
      path: textOfPath(path),
      found: says ?? (isSecretPath(path) ? lengthOf(found) : shown(found)),
      expected,
      remedy,
    })
  }
}

/** "Did you mean …", when a word is near. */
export function proposal(given: unknown, words: readonly string[]): string | undefined {
  const meant = typeof given === 'string' ? nearest(given, words) : undefined
  return meant === undefined ? undefined : `Did you mean ${quoted(meant)}?`
}

function isWithin(path: string, outer: string): boolean {
  return path.startsWith(outer) && (path.length === outer.length || '.['.includes(path[outer.length]!))
}

const LONGEST_SHOWN = 64

/** A value on one short line, as TOML and JSON write it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'string') return shortened(quoted(value))
  if (typeof value === 'bigint') return value.toString()
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (value instanceof Date) return 'a date or time'
  if (value !== null && typeof value === 'object') return 'a table'
  return shortened(inspect(value))
}

function shortened(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN - 1)}…` : text
}

/** An object has no order but that in which it was checked. */
function inOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
}
