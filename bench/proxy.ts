// How fast PROXY headers are read and written, beside two packages of npm, and which of them is right.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Benchmark, numberOption } from './harness/benchmark.js'
import { benchmarkCores, describeMachine } from './harness/machine.js'
import { inBench } from './harness/paths.js'
import { atLeast, type Goal, table } from './harness/report.js'
import { median, medianRatio } from './harness/statistics.js'

/** How long and how often each contender is measured. */
interface Schedule {
  rounds: number
  /** Per contender and round. */
  milliseconds: number
}

/** What bench/proxy/program.mjs prints. */
interface Output {
  /** Bytes of each header. */
  bytes: number
  results: {
    id: string
    title: string
    /** Nanoseconds a header, by rounds. */
    rounds: number[]
    /** What is wrong with its results; '' when nothing is. */
    fault: string
  }[]
}

/** One job on one kind of headers. */
interface ProxyCase {
  case: string
  title: string
  bytes: number
  schedule: Schedule
  /** `ns`: nanoseconds a header, median of the rounds. */
  results: (Output['results'][number] & { ns: number })[]
}

const COUNTS = [0, 3] as const
const JOBS = {
  decode: 'decode, a datagram in a Uint8Array',
  'decode-buffer': 'decode, a datagram in a Buffer',
  'decode-alone': 'decode, the header alone in a Uint8Array',
  encode: 'encode',
}

async function runCase(name: string, title: string, schedule: Schedule, core: number): Promise<ProxyCase> {
  const { rounds, milliseconds } = schedule
  const program = [process.execPath, inBench('proxy/program.mjs'), name, `${rounds}`, `${milliseconds}`]
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout } = await promisify(execFile)('taskset', ['-c', `${core}`, ...program], { env })
  const { bytes, results } = JSON.parse(stdout) as Output
  return { case: name, title, bytes, schedule, results: results.map((one) => ({ ...one, ns: median(one.rounds) })) }
}

/** How many times faster `of` is than `than`: the median of the rounds' ratios. */
function faster({ results }: ProxyCase, of: string, than: string): number {
  const rounds = (id: string): number[] => results.find((one) => one.id === id)?.rounds ?? []
  return medianRatio(rounds(than), rounds(of))
}

function goals(cases: readonly ProxyCase[]): Goal[] {
  const find = (name: string): ProxyCase => cases.find((one) => one.case === name) as ProxyCase
  return COUNTS.flatMap((count) => {
    const [decode, encode] = [find(`decode-${count}`), find(`encode-${count}`)]
    const want = count === 0 ? { lazy: 25, encode: 1 } : { lazy: 35, encode: 4 }
    const job = (what: string): string => `${what}, ${count} TLVs: times proxy-protocol-js`
    return [
      atLeast(job('lazy decode'), want.lazy, faster(decode, 'lazy', 'peer')),
      atLeast(job('eager decode with strings'), 5, faster(decode, 'eager', 'peer')),
      atLeast(job('encode from strings'), want.encode, faster(encode, 'encode', 'peer-strings')),
      atLeast(job('template'), 2, faster(encode, 'template', 'peer-numbers')),
    ]
  })
}

export const proxy: Benchmark<ProxyCase> = {
  name: 'proxy',
  summary: 'PROXY headers read and written, beside proxy-protocol-js and @balena/proxy-protocol-parser',
  options: { rounds: { type: 'string' }, milliseconds: { type: 'string' } },
  help: ['--rounds N        measurements of each contender in each case (15)', '--milliseconds M  length of one (100)'],

  async run(options, progress) {
    const quick = options.quick === true
    const schedule = {
      rounds: Math.floor(numberOption(options, 'rounds', quick ? 5 : 15, 1, 99)),
      milliseconds: numberOption(options, 'milliseconds', quick ? 30 : 100, 1, 10_000),
    }
    const machine = describeMachine()
    const core = benchmarkCores().server
    const cases: ProxyCase[] = []
    for (const count of COUNTS) {
      for (const [job, what] of Object.entries(JOBS)) {
        const title = `IPv4 DGRAM, ${count} TLVs: ${what}`
        progress(title)
        cases.push(await runCase(`${job}-${count}`, title, schedule, core))
      }
    }
    return { name: 'proxy', machine, cases, goals: goals(cases) }
  },

  render({ machine, cases }) {
    const about = `${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, load before ${machine.loadBefore}`
    return [about, ...cases.map(renderCase)].join('\n\n')
  },
}

function renderCase(one: ProxyCase): string {
  const rows = one.results.map(({ id, title, ns, fault }) => {
    const times = faster(one, id, 'peer')
    return [title, ns.toFixed(1), times.toFixed(times < 10 ? 2 : 1), fault === '' ? 'right' : fault]
  })
  const { rounds, milliseconds } = one.schedule
  const heading = `${one.title}, ${one.bytes} bytes (medians of ${rounds} × ${milliseconds} ms)`
  return `${heading}\n${table([['', 'ns', '× peer', 'results'], ...rows])}`
}
