// What it costs to give a reply the right source, by each of the ways that there are: one thread's time for a round trip.
import type { BackendPart } from '../examples/demo/edge/backend.js'
import { Actor } from '../examples/netns/actor.js'
import { findCommand, Namespace, whyNoNamespaces } from '../examples/netns/index.js'
import type { SourceRewriteOptions } from '../src/forwarder/index.js'
import { type Benchmark, numberOption, UsageError } from './harness/benchmark.js'
import { benchmarkCores, describeMachine } from './harness/machine.js'
import { nativeProgram } from './harness/native.js'
import { atMost, type Goal, table } from './harness/report.js'
import { median } from './harness/statistics.js'

const VIP = '198.51.100.2'
const OWN = '10.0.0.2'
const PORT = 60_002
/** Addresses that the client asks from; beyond what anything here remembers each is new again. */
const FLOWS = { 1: 1, '8,192': 8192, 'ever new': 2 ** 20 } as const
const TRIPS = 100_000

/** A way to get the source right. */
interface Way {
  title: string
  /** How the server answers. */
  server?: 'plain' | 'bound' | 'pktinfo'
  rewrite?: Omit<SourceRewriteOptions, 'interface' | 'vips'>
  /** Rules for nft(8), in the server's namespace. */
  nft?: string
  /** The answers come from the address of the interface. */
  wrong?: true
}

const WAYS: Record<string, Way> = {
  baseline: { title: 'nothing: the wrong source', wrong: true },
  bound: { title: 'bind to the VIP', server: 'bound' },
  tcx: { title: 'SourceRewrite, tcx, learned', rewrite: { hook: 'tcx' } },
  rule: {
    title: 'SourceRewrite, tcx, by a rule',
    rewrite: { hook: 'tcx', learn: false, rules: [{ port: PORT, from: VIP }] },
  },
  clsact: { title: 'SourceRewrite, clsact, learned', rewrite: { hook: 'clsact' } },
  stateless: {
    title: 'nft, stateless, postrouting',
    nft: `table ip raw { chain out { type filter hook postrouting priority 300; ip saddr ${OWN} udp sport ${PORT} ip saddr set ${VIP}; }; }`,
  },
  dnat: {
    title: 'nft, DNAT (conntrack)',
    nft: `table ip nat { chain in { type nat hook prerouting priority -100; ip daddr ${VIP} udp dport ${PORT} dnat to ${OWN}; }; }`,
  },
  pktinfo: { title: 'IP_PKTINFO in the program', server: 'pktinfo' },
}

export interface ReplyCase {
  way: string
  title: string
  flows: string
  /** ns of one round trip, median of the rounds. */
  trip: number
  /** The same above the baseline, median of the rounds' differences. */
  added: number
}

interface Net {
  client: Namespace
  server: Namespace
  remove(): void
}

async function build(): Promise<Net> {
  const [client, server] = (await Promise.all(['client', 'server'].map((name) => Namespace.create(name)))) as [
    Namespace,
    Namespace,
  ]
  await Namespace.cable({ namespace: client, device: 'eth0' }, { namespace: server, device: 'eth0' })
  await client.ip(`
    address add 10.0.0.1/24 dev eth0
    route add ${VIP} via ${OWN}
    route add local 10.64.0.0/11 dev lo`)
  await server.ip(`
    address add ${OWN}/24 dev eth0
    route add 10.64.0.0/11 via 10.0.0.1
    route add local ${VIP} dev lo`)
  return {
    client,
    server,
    remove() {
      client.remove()
      server.remove()
    },
  }
}

/** One round trip's ns; throws when answers came from elsewhere than they should. */
async function trip(
  net: Net,
  program: string,
  { server = 'plain', wrong }: Way,
  flows: number,
  core: number,
): Promise<number> {
  const args = [net.client.name, net.server.name, VIP, OWN, PORT, flows, TRIPS, server].map(String)
  // The host's namespaces are all that it enters; it only runs inside one to be pinned and watched like the others.
  const { code, stdout, stderr } = await net.client.run('taskset', ['-c', String(core), program, ...args], {
    timeout: 60_000,
  })
  if (code !== 0) throw new Error(stderr)
  const { ns, vip, own } = JSON.parse(stdout)
  if ((wrong ? own : vip) !== TRIPS) throw new Error(`of ${TRIPS} answers ${vip} came from the VIP, ${own} from ${OWN}`)
  return ns
}

/** Runs `work` while a way is set up. */
async function withWay<T>(net: Net, { rewrite, nft }: Way, work: () => Promise<T>): Promise<T> {
  if (nft) {
    const { code, stderr } = await net.server.run('nft', ['-f', '-'], { input: nft })
    if (code !== 0) throw new Error(stderr)
  }
  const actor =
    rewrite && new Actor<BackendPart>(net.server, new URL('../examples/demo/edge/backend.ts', import.meta.url))
  try {
    await actor?.call('rewrite', { interface: 'eth0', vips: [VIP], ...rewrite })
    return await work()
  } finally {
    await actor?.call('stopRewriting').catch(() => {})
    await actor?.kill()
    if (nft) await net.server.run('nft', ['flush', 'ruleset'])
  }
}

function goals(cases: readonly ReplyCase[]): Goal[] {
  const added = (way: string, flows: string) =>
    cases.find((one) => one.way === way && one.flows === flows)?.added ?? null
  // What nft has is a rule for a port, too; what is learned knows many VIPs and any port.
  return (['rule', 'tcx'] as const).flatMap((way) =>
    Object.keys(FLOWS).map((flows) => {
      const [ours, theirs] = [added(way, flows), added('stateless', flows)]
      const title = way === 'rule' ? 'tcx, by a rule' : 'tcx, learned'
      return atMost(
        `${title}, by nft stateless: added ns, flows: ${flows}`,
        1,
        ours === null || theirs === null ? null : ours / theirs,
      )
    }),
  )
}

export const reply: Benchmark<ReplyCase> = {
  name: 'reply',
  summary: "what the reply's right source costs: SourceRewrite, nft, DNAT, bind, IP_PKTINFO (root)",
  options: { rounds: { type: 'string' } },
  help: ['--rounds N        measurements of each case, interleaved (7)'],

  async run(options, progress) {
    const missing =
      whyNoNamespaces() ?? (findCommand('nft') ? undefined : 'this benchmark needs nft (package nftables)')
    if (missing) throw new UsageError(missing)
    const rounds = Math.floor(numberOption(options, 'rounds', options.quick === true ? 1 : 7, 1, 99))
    const machine = describeMachine()
    const core = benchmarkCores().server
    const program = nativeProgram('reply_trip')
    const net = await build()
    const trips = new Map<string, number[]>()
    try {
      for (let round = 0; round < rounds; round++) {
        const names = Object.keys(WAYS)
        for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
          const way = WAYS[name]!
          await withWay(net, way, async () => {
            for (const [flows, count] of Object.entries(FLOWS)) {
              const key = `${name} ${flows}`
              trips.set(key, [...(trips.get(key) ?? []), await trip(net, program, way, count, core)])
            }
          })
          progress(`round ${round + 1}/${rounds}  ${way.title}`)
        }
      }
    } finally {
      net.remove()
    }
    const cases = Object.entries(WAYS).flatMap(([way, { title }]) =>
      Object.keys(FLOWS).map((flows) => {
        const mine = trips.get(`${way} ${flows}`)!
        const base = trips.get(`baseline ${flows}`)!
        return { way, title, flows, trip: median(mine), added: median(mine.map((ns, i) => ns - base[i]!)) }
      }),
    )
    return { name: 'reply', machine, cases, goals: goals(cases) }
  },

  render({ cases }) {
    const flows = Object.keys(FLOWS)
    const rows = Object.entries(WAYS).map(([way, { title }]) => [
      title,
      ...flows.map((count) => {
        const one = cases.find((other) => other.way === way && other.flows === count)!
        return way === 'baseline' ? one.trip.toFixed(0) : `${one.added < 0 ? '' : '+'}${one.added.toFixed(0)}`
      }),
    ])
    return [
      'ns a round trip (one thread, both hosts), and what is added to it; by the number of flows',
      '',
      table([['', ...flows], ...rows]),
    ].join('\n')
  },
}
