import { type Report, table } from '../harness/report.js'
import { median } from '../harness/statistics.js'
import type { ConnectCase } from './goals.js'
import { type ChurnCase, type FillCase, LEVELS } from './native.js'
import type { NodeCase } from './node.js'
import { type RaceCase, timesFaster, type WindowCase } from './race.js'
import { type Protocol, WAYS } from './ways.js'

const NAMES: Record<Protocol, string> = { tcp: 'TCP', udp: 'UDP' }

export function render({ machine, cases }: Report<ConnectCase>): string {
  const about = `${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, load before ${machine.loadBefore}`
  const of = <Part extends ConnectCase['part']>(part: Part) =>
    cases.filter((one): one is Extract<ConnectCase, { part: Part }> => one.part === part)
  const protocols = ['tcp', 'udp'] as const
  return [
    about,
    ...protocols.flatMap((protocol) => fillTable(protocol, of('fill'))),
    ...protocols.flatMap((protocol) => churnTables(protocol, of('churn'))),
    ...timeWaitTable(of('churn')),
    ...nodeTable(of('node')),
    ...raceTable(of('race')),
    ...of('window').map(windowLine),
  ].join('\n\n')
}

/** Three digits, in thousands from 10,000 on. */
const rate = (value: number): string => (value < 10_000 ? value.toFixed(0) : `${(value / 1000).toFixed(1)}k`)
const us = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0))

function fillTable(protocol: Protocol, cases: readonly FillCase[]): string[] {
  const rows = cases
    .filter((one) => one.protocol === protocol)
    .map((one) => [
      one.title,
      median(one.seconds).toFixed(1),
      rate(one.ports / median(one.seconds)),
      us(near(one, 24.5, 'p50us')),
      us(near(one, 74.5, 'p50us')),
      us(near(one, 98.5, 'p50us')),
      us(near(one, 98.5, 'p99us')),
      `${Math.round(one.refused / one.seconds.length)}`,
      `${one.held}`,
    ])
  if (rows.length === 0) return []
  const heads = ['', 's', 'per s', 'µs at 25 %', 'at 75 %', 'at 98 %', 'p99 at 98 %', 'refused', 'held']
  return [`${NAMES[protocol]}: 56,512 ports filled\n${table([heads, ...rows])}`]
}

/** A figure of the bin of that use; of the parity that was opened more there. */
function near({ bins }: FillCase, use: number, figure: 'p50us' | 'p99us'): number {
  const both = bins.filter((bin) => Math.abs(bin.use - use) < 0.6).sort((a, b) => b.count - a.count)
  return both[0]?.[figure] ?? Number.NaN
}

function churnTables(protocol: Protocol, cases: readonly ChurnCase[]): string[] {
  const mine = cases.filter((one) => one.protocol === protocol && one.closing === 'reset')
  if (mine.length === 0) return []
  const tableOf = (what: string, cell: (one: ChurnCase) => string): string => {
    const rows = WAYS[protocol].map(({ id, title }) => [
      title,
      ...LEVELS.map((use) => {
        const one = mine.find((candidate) => candidate.way === id && candidate.use === use)
        return one ? cell(one) : ''
      }),
    ])
    const heads = ['', ...LEVELS.map((use) => `${use} %`)]
    return `${NAMES[protocol]}: one closed, one opened; ${what}\n${table([heads, ...rows])}`
  }
  return [
    tableOf('openings per second', (one) => rate(one.rate)),
    tableOf('p50 / p99 of an opening, µs', (one) => `${us(one.p50us)} / ${us(one.p99us)}`),
    tableOf('CPU time for both, µs', (one) => us(one.cpuUs)),
    tableOf('attempts that found no port, per opening', (one) => one.refusedEach.toFixed(2)),
  ]
}

function timeWaitTable(cases: readonly ChurnCase[]): string[] {
  const rows = cases
    .filter(({ closing }) => closing === 'in-order')
    .map((one) => [
      one.title,
      rate(one.rate),
      us(one.p50us),
      us(one.p99us),
      one.refusedEach.toFixed(2),
      `${one.failed}`,
    ])
  if (rows.length === 0) return []
  const heads = ['', 'per s', 'p50 µs', 'p99 µs', 'refused each', 'failed']
  return [`TCP at 60 %, closed with FIN, so that TIME_WAIT keeps ports\n${table([heads, ...rows])}`]
}

function nodeTable(cases: readonly NodeCase[]): string[] {
  const rows = cases.map((one) => [
    one.title,
    `${one.use} %`,
    rate(one.rate),
    us(one.cpuUs),
    us(one.p50us),
    us(one.p99us),
    Object.entries(one.errors)
      .map(([code, count]) => `${code} ${count}`)
      .join(', ') || '0',
  ])
  if (rows.length === 0) return []
  const heads = ['', 'in use', 'per s', 'CPU µs', 'p50 µs', 'p99 µs', 'errors']
  return [`through Node: connections, 16 in flight\n${table([heads, ...rows])}`]
}

function raceTable(cases: readonly RaceCase[]): string[] {
  const rows = cases.map((one) => [
    one.title,
    `${one.processes}`,
    `${one.tuples}`,
    `${one.doubled}`,
    `${one.doubledInKernel}`,
    `${one.missing}`,
    rate(one.rate),
  ])
  if (rows.length === 0) return []
  const heads = ['', 'processes', 'tuples', 'owned twice', 'by /proc/net/udp', 'by nobody', 'attempts per s']
  return [`UDP: processes that all want the same 4-tuples\n${table([heads, ...rows])}`]
}

function windowLine(one: WindowCase): string {
  const [ours, theirs] = [median(one.window), median(one.werift)]
  return `${one.ports} ports bound: PortWindow ${ours.toFixed(1)} ms, werift ${theirs.toFixed(0)} ms (× ${timesFaster(one).toFixed(0)})`
}
