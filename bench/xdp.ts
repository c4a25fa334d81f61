// What a packet costs in the programs of the data plane, by BPF_PROG_TEST_RUN. Needs root and clang-14.
import { CLIENTS } from './bpf/cost-case.js'
import { type EdgeCost, measureEdge } from './bpf/edge-cost.js'
import { type HostCost, measureHosts } from './bpf/host-cost.js'
import { type Benchmark, numberOption, UsageError } from './harness/benchmark.js'
import { describeMachine } from './harness/machine.js'
import { atMost, type Goal, table } from './harness/report.js'

/** Nanoseconds above the wrapper. */
export type XdpCase = (EdgeCost & { program: 'edge' | 'edge with flow table' }) | HostCost

/** Most that one delivery may cost, whatever the number of flows, over IPv4. */
const LIMITS = { l2: 35, ipip: 50, proxy: 75 } as const
/** Of the programs of backends: most that a packet may cost, with at most so many flows. */
const HOST_LIMITS = [
  { program: 'backend, ipip', limit: 20, flows: Object.keys(CLIENTS) },
  // As many as its table has room for by default. For a million it takes 128 MiB, and the memory decides.
  { program: 'source_rewrite, learned', limit: 60, flows: ['1', '4,096'] as string[] },
]
/** How much dearer the dearest number of flows may be than the cheapest. */
const FLATNESS = 1.15

function goals(cases: readonly XdpCase[]): Goal[] {
  const of = (delivery: string, version = 4) =>
    cases
      .filter((one) => one.program === 'edge' && one.delivery === delivery && one.version === version)
      .map(({ cost }) => cost)
  const limits = Object.entries(LIMITS).map(([delivery, limit]) =>
    atMost(`edge, ${delivery}, IPv4: ns above the wrapper, dearest number of flows`, limit, Math.max(...of(delivery))),
  )
  const flat = [4, 6].map((version) => {
    const costs = of('ipip', version)
    return atMost(
      `edge, ipip, IPv${version}: dearest number of flows by cheapest`,
      FLATNESS,
      Math.max(...costs) / Math.min(...costs),
    )
  })
  const hosts = HOST_LIMITS.map(({ program, limit, flows }) => {
    const costs = cases.filter((one) => one.program === program && flows.includes(one.flows)).map(({ cost }) => cost)
    const name = `${program}, IPv4: ns above the wrapper, dearest of ${flows.join(' / ')} flows`
    return atMost(name, limit, Math.max(...costs))
  })
  return [...limits, ...flat, ...hosts]
}

export const xdp: Benchmark<XdpCase> = {
  name: 'xdp',
  summary: 'what a packet costs in the programs of the data plane, by number of flows (root)',
  options: { rounds: { type: 'string' } },
  help: ['--rounds N        measurements of each case, interleaved, of which the least counts (9)'],

  async run(options, progress) {
    if (process.getuid?.() !== 0) throw new UsageError('this benchmark loads BPF programs: run it as root')
    const rounds = Math.floor(numberOption(options, 'rounds', options.quick === true ? 3 : 9, 1, 99))
    const machine = describeMachine()
    progress(`the edge, ${rounds} rounds`)
    const plain = await measureEdge(rounds, false)
    progress(`the edge with its flow table, ${rounds} rounds`)
    const remembering = await measureEdge(rounds, true)
    progress(`the backend and the source rewrite, ${rounds} rounds`)
    const hosts = await measureHosts(rounds)
    const cases: XdpCase[] = [
      ...plain.map((one) => ({ program: 'edge' as const, ...one })),
      ...remembering.map((one) => ({ program: 'edge with flow table' as const, ...one })),
      ...hosts,
    ]
    return { name: 'xdp', machine, cases, goals: goals(cases) }
  },

  render({ cases }) {
    const flows = [...new Set(cases.map((one) => one.flows))]
    const rows = new Map<string, Map<string, XdpCase>>()
    for (const one of cases) {
      const name = 'delivery' in one ? `${one.program}, ${one.delivery}, IPv${one.version}` : `${one.program}, IPv4`
      rows.set(name, (rows.get(name) ?? new Map()).set(one.flows, one))
    }
    const floor = Math.min(...cases.map((one) => one.floor))
    return [
      `ns a packet above the wrapper, which alone takes ${floor} or more; by the number of flows`,
      '',
      table([
        ['', ...flows],
        ...[...rows].map(([name, costs]) => [name, ...flows.map((count) => costs.get(count)?.cost.toFixed(0) ?? '–')]),
      ]),
    ].join('\n')
  },
}
