import { type Report, table } from '../harness/report.js'
import { isLookup, isTable, type LookupCase, type PinningCase, type TableCase } from './cases.js'
import { faster } from './goals.js'

const POOLS: Record<string, string> = {
  mixed: '100, weights 1, 2, 4, 8',
  'mixed-1000': '1000, weights 1, 2, 4, 8',
}

function lookupTable(one: LookupCase): string {
  const [ours] = one.results
  const rows = one.results.map(({ id, title, ns, quality }) => [
    title,
    ns.toFixed(1),
    faster(one, ours?.id ?? '', id).toFixed(2),
    quality?.maxOverMean.toFixed(2) ?? '',
    quality ? `${(100 * quality.disagreements).toFixed(1)} %` : '',
  ])
  const { rounds, milliseconds } = one.schedule
  const heading = `${one.title} (medians of ${rounds} × ${milliseconds} ms)`
  return `${heading}\n${table([['', 'ns', '× udp-dsr', 'max/mean', 'two disagree'], ...rows])}`
}

/** A share as per cent with the digits that count. */
export const percent = (share: number): string => (100 * share).toFixed(3)

function tableOfTables(cases: readonly TableCase[]): string {
  const rows = cases.map((one) => [
    one.kind,
    `${one.size}`,
    POOLS[one.pool] ?? one.pool,
    one.maxOverMean.toFixed(3),
    one.minOverMean.toFixed(3),
    percent(one.needless.remove),
    percent(one.needless.add),
    percent(one.needless.weight),
    one.buildMs.toFixed(1),
    one.firstBuildMs.toFixed(0),
  ])
  const heads = [
    'table',
    'slots',
    'backends',
    'max/mean',
    'min/mean',
    'one goes',
    'one comes',
    'half weight',
    'ms',
    'first',
  ]
  return `tables: needless moves in % of all flows, build in ms\n${table([heads, ...rows])}`
}

export function render({ machine, cases }: Report<PinningCase>): string {
  const about = `${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, load before ${machine.loadBefore}`
  return [about, ...cases.filter(isLookup).map(lookupTable), tableOfTables(cases.filter(isTable))].join('\n\n')
}
