import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { nativeProgram } from '../harness/native.js'
import { inBench } from '../harness/paths.js'
import { median } from '../harness/statistics.js'

/** How long and how often each contender is measured. */
export interface Schedule {
  rounds: number
  /** Per contender and round. */
  milliseconds: number
}

/** How long it takes to find the backend of a flow. */
export interface LookupCase {
  case: string
  title: string
  backends: number
  /** Of four runs over the flows, those in which C did not find the same backends as TypeScript. */
  wrongSums: number
  schedule: Schedule
  results: {
    id: string
    title: string
    /** Nanoseconds a flow, by rounds, and their median. */
    rounds: number[]
    ns: number
    /** Of 100,000 flows: those of the busiest backend as a multiple of the mean, and the share that two instances send elsewhere. */
    quality: { maxOverMean: number; disagreements: number } | null
  }[]
}

/** What a table of one kind is like for one pool. */
export interface TableCase {
  case: string
  kind: string
  size: number
  pool: string
  backends: number
  /** Slots of the backend that has most, and of the one that has least, as multiples of what their weights ask for. */
  maxOverMean: number
  minOverMean: number
  /** Shares of the flows that moved and need not have, when one backend goes, comes, or gets half its weight; means. */
  needless: { remove: number; add: number; weight: number }
  /** The slots of every backend as a multiple of what its weight asks for, most first; none for more than 100. */
  loads: number[]
  /** Milliseconds: the median of some builds, and the first one in a fresh process. */
  buildMs: number
  firstBuildMs: number
}

export type PinningCase = LookupCase | TableCase

const LOOKUPS = { numbers: 'from keys that are ready made', texts: "from the client's address as text and its port" }
const BACKENDS = 100

/** Kind and size of each table, and the pools that it is measured with. */
const TABLES = [
  ['maglev', 65537, ['10', '100', '1000', '10000', 'mixed', 'mixed-1000']],
  ['bounded-rendezvous', 65536, ['10', '100', '1000', '10000', 'mixed', 'mixed-1000']],
  ['maglev', 524_287, ['100', '1000']],
  ['bounded-rendezvous', 524_288, ['100', '1000']],
] as const

async function run(core: number, ...args: readonly (string | number)[]): Promise<unknown> {
  const { NODE_OPTIONS: _, ...env } = process.env
  const program = ['-c', `${core}`, process.execPath, ...args.map(String)]
  const { stdout } = await promisify(execFile)('taskset', program, { env, maxBuffer: 2 ** 24 })
  return JSON.parse(stdout)
}

export async function lookupCases(core: number, schedule: Schedule, progress: (what: string) => void) {
  const cases: LookupCase[] = []
  for (const [form, what] of Object.entries(LOOKUPS)) {
    const title = `the backend of a flow, ${BACKENDS} backends, ${what}`
    progress(title)
    const { rounds, milliseconds } = schedule
    const args = [form, BACKENDS, rounds, milliseconds, nativeProgram('flow_pick')]
    const output = (await run(core, inBench('pinning/lookup.mjs'), ...args)) as LookupCase
    const results = output.results.map((one) => ({ ...one, ns: median(one.rounds) }))
    cases.push({ ...output, case: form, title, schedule, results })
  }
  return cases
}

export async function tableCases(core: number, builds: number, progress: (what: string) => void) {
  const cases: TableCase[] = []
  for (const [kind, size, pools] of TABLES) {
    progress(`tables: ${kind}, ${size} slots`)
    for (const pool of pools) {
      const output = (await run(core, inBench('pinning/tables.mjs'), kind, size, pool, builds)) as TableCase
      cases.push({ ...output, case: `${kind}-${size}-${pool}` })
    }
  }
  return cases
}

export const isLookup = (one: PinningCase): one is LookupCase => 'results' in one
export const isTable = (one: PinningCase): one is TableCase => 'kind' in one
