import type { ParseArgsConfig } from 'node:util'
import type { Report } from './report.js'

/** Values of a benchmark's own options and of `--quick`. */
export type Options = Record<string, string | boolean | undefined>

/** One question that `npm run bench -- NAME` answers. */
export interface Benchmark<Case = unknown> {
  name: string
  /** One line for the list. */
  summary: string
  /** Its own options, beside `--json` and `--quick`. */
  options: NonNullable<ParseArgsConfig['options']>
  /** One line per option, for `--help`. */
  help: string[]
  run(options: Options, progress: (what: string) => void): Promise<Report<Case>>
  /** The report for people, without the goals. */
  render(report: Report<Case>): string
}

/** A number option within bounds; the default when absent. */
export function numberOption(options: Options, name: string, fallback: number, low: number, high: number): number {
  const text = options[name]
  if (text === undefined) return fallback
  const value = Number(text)
  if (text === '' || !(value >= low && value <= high)) {
    throw new UsageError(`--${name} takes a number from ${low} to ${high}, not '${text}'`)
  }
  return value
}

/** A comma-separated list of names out of `known`; all of them when absent. */
export function listOption(options: Options, name: string, known: readonly string[]): string[] {
  const text = options[name]
  if (text === undefined) return [...known]
  const wanted = String(text).split(',')
  const stranger = wanted.find((item) => !known.includes(item))
  if (stranger !== undefined) throw new UsageError(`--${name}: no '${stranger}'; there are ${known.join(', ')}`)
  return wanted
}

/** A mistake on the command line: shown without a stack. */
export class UsageError extends Error {}
