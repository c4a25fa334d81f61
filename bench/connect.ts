// How long it takes to come by a local port when one address has many connections to one destination: the experiment of
// Cloudflare's "connect() - why are you so slow?", and what Node makes of it.
import { whyNoNamespaces } from '../examples/netns/index.js'
import { type ConnectCase, goals } from './connect/goals.js'
import { Lab } from './connect/lab.js'
import { nativeCases, type Progress, timeWaitCases } from './connect/native.js'
import { nodeCases } from './connect/node.js'
import { draw } from './connect/picture.js'
import { raceCases, windowCase } from './connect/race.js'
import { render } from './connect/render.js'
import { type Benchmark, listOption, numberOption, UsageError } from './harness/benchmark.js'
import { describeMachine } from './harness/machine.js'

const PARTS = ['native', 'udp', 'node', 'race', 'time-wait'] as const

interface Schedule {
  rounds: number
  quick: boolean
}

export const connect: Benchmark<ConnectCase> = {
  name: 'connect',
  summary: 'local ports for many connections to one destination: eight ways in C, Node, http, undici; UDP',
  options: { part: { type: 'string' }, rounds: { type: 'string' }, svg: { type: 'boolean' } },
  help: [
    `--part LIST     some of ${PARTS.join(', ')} (all but time-wait with --quick)`,
    '--rounds N      measurements of each way or contender (3)',
    '--svg           also draws docs/connect.svg and docs/connect-churn.svg',
  ],

  async run(options, progress) {
    const why = whyNoNamespaces()
    if (why) throw new UsageError(`connect: ${why}`)
    const quick = options.quick === true
    const parts = listOption(options, 'part', PARTS)
    const rounds = Math.floor(numberOption(options, 'rounds', quick ? 1 : 3, 1, 99))
    if (options.svg && !parts.includes('native')) throw new UsageError('--svg draws what --part native measures')
    const machine = describeMachine()
    const cases: ConnectCase[] = []
    for (const part of parts) {
      if (quick && part === 'time-wait' && options.part === undefined) continue
      cases.push(...(await measure(part, { rounds, quick }, progress)))
    }
    if (options.svg) for (const path of await draw(cases)) progress(`drawn: ${path}`)
    return { name: 'connect', machine, cases, goals: goals(cases) }
  },

  render,
}

/** Each part has a namespace of its own, and with it no connections of the others. */
async function measure(part: string, { rounds, quick }: Schedule, progress: Progress): Promise<ConnectCase[]> {
  if (part === 'time-wait') return timeWaitCases(quick ? 1 : 2, progress)
  const native = { rounds, seconds: quick ? 0.1 : 0.5, warmup: quick ? 0.1 : 0.4, fillSeconds: quick ? 0 : 12 }
  const lab = await Lab.open()
  try {
    switch (part) {
      case 'native':
        return await nativeCases(lab, 'tcp', native, progress)
      case 'udp':
        return await nativeCases(lab, 'udp', native, progress)
      case 'node':
        return await nodeCases(lab, { rounds, milliseconds: quick ? 500 : 1500, warmup: quick ? 300 : 500 }, progress)
      default:
        return [...(await raceCases(lab, progress)), await windowCase(lab, rounds, progress)]
    }
  } finally {
    await lab.close()
  }
}
