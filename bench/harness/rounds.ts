import { type Load, type LoadResult, runLoad } from './load.js'
import type { ServerProcess } from './server-process.js'
import { median, medianRatio, spread } from './statistics.js'

/** How long and how often each server is measured. */
export interface Schedule {
  rounds: number
  /** Measured, per server and round. */
  seconds: number
  /** Before each measurement. */
  warmup: number
}

/** One server in one case; medians over the rounds. */
export interface Measurement {
  server: string
  title: string
  /** Echoes per second. */
  rate: number
  /** (largest − smallest) / median of the rounds' rates. */
  rateSpread: number
  /** CPU time of the server per echo, µs. */
  cpuUs: number
  /** CPU time of the server per second of time: near 1, the server is the limit, and not the load. */
  busy: number
  p50us: number
  p99us: number
  /** Of all rounds. */
  lost: number
  late: number
  corrupt: number
  /** Share of the load generator's reads that found nothing. */
  loadIdle: number
  /** What other programs took of the two cores, as a share of one core. */
  others: number
  /** Echo rates by round, in the order measured: pairs for ratios. */
  rates: number[]
  p50s: number[]
  /** CPU µs per echo. */
  costs: number[]
}

/** Share of a core that other programs may take before a measurement is repeated. */
export const DISTURBED = 0.05
const MAX_ATTEMPTS = 3

/** Addresses on the loopback interface that servers with pktinfo are asked at, in turn by flow. */
export const ADDRESSES = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']

export function targetsOf({ server, port }: ServerProcess): string[] {
  const addresses = server.pktinfo ? ADDRESSES : ADDRESSES.slice(0, 1)
  return addresses.map((address) => `${address}:${port}`)
}

/**
 * Measures every server once per round, each round starting with the next one, so that a drift of the machine
 * and the state that a neighbour leaves behind fall on all of them alike.
 */
export async function measureInRounds(
  servers: readonly ServerProcess[],
  load: Load,
  schedule: Schedule,
  core: number,
  progress: (what: string) => void,
): Promise<Measurement[]> {
  const results = new Map<ServerProcess, LoadResult[]>(servers.map((server) => [server, []]))
  for (let round = 0; round < schedule.rounds; round++) {
    for (let turn = 0; turn < servers.length; turn++) {
      const server = servers[(round + turn) % servers.length] as ServerProcess
      const result = await measureUndisturbed(server, load, schedule, core)
      results.get(server)?.push(result)
      progress(`round ${round + 1}/${schedule.rounds}  ${server.server.title}  ${Math.round(result.rate / 1000)}k/s`)
    }
  }
  return servers.map((server) => summarise(server, results.get(server) ?? []))
}

/** Repeats a measurement that other programs disturbed, and gives the least disturbed one. */
async function measureUndisturbed(
  server: ServerProcess,
  load: Load,
  { seconds, warmup }: Schedule,
  core: number,
): Promise<LoadResult> {
  const proxied = server.server.proxied ?? false
  const run = { ...load, targets: targetsOf(server), seconds, warmup, serverPid: server.pid, core, proxied }
  let best = await runLoad(run)
  for (let attempt = 1; attempt < MAX_ATTEMPTS && best.others > DISTURBED; attempt++) {
    const again = await runLoad(run)
    if (again.others < best.others) best = again
  }
  return best
}

function summarise({ server }: ServerProcess, results: readonly LoadResult[]): Measurement {
  const middle = (of: (result: LoadResult) => number): number => median(results.map(of))
  const total = (of: (result: LoadResult) => number): number => results.reduce((sum, result) => sum + of(result), 0)
  const rates = results.map((result) => result.rate)
  const costs = results.map((result) => (result.cpuSeconds / result.echoes) * 1e6)
  return {
    server: server.id,
    title: server.title,
    rate: median(rates),
    rateSpread: spread(rates),
    cpuUs: median(costs),
    busy: middle((result) => result.cpuSeconds / result.seconds),
    p50us: middle((result) => result.p50us),
    p99us: middle((result) => result.p99us),
    lost: total((result) => result.lost),
    late: total((result) => result.late),
    corrupt: total((result) => result.corrupt),
    loadIdle: middle((result) => result.idle),
    others: middle((result) => result.others),
    rates,
    p50s: results.map((result) => result.p50us),
    costs,
  }
}

/** Ratio of two servers' figures in one case, by rounds; null when one of them was not measured. */
export function ratio(
  measurements: readonly Measurement[],
  of: string,
  by: string,
  figure: 'rates' | 'p50s' | 'costs' = 'rates',
): number | null {
  const find = (id: string): number[] | undefined => measurements.find(({ server }) => server === id)?.[figure]
  const [numerator, denominator] = [find(of), find(by)]
  return numerator && denominator ? medianRatio(numerator, denominator) : null
}
