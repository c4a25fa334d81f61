import { checkOptions } from '../errors/checks.js'
import { invalidArgType } from '../errors.js'
import type { Finding, Report, Severity } from './finding.js'

export interface RenderOptions {
  /** Whether to colour it with ANSI escapes. Default false. */
  color?: boolean | undefined
  /** Whether to list what is right, too. Default false. */
  verbose?: boolean | undefined
}

const SIGNS: Record<Severity, string> = { error: '✗', warning: '!', unknown: '?', ok: '✓' }
/** Red, yellow, cyan, green. */
const COLOURS: Record<Severity, number> = { error: 31, warning: 33, unknown: 36, ok: 32 }

/**
 * A report as text for a terminal, with an end of line.
 *
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_UNKNOWN_OPTION
 */
export function renderReport(report: Report, options: RenderOptions = {}): string {
  checkOptions(options, ['color', 'verbose'] satisfies (keyof RenderOptions)[])
  const { color = false, verbose = false } = options
  for (const [name, value] of Object.entries({ color, verbose })) {
    if (typeof value !== 'boolean') throw invalidArgType(`options.${name}`, 'of type boolean', value)
  }
  const paint = (code: number, text: string) => (color ? `\x1b[${code}m${text}\x1b[0m` : text)
  const shown = report.findings.filter(({ severity }) => verbose || severity !== 'ok')
  return [...shown.map((finding) => block(finding, paint)), summary(report)].join('\n')
}

function block(
  { severity, summary, check, detail, fix, docs }: Finding,
  paint: (code: number, text: string) => string,
): string {
  const title = `${paint(COLOURS[severity], SIGNS[severity])} ${summary}  [${check}]`
  if (severity === 'ok') return title
  const lines = [detail, ...(fix ?? '').split('\n').map((line) => (line === '' ? '' : `→ ${line}`)), `see ${docs}`]
  return [title, ...lines.filter((line) => line !== '').map((line) => `    ${line}`), ''].join('\n')
}

function summary({ counts, ok }: Report): string {
  if (ok) return `Nothing found: ${counts.ok} right.\n`
  const some = (count: number, one: string, many = `${one}s`) =>
    count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]
  const bad = [
    ...some(counts.error, 'error'),
    ...some(counts.warning, 'warning'),
    ...some(counts.unknown, 'could not be looked at', 'could not be looked at'),
  ]
  return `${bad.join(', ')}; ${counts.ok} right.\n`
}
