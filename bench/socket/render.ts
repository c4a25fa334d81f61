import type { Presence } from '../harness/fleet.js'
import type { Load } from '../harness/load.js'
import { type Report, table } from '../harness/report.js'
import { DISTURBED, type Measurement, type Schedule } from '../harness/rounds.js'

/** A server's figures in one case, beside the limit's and node:dgram's (medians of the rounds' ratios). */
export interface Result extends Measurement {
  toLimit: number | null
  /** CPU time per echo, as a multiple of the limit's; hardly changes when other programs take the core. */
  costToLimit: number | null
  toDgram: number | null
  rightSource: boolean
}

export interface CaseReport {
  case: string
  title: string
  load: Load
  /** Id of the C server that `toLimit` refers to. */
  limit: string
  schedule: Schedule
  results: Result[]
  missing: Presence[]
}

/** Below this share of a core, the server was waiting for the load. */
const SERVER_BOUND = 0.9

const HEAD = [
  '',
  'echoes/s',
  '±',
  'of C',
  'of dgram',
  'CPU µs',
  '× C',
  'busy',
  'p50 µs',
  'p99 µs',
  'lost',
  'right source',
]

const rate = (value: number): string => (value >= 1e6 ? `${(value / 1e6).toFixed(2)}M` : `${(value / 1e3).toFixed(1)}k`)
const fixed = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '–')
const times = (value: number | null): string => fixed(value ?? Number.NaN, 2)
const percent = (value: number): string => `${fixed(value * 100, 0)} %`

function row(result: Result): string[] {
  return [
    result.title,
    rate(result.rate),
    percent(result.rateSpread / 2),
    times(result.toLimit),
    times(result.toDgram),
    fixed(result.cpuUs, 2),
    times(result.costToLimit),
    percent(result.busy),
    fixed(result.p50us, 1),
    fixed(result.p99us, 1),
    `${result.lost}`,
    result.rightSource ? 'yes' : 'no',
  ]
}

function renderCase({ case: id, title, load, schedule, results, missing }: CaseReport): string {
  const notes = missing.map((one) => `  ${one.title}: ${one.missing}`)
  const disturbed = results.filter(({ others }) => others > DISTURBED)
  const waiting = load.window === 1 ? [] : results.filter(({ busy }) => busy < SERVER_BOUND)
  if (disturbed.length > 0) {
    const most = Math.max(...disturbed.map(({ others }) => others))
    notes.push(`  disturbed: other programs took up to ${percent(most)} of a core; trust the CPU µs, not the echoes/s`)
  } else if (waiting.length > 0) {
    notes.push(`  not limited by the server: ${waiting.map((one) => one.title).join(', ')}`)
  }
  const { rounds, seconds } = schedule
  const heading = `${id}: ${title} (medians of ${rounds} × ${seconds} s)`
  return [heading, table([HEAD, ...results.map(row)]), ...notes].join('\n')
}

export function render({ machine, cases }: Report<CaseReport>): string {
  const about = `${machine.cpu}, ${machine.cpus} CPUs, Linux ${machine.kernel}, Node ${machine.node}, load before ${machine.loadBefore}`
  return [about, ...cases.map(renderCase)].join('\n\n')
}
