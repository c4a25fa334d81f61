// Whether a server's memory stays flat over very many datagrams.
import { type Benchmark, listOption, numberOption } from './harness/benchmark.js'
import { runLoad } from './harness/load.js'
import { benchmarkCores, describeMachine } from './harness/machine.js'
import { atMost, table } from './harness/report.js'
import { targetsOf } from './harness/rounds.js'
import { ServerProcess } from './harness/server-process.js'
import { findServer } from './harness/servers.js'
import { median } from './harness/statistics.js'

const LOAD = { flows: 16, window: 16, size: 512 }
const SERVERS = ['batch', 'message', 'dgram']
const OURS = ['batch', 'message']
const FULL_COUNT = 1e8
const MEBIBYTE = 2 ** 20
/** RSS drift that is allowed over the run, MiB. */
const ALLOWED_MIB = 8
const SAMPLE_MS = 250
/** The first and the last tenth of the samples are compared. */
const COMPARED_SHARE = 0.1
/** Slowest server worth waiting for, echoes per second: bounds the run in time. */
const SLOWEST_RATE = 50_000

/** Resident memory of one server over one run. */
interface MemoryCase {
  server: string
  title: string
  missing?: string
  echoes: number
  lost: number
  /** Median of the first tenth of the samples, of the last tenth, and their difference; MiB. */
  startMiB: number
  endMiB: number
  driftMiB: number
  peakMiB: number
}

async function measure(id: string, count: number, progress: (what: string) => void): Promise<MemoryCase> {
  const server = findServer(id)
  const nothing = { server: id, title: server.title, echoes: 0, lost: 0 }
  const none = { startMiB: 0, endMiB: 0, driftMiB: 0, peakMiB: 0 }
  const missing = server.unavailable?.()
  if (missing) return { ...nothing, ...none, missing }

  const cores = benchmarkCores()
  const process = await ServerProcess.start(server, cores.server)
  const run = { ...LOAD, targets: targetsOf(process), serverPid: process.pid, core: cores.load, warmup: 0 }
  const bounded = (echoes: number) => ({ ...run, count: echoes, seconds: Math.min(3600, 5 + echoes / SLOWEST_RATE) })
  const samples: number[] = []
  try {
    await runLoad(bounded(count / 10))
    const sampler = setInterval(() => {
      samples.push(process.residentBytes() / MEBIBYTE)
      if (samples.length % 40 === 0) progress(`${server.title}  ${samples.at(-1)?.toFixed(1)} MiB`)
    }, SAMPLE_MS)
    const result = await runLoad(bounded(count)).finally(() => clearInterval(sampler))
    return { ...nothing, ...drift(samples), echoes: result.echoes, lost: result.lost }
  } finally {
    await process.stop()
  }
}

function drift(samples: readonly number[]): Pick<MemoryCase, 'startMiB' | 'endMiB' | 'driftMiB' | 'peakMiB'> {
  const compared = Math.max(1, Math.floor(samples.length * COMPARED_SHARE))
  const startMiB = median(samples.slice(0, compared))
  const endMiB = median(samples.slice(-compared))
  return { startMiB, endMiB, driftMiB: endMiB - startMiB, peakMiB: Math.max(...samples) }
}

export const memory: Benchmark<MemoryCase> = {
  name: 'memory',
  summary: 'resident memory of an echo server over 100 million datagrams',
  options: { count: { type: 'string' }, server: { type: 'string' } },
  help: [
    '--count N       datagrams per server (1e8, with --quick 3e6), after a tenth of that to warm up',
    `--server A,B    of ${SERVERS.join(', ')} (${OURS.join(', ')})`,
  ],

  async run(options, progress) {
    const count = numberOption(options, 'count', options.quick ? 3e6 : FULL_COUNT, 1e5, 1e9)
    const servers = options.server === undefined ? OURS : listOption(options, 'server', SERVERS)
    const machine = describeMachine()
    const cases: MemoryCase[] = []
    for (const id of servers) cases.push(await measure(id, count, progress))
    const goals = cases
      .filter(({ server }) => OURS.includes(server))
      .flatMap(({ server, missing, driftMiB, echoes, lost }) => [
        atMost(
          `${server}: RSS drift over ${echoes.toExponential(1)} datagrams, MiB`,
          ALLOWED_MIB,
          missing ? null : driftMiB,
        ),
        atMost(`${server}: lost datagrams`, 0, missing ? null : lost),
      ])
    return { name: 'memory', machine, cases, goals }
  },

  render({ cases }) {
    const rows = cases.map((one) =>
      one.missing
        ? [one.title, one.missing]
        : [
            one.title,
            `${(one.echoes / 1e6).toFixed(1)}M`,
            ...[one.startMiB, one.endMiB, one.driftMiB, one.peakMiB].map((value) => value.toFixed(1)),
            `${one.lost}`,
          ],
    )
    return table([['', 'datagrams', 'start MiB', 'end MiB', 'drift MiB', 'peak MiB', 'lost'], ...rows])
  },
}
