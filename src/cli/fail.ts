import { EXIT } from './exit-codes.js'
import type { Output } from './output.js'

/** Codes of what the caller got wrong. */
const USAGE = new Set([
  'ERR_CONFIG',
  'ERR_MISSING_ARGS',
  'ERR_UNKNOWN_OPTION',
  'ERR_INVALID_ARG_VALUE',
  'ERR_INVALID_ARG_TYPE',
  'ERR_OUT_OF_RANGE',
])

/** Says what went wrong, and lets the process end with the code for it. */
export function fail(error: unknown, output: Output): void {
  const { code, message = String(error), problems } = error as { code?: string; message?: string; problems?: unknown }
  if (output.json) process.stderr.write(`${JSON.stringify({ error: { code, message, problems } })}\n`)
  else output.warn(`${output.style('red', 'error')}: ${message}${code && !message.includes(code) ? ` (${code})` : ''}`)
  process.exitCode = USAGE.has(code ?? '') || code?.startsWith('ERR_PORT_PLAN') ? EXIT.usage : EXIT.failed
}
