// How fast PktInfoSocket echoes, beside C, which is the limit, and beside other runtimes.

import { type Benchmark, listOption, numberOption, type Options } from './harness/benchmark.js'
import { Fleet } from './harness/fleet.js'
import { benchmarkCores, describeMachine } from './harness/machine.js'
import { measureInRounds, ratio, type Schedule } from './harness/rounds.js'
import { SERVERS } from './harness/servers.js'
import { cases, type SocketCase } from './socket/cases.js'
import { goals } from './socket/goals.js'
import { type CaseReport, render } from './socket/render.js'

const MAX_ROUNDS = 99
const MAX_SECONDS = 60

function scheduleOf(options: Options): Schedule {
  const quick = options.quick === true
  return {
    rounds: Math.floor(numberOption(options, 'rounds', quick ? 3 : 5, 1, MAX_ROUNDS)),
    seconds: numberOption(options, 'seconds', quick ? 0.3 : 1.5, 0.05, MAX_SECONDS),
    warmup: quick ? 0.1 : 0.3,
  }
}

function wantedCases(options: Options): SocketCase[] {
  const ids = listOption(
    options,
    'case',
    cases.map(({ id }) => id),
  )
  const servers = listOption(
    options,
    'server',
    SERVERS.map(({ id }) => id),
  )
  return cases
    .filter(({ id }) => ids.includes(id))
    .map((one) => ({ ...one, servers: one.servers.filter((server) => servers.includes(server)) }))
}

export const socket: Benchmark<CaseReport> = {
  name: 'socket',
  summary: 'echoes per second and round trip of PktInfoSocket, C, node:dgram, Bun, Deno and Go',
  options: {
    case: { type: 'string' },
    server: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
  },
  help: [
    `--case A,B      of ${cases.map(({ id }) => id).join(', ')}`,
    `--server A,B    of ${SERVERS.map(({ id }) => id).join(', ')}`,
    '--rounds N      measurements of each server in each case (5)',
    '--seconds S     length of one (1.5)',
  ],

  async run(options, progress) {
    const schedule = scheduleOf(options)
    const wanted = wantedCases(options)
    const machine = describeMachine()
    const cores = benchmarkCores()
    const fleet = new Fleet(cores)
    const reports: CaseReport[] = []
    try {
      await fleet.start([...new Set(wanted.flatMap(({ servers }) => servers))], progress)
      for (const { id, title, load, servers, limit } of wanted) {
        const processes = fleet.pick(servers)
        const note = (what: string): void => progress(`${id}  ${what}`)
        const measured = await measureInRounds(processes, load, schedule, cores.load, note)
        const results = measured.map((one) => ({
          ...one,
          toLimit: ratio(measured, one.server, limit),
          costToLimit: ratio(measured, one.server, limit, 'costs'),
          toDgram: ratio(measured, one.server, 'dgram'),
          rightSource: fleet.presence.find(({ server }) => server === one.server)?.rightSource ?? false,
        }))
        const missing = fleet.presence.filter((one) => one.missing && servers.includes(one.server))
        reports.push({ case: id, title, load, limit, schedule, results, missing })
      }
    } finally {
      await fleet.stop()
    }
    return { name: 'socket', machine, cases: reports, goals: goals(reports) }
  },

  render,
}
