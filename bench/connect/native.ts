import { nativeProgram } from '../harness/native.js'
import { median } from '../harness/statistics.js'
import { Lab, PORTS } from './lab.js'
import { type Protocol, WAYS, type Way } from './ways.js'

/** What `connect_ports` says of a number of openings; times in microseconds, from socket(2) until connect(2) is back. */
export interface Openings {
  /** That succeeded. */
  count: number
  /** That found no port after all attempts. */
  failed: number
  /** Attempts that found no port; the opening went on with another one. */
  refused: number
  /** Sum of all openings. */
  seconds: number
  p50us: number
  p99us: number
  maxus: number
  /** connect(2) alone. */
  connectP50us: number
}

/** Openings at one per cent of the range's use, of ports of one parity. */
export interface Bin extends Openings {
  /** Middle of the bin, per cent. */
  use: number
  parity: 0 | 1
}

interface FillOutput extends Openings {
  mode: 'fill'
  held: number
  cpuSeconds: number
  bins: Bin[]
}

interface ChurnOutput extends Openings {
  mode: 'churn'
  use: number
  held: number
  steps: number
  /** Openings a second: the inverse of the median of short bursts. */
  rate: number
  wallSeconds: number
  /** CPU time of the client, closing included. */
  cpuSeconds: number
}

/** How a range fills, by one way. */
export interface FillCase {
  part: 'fill'
  case: string
  protocol: Protocol
  way: string
  title: string
  ports: number
  /** By rounds: seconds until all ports are in use, the closed bins of slow ways extrapolated. */
  seconds: number[]
  /** Ports in use at the end. */
  held: number
  failed: number
  refused: number
  /** Medians over the rounds. */
  bins: Pick<Bin, 'use' | 'parity' | 'count' | 'refused' | 'p50us' | 'p99us'>[]
}

/** One closed, one opened, at a steady use of the range. */
export interface ChurnCase {
  part: 'churn'
  case: string
  protocol: Protocol
  way: string
  title: string
  /** Per cent. */
  use: number
  /** How sockets are closed: by RST, or by FIN and with TIME_WAIT. */
  closing: 'reset' | 'in-order'
  /** Openings a second by rounds. */
  rates: number[]
  rate: number
  p50us: number
  p99us: number
  connectP50us: number
  /** CPU time of the client for one closing and one opening. */
  cpuUs: number
  failed: number
  /** Attempts without a port, per opening. */
  refusedEach: number
}

export type NativeCase = FillCase | ChurnCase

export const LEVELS = [10, 60, 90, 99, 99.9]

export interface NativeSchedule {
  rounds: number
  /** Of churn, per way and level. */
  seconds: number
  warmup: number
  /** Most seconds that a way fills; none: no filling. */
  fillSeconds: number
}

/** Fills and churns each way once per round; each round begins with another one. */
export async function nativeCases(lab: Lab, protocol: Protocol, schedule: NativeSchedule, progress: Progress) {
  const sink = protocol === 'tcp' ? await lab.sink() : undefined
  const ways = WAYS[protocol]
  const fills = new Map<Way, FillOutput[]>(ways.map((way) => [way, []]))
  const churns = new Map<Way, ChurnOutput[][]>(ways.map((way) => [way, []]))
  const port = sink?.number ?? 443
  const timed = ['--seconds', `${schedule.seconds}`, '--warmup', `${schedule.warmup}`]

  for (let round = 0; round < schedule.rounds; round++) {
    for (let turn = 0; turn < ways.length; turn++) {
      const way = ways[(round + turn) % ways.length] as Way
      const churned = (await run(lab, protocol, way, port, '--churn', LEVELS.join(','), ...timed)) as ChurnOutput[]
      churns.get(way)?.push(churned)
      const rates = churned.map(({ use, rate }) => `${use} %: ${short(rate)}/s`).join('  ')
      progress(`${protocol} ${round + 1}/${schedule.rounds}  ${way.title}  ${rates}`)
      if (schedule.fillSeconds === 0 || way.churnOnly) continue
      const [filled] = (await run(
        lab,
        protocol,
        way,
        port,
        '--fill',
        '--seconds',
        `${schedule.fillSeconds}`,
      )) as FillOutput[]
      if (filled) fills.get(way)?.push(filled)
    }
  }
  const cases: NativeCase[] = []
  for (const way of ways) {
    const rounds = fills.get(way) ?? []
    if (rounds.length > 0) cases.push(fillCase(protocol, way, rounds))
    LEVELS.forEach((_, level) => {
      const outputs = (churns.get(way) ?? []).map((levels) => levels[level] as ChurnOutput)
      cases.push(churnCase(protocol, way, outputs, 'reset'))
    })
  }
  await sink?.stop()
  return cases
}

/** Closed by FIN: each way in a namespace of its own, because TIME_WAIT goes only with it. */
export async function timeWaitCases(seconds: number, progress: Progress) {
  const cases: NativeCase[] = []
  for (const way of WAYS.tcp.filter(({ churnOnly }) => !churnOnly)) {
    const lab = await Lab.open()
    try {
      const { number } = await lab.sink()
      const timed = ['--seconds', `${seconds}`, '--warmup', '1']
      const outputs = (await run(lab, 'tcp', way, number, '--in-order', '--churn', '60', ...timed)) as ChurnOutput[]
      cases.push(churnCase('tcp', way, outputs, 'in-order'))
      progress(`tcp  ${way.title}, TIME_WAIT  60 %: ${short(outputs[0]?.rate ?? 0)}/s`)
    } finally {
      await lab.close()
    }
  }
  return cases
}

function run(lab: Lab, protocol: Protocol, way: Way, port: number, ...mode: string[]): Promise<unknown[]> {
  const udp = protocol === 'udp' ? ['--udp'] : []
  const args = [...way.args, '--order', way.order, ...udp, ...lab.route(port), ...mode]
  return lab.measure(nativeProgram('connect_ports'), args)
}

export type Progress = (what: string) => void

const short = (rate: number): string => (rate < 1000 ? rate.toFixed(0) : `${(rate / 1000).toFixed(1)}k`)

export const PORT_COUNT = PORTS.high - PORTS.low + 1

function fillCase(protocol: Protocol, way: Way, rounds: readonly FillOutput[]): FillCase {
  const total = (of: (output: FillOutput) => number): number => rounds.reduce((sum, one) => sum + of(one), 0)
  return {
    part: 'fill',
    case: `${protocol}-fill-${way.id}`,
    protocol,
    way: way.id,
    title: way.title,
    ports: PORT_COUNT,
    seconds: rounds.map(secondsToFill),
    held: Math.min(...rounds.map(({ held }) => held)),
    failed: total(({ failed }) => failed),
    refused: total(({ refused }) => refused),
    bins: mergeBins(rounds),
  }
}

/** Slow ways open only some of the ports of a bin; the others are taken to be like them. */
function secondsToFill({ bins }: FillOutput): number {
  let seconds = 0
  for (const use of new Set(bins.map((bin) => bin.use))) {
    const both = bins.filter((bin) => bin.use === use)
    const opened = both.reduce((sum, { count }) => sum + count, 0)
    const spent = both.reduce((sum, bin) => sum + bin.seconds, 0)
    if (opened > 0) seconds += (spent / opened) * (PORT_COUNT / 100)
  }
  return seconds
}

function mergeBins(rounds: readonly FillOutput[]): FillCase['bins'] {
  const found = new Map<string, Bin[]>()
  for (const bin of rounds.flatMap(({ bins }) => bins)) {
    const key = `${bin.use} ${bin.parity}`
    found.set(key, [...(found.get(key) ?? []), bin])
  }
  return [...found.values()].map((bins) => ({
    use: bins[0]?.use ?? 0,
    parity: bins[0]?.parity ?? 0,
    count: bins.reduce((sum, { count }) => sum + count, 0),
    refused: bins.reduce((sum, { refused }) => sum + refused, 0),
    p50us: median(bins.map(({ p50us }) => p50us)),
    p99us: median(bins.map(({ p99us }) => p99us)),
  }))
}

function churnCase(protocol: Protocol, way: Way, outputs: ChurnOutput[], closing: ChurnCase['closing']): ChurnCase {
  const middle = (of: (output: ChurnOutput) => number): number => median(outputs.map(of))
  const use = outputs[0]?.use ?? 0
  return {
    part: 'churn',
    case: `${protocol}-churn-${way.id}-${use}${closing === 'reset' ? '' : '-time-wait'}`,
    protocol,
    way: way.id,
    title: way.title,
    use,
    closing,
    rates: outputs.map(({ rate }) => rate),
    rate: middle(({ rate }) => rate),
    p50us: middle(({ p50us }) => p50us),
    p99us: middle(({ p99us }) => p99us),
    connectP50us: middle(({ connectP50us }) => connectP50us),
    cpuUs: middle(({ cpuSeconds, steps }) => (cpuSeconds / steps) * 1e6),
    failed: outputs.reduce((sum, { failed }) => sum + failed, 0),
    refusedEach: middle(({ refused, count }) => refused / count),
  }
}
