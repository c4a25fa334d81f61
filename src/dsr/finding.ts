/** How bad it is. `unknown`: it could not be looked at, and is not known to be right. */
export type Severity = 'error' | 'warning' | 'unknown' | 'ok'

/** What a check has to say about one thing. */
export interface Finding {
  /** Name of the check, which never changes: a heading of docs/doctor.md. */
  check: string
  /** `error`: packets are lost or answers are wrong; `warning`: some are, or will be. */
  severity: Severity
  /** One sentence. */
  summary: string
  /** What was seen, and where. */
  detail: string
  /** Commands for a root shell, one a line; lines that begin with `#` say what no command can do. */
  fix?: string
  /** Where more is said: a file of this package and a heading. */
  docs: string
}

/** What `checkHost` found. */
export interface Report {
  /** Each check that applies has at least one; the worst come first. */
  findings: Finding[]
  /** How many there are of each severity. */
  counts: Record<Severity, number>
  /** Whether every check could look, and found nothing: all findings are `ok`. */
  ok: boolean
}

/** A finding as a check tells it; who tells it is added later. */
export type Outcome = Omit<Finding, 'check' | 'docs'>

/** @param fix commands, one a line */
export function error(summary: string, detail: string, ...fix: string[]): Outcome {
  return outcome('error', summary, detail, fix)
}

export function warning(summary: string, detail: string, ...fix: string[]): Outcome {
  return outcome('warning', summary, detail, fix)
}

export function unknown(summary: string, detail: string, ...fix: string[]): Outcome {
  return outcome('unknown', summary, detail, fix)
}

function outcome(severity: Severity, summary: string, detail: string, fix: readonly string[]): Outcome {
  return { severity, summary, detail, ...(fix.length > 0 && { fix: fix.join('\n') }) }
}
