import { atLeast, atMost, type Goal } from '../harness/report.js'
import { medianRatio } from '../harness/statistics.js'
import { isLookup, isTable, type LookupCase, type PinningCase, type TableCase } from './cases.js'

/** Contenders of a lookup that are packages of npm. */
export const PEERS = ['consistent-hash', 'jump', 'hashring', 'skeleton']

/** How many times faster `of` is than `than`: the median of the rounds' ratios. */
export function faster({ results }: LookupCase, of: string, than: string): number {
  const rounds = (id: string): number[] => results.find((one) => one.id === id)?.rounds ?? []
  return medianRatio(rounds(than), rounds(of))
}

/** How many times faster than the fastest of the packages. */
function overFastestPeer(lookup: LookupCase, of: string): number {
  return Math.min(...PEERS.map((peer) => faster(lookup, of, peer)))
}

export function goals(cases: readonly PinningCase[]): Goal[] {
  const lookup = (name: string) => cases.filter(isLookup).find((one) => one.case === name) as LookupCase
  const table = (name: string) => cases.filter(isTable).find((one) => one.case === name) as TableCase
  const [numbers, texts] = [lookup('numbers'), lookup('texts')]
  const maglev = (pool: number) => table(`maglev-65537-${pool}`)
  const bounded = (pool: number) => table(`bounded-rendezvous-65536-${pool}`)
  return [
    atMost('pickIndex with key and hash, ns', 60, numbers.results.find(({ id }) => id === 'numbers')?.ns ?? null),
    atLeast('pickIndex: times the fastest package', 4, overFastestPeer(numbers, 'numbers')),
    atLeast('pick from texts: times the fastest package from texts', 1, overFastestPeer(texts, 'texts')),
    atMost('pickIndex: times the time of C', 3.5, faster(numbers, 'c', 'numbers')),
    atMost('runs in which C picked otherwise', 0, numbers.wrongSums),
    atMost('maglev, 1000 backends: build, ms', 5, maglev(1000).buildMs),
    atMost('bounded-rendezvous, 1000 backends: build, ms', 150, bounded(1000).buildMs),
    atMost('maglev, 100 backends: max/mean', 1.005, maglev(100).maxOverMean),
    atMost('bounded-rendezvous, 100 backends: max/mean', 1.05, bounded(100).maxOverMean),
    atMost('bounded-rendezvous, 100 → 99: needless moves, %', 0.05, 100 * bounded(100).needless.remove),
  ]
}
