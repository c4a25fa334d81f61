// How long it takes to find the backend of a flow, beside C and four packages of npm, and what the tables are like.
import { writeFileSync } from 'node:fs'
import { type Benchmark, numberOption } from './harness/benchmark.js'
import { benchmarkCores, describeMachine } from './harness/machine.js'
import { inRepository } from './harness/paths.js'
import { isTable, lookupCases, type PinningCase, tableCases } from './pinning/cases.js'
import { goals } from './pinning/goals.js'
import { drawTables } from './pinning/picture.js'
import { render } from './pinning/render.js'

const PICTURE = 'docs/pinning.svg'

export const pinning: Benchmark<PinningCase> = {
  name: 'pinning',
  summary: 'the backend of a flow, beside C, hashring, consistent-hash, jump and skeleton-rendezvous; the tables',
  options: { rounds: { type: 'string' }, milliseconds: { type: 'string' }, svg: { type: 'boolean' } },
  help: [
    '--rounds N        measurements of each contender in each case (15)',
    '--milliseconds M  length of one (100)',
    `--svg             also draws ${PICTURE}`,
  ],

  async run(options, progress) {
    const quick = options.quick === true
    const schedule = {
      rounds: Math.floor(numberOption(options, 'rounds', quick ? 5 : 15, 1, 99)),
      milliseconds: numberOption(options, 'milliseconds', quick ? 30 : 100, 1, 10_000),
    }
    const machine = describeMachine()
    const core = benchmarkCores().server
    const lookups = await lookupCases(core, schedule, progress)
    const tables = await tableCases(core, quick ? 11 : 31, progress)
    const cases = [...lookups, ...tables]
    if (options.svg) {
      writeFileSync(inRepository(PICTURE), drawTables(cases.filter(isTable)))
      progress(`drawn: ${PICTURE}`)
    }
    return { name: 'pinning', machine, cases, goals: goals(cases) }
  },

  render,
}
