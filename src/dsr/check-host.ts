import type { Check } from './checks/check.js'
import { CHECKS } from './checks/index.js'
import type { Finding, Outcome, Report, Severity } from './finding.js'
import { type HostOptions, readOptions, type Situation } from './options.js'

/** Findings of one check and severity that are told one by one. */
const MOST_ALIKE = 6
/** The worst first. */
const ORDER: readonly Severity[] = ['error', 'warning', 'unknown', 'ok']

/**
 * Looks for everything on this host, in the network namespace of this process, that breaks direct server return. It changes
 * nothing and sends nothing but what resolves the neighbours of backends and gateways (ARP, NDP). Without root it looks at what
 * it may; what it could not look at is a finding `unknown`, never `ok`. docs/doctor.md describes each check.
 *
 * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_INTERFACE (no such interface); UnsupportedPlatformError
 */
export async function checkHost(options: HostOptions): Promise<Report> {
  const situation = readOptions(options)
  const checks = CHECKS.filter((check) => check.applies(situation))
  const found = (await Promise.all(checks.map((check) => findings(check, situation)))).flat()
  found.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))
  const counts = { error: 0, warning: 0, unknown: 0, ok: 0 }
  for (const { severity } of found) counts[severity]++
  return { findings: found, counts, ok: counts.ok === found.length }
}

async function findings(check: Check, situation: Situation): Promise<Finding[]> {
  let outcomes: Outcome[]
  try {
    outcomes = await check.look(situation)
  } catch (failure) {
    // A check that fails has not seen that all is well; the others go on.
    const detail = failure instanceof Error ? failure.message : String(failure)
    outcomes = [{ severity: 'unknown', summary: `Could not see whether ${check.title}`, detail }]
  }
  if (outcomes.length === 0) outcomes = [{ severity: 'ok', summary: sentence(check.title), detail: '' }]
  return shortened(outcomes).map((outcome) => ({ check: check.id, ...outcome, docs: `docs/doctor.md#${check.id}` }))
}

/** Of many that are alike, for many VIPs and ports, the first few, and how many there are. */
function shortened(outcomes: readonly Outcome[]): Outcome[] {
  return ORDER.flatMap((severity) => {
    const alike = outcomes.filter((outcome) => outcome.severity === severity)
    if (alike.length <= MOST_ALIKE) return alike
    const rest = alike.slice(MOST_ALIKE)
    const more = { severity, summary: `${rest.length} more like these`, detail: `The next: ${rest[0]!.summary}.` }
    return [...alike.slice(0, MOST_ALIKE), more]
  })
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
