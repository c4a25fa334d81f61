import { atLeast, atMost, type Goal } from '../harness/report.js'
import { medianRatio } from '../harness/statistics.js'
import type { ChurnCase, NativeCase } from './native.js'
import type { NodeCase } from './node.js'
import { type RaceCase, timesFaster, type WindowCase } from './race.js'

export type ConnectCase = NativeCase | NodeCase | RaceCase | WindowCase

export const churnOf = (cases: readonly ConnectCase[], way: string, use: number): ChurnCase | undefined =>
  cases.find((one): one is ChurnCase => one.case === `tcp-churn-${way}-${use}`)

export function goals(cases: readonly ConnectCase[]): Goal[] {
  const node = (contender: string, use: number) =>
    cases.find((one): one is NodeCase => one.case === `node-${contender}-${use}`)
  const race = (how: string) => cases.find((one): one is RaceCase => one.case === `race-${how}`)
  const window = cases.find((one): one is WindowCase => one.part === 'window')
  const churn = (way: string, use: number) => churnOf(cases, way, use)
  const ours = cases.filter((one): one is NodeCase => one.part === 'node' && /^connect|-ours$/.test(one.contender))
  const errors = ours.flatMap((one) => Object.values(one.errors)).reduce((sum, count) => sum + count, 0)
  return [
    ...[90, 99, 99.9].map((use) =>
      atLeast(`exact at ${use} %: of its rate at 10 %`, 0.95, ratio(churn('exact', use), churn('exact', 10))),
    ),
    ...[90, 99, 99.9].map((use) =>
      atLeast(
        `exact at ${use} %, as many sockets churned as at 10 %`,
        0.95,
        ratio(churn('exact-same', use), churn('exact-same', 10)),
      ),
    ),
    atLeast('exact at 99 %: times full range', 1.5, ratio(churn('exact', 99), churn('full', 99))),
    atLeast('exact at 99.9 %: times full range', 4, ratio(churn('exact', 99.9), churn('full', 99.9))),
    atLeast('exact at 90 %: times the kernel default', 50, ratio(churn('exact', 90), churn('default', 90))),
    atLeast('connect, others have 90 %: times net.connect', 15, ratio(node('connect', 90), node('net.connect', 90))),
    atLeast(
      'connect with localAddress at 90 %: times net.connect with it',
      30,
      ratio(node('connect-local', 90), node('net.connect-local', 90)),
    ),
    atLeast('connect on an empty range: of net.connect', 0.85, ratio(node('connect', 0), node('net.connect', 0))),
    atLeast(
      'connect, 90 % its own: of net.connect on an empty range',
      0.85,
      ratio(node('connect-own', 90), node('net.connect', 0)),
    ),
    atLeast(
      'connect, others have 90 %: of net.connect on an empty range',
      0.85,
      ratio(node('connect', 90), node('net.connect', 0)),
    ),
    atLeast('createAgent at 95 %: times http.Agent', 12, ratio(node('http-ours', 95), node('http', 95))),
    atLeast('createConnector at 95 %: times undici', 8, ratio(node('undici-ours', 95), node('undici', 95))),
    atMost('errors of ours through Node', 0, ours.length > 0 ? errors : null),
    atMost('UDP 4-tuples owned twice', 0, race('ours') ? doubled(race('ours')) : null),
    atLeast('the same with SO_REUSEADDR', 1000, race('dgram') ? doubled(race('dgram')) : null),
    atLeast('PortWindow fills 1,000 ports: times werift', 50, window ? timesFaster(window) : null),
  ]
}

interface Rated {
  rates: number[]
}

const ratio = (of: Rated | undefined, by: Rated | undefined): number | null =>
  of && by ? medianRatio(of.rates, by.rates) : null

const doubled = (race: RaceCase | undefined): number => Math.max(race?.doubled ?? 0, race?.doubledInKernel ?? 0)
