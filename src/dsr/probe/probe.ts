import { type Attempt, attempt } from './attempt.js'
import { explain } from './explain.js'
import { type ProbeOptions, type Questions, readOptions } from './options.js'

/** What a client sees. */
export type Verdict =
  /** Every datagram was answered from the address that was asked. */
  | 'works'
  | 'wrong-source'
  | 'unexpected-answer'
  /** Small ones are answered, larger ones are not. */
  | 'small-only'
  /** An ICMP error came back, or the own kernel would not send. */
  | 'refused'
  | 'no-answer'
  /** Some were answered and others of the same or a smaller size were not. */
  | 'some-lost'

export interface ProbeResult {
  verdict: Verdict
  /** Whether it is `works`. */
  ok: boolean
  /** One sentence: `198.51.100.2 port 53 answered from 10.0.0.7 instead`. */
  summary: string
  /** What helps, or where to look. */
  fix?: string
  /** One for each datagram, in the order in which they were sent. */
  attempts: Attempt[]
}

/**
 * Asks a VIP as a client does, and looks at where the answer comes from. Run it on a client: between hosts of one segment, and
 * not through a NAT, which drops answers from a wrong source before they can be seen.
 *
 * @throws ArgumentTypeError, ArgumentRangeError; SystemError when no socket can be opened (`from` is no own address:
 * EADDRNOTAVAIL); UnsupportedPlatformError; the signal's reason
 */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const asked = readOptions(options)
  const attempts: Attempt[] = []
  for (const question of asked.questions) attempts.push(await attempt(asked, question))
  return judge(asked, attempts)
}

/** @internal */
export function judge(asked: Questions, attempts: Attempt[]): ProbeResult {
  const verdict = verdictOf(attempts)
  return { verdict, ok: verdict === 'works', ...explain(verdict, asked, attempts), attempts }
}

function verdictOf(attempts: readonly Attempt[]): Verdict {
  const has = (outcome: Attempt['outcome']) => attempts.some((one) => one.outcome === outcome)
  if (has('wrong-source')) return 'wrong-source'
  if (has('unexpected')) return 'unexpected-answer'
  const answered = attempts.filter(({ outcome }) => outcome === 'answered')
  const failed = attempts.filter(({ outcome }) => outcome !== 'answered')
  if (failed.length === 0) return 'works'
  if (answered.length === 0) return has('refused') ? 'refused' : 'no-answer'
  const largest = Math.max(...answered.map(({ size }) => size))
  return failed.every(({ size }) => size > largest) ? 'small-only' : 'some-lost'
}
