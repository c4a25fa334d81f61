// How long a fleet takes to follow: from a backend's registration in a real etcd to the first packet that reaches it by each of two
// edges; and how long ten thousand backends take at the start, and one change among them.
import { performance } from 'node:perf_hooks'
import { Actor } from '../examples/netns/actor.js'
import { DataCenter, whyNoDataCenter } from '../examples/netns/data-center.js'
import { EtcdServers, whyNoEtcd } from '../test/discovery/etcd-server.js'
import type { FleetEdgePart } from './fleet/edge.js'
import type { RegistrantPart } from './fleet/registrant.js'
import type { WatcherPart } from './fleet/watcher.js'
import { type Benchmark, numberOption, UsageError } from './harness/benchmark.js'
import { describeMachine } from './harness/machine.js'
import { atMost, type Goal, table } from './harness/report.js'
import { median, quantile } from './harness/statistics.js'

export type FleetCase =
  | {
      case: 'registration'
      edges: number
      registrations: number
      /** Milliseconds from the call of `register` to the first answer of the backend through the slower edge. */
      milliseconds: { median: number; p99: number; worst: number }
    }
  | {
      case: 'size'
      backends: number
      services: number
      /** From the start of the edge's process to all members in force, without the start of Node. */
      sync: number
      /** From the write of one change in etcd to the end of `apply`: median of the rounds. */
      change: number
      worstChange: number
    }

const [VIP] = DataCenter.vips
const PORT = 5300
const POOL = 'servers'
const part = (name: string) => new URL(`./fleet/${name}.ts`, import.meta.url)

const SERVICES = 100
const CHANGES = 20

async function measureRegistrations(count: number, progress: (what: string) => void): Promise<FleetCase> {
  const center = await DataCenter.create({ backends: ['a', 'b'], edges: 2, store: true })
  const actors: { kill(): void }[] = []
  let servers: EtcdServers | undefined
  try {
    const { namespace, address } = center.store!
    servers = await EtcdServers.start({ at: { namespace, address } })
    const [resident, comer] = center.backends as [(typeof center.backends)[0], (typeof center.backends)[0]]
    const start = <P extends Record<string, (...args: never[]) => unknown>>(on: DataCenter['client'], name: string) => {
      const actor = new Actor<P>(on, part(name))
      actors.push(actor)
      return actor
    }
    const edges = center.edges.map(({ namespace }) => start<FleetEdgePart>(namespace, 'edge'))
    const config = (name: string) => ({
      secret: '0011223344556677',
      edge: { name, interface: 'eth0' },
      pools: { [POOL]: { delivery: 'l2', discover: ['store'] } },
      services: [{ name: 'who', vips: [VIP], ports: [PORT], pool: POOL }],
      discovery: { store: { type: 'etcd', endpoints: servers!.endpoints } },
      // The one that comes and goes is half of the pool.
      removal: { most: 1 },
    })
    const residentPart = start<RegistrantPart>(resident.namespace, 'registrant')
    const comerPart = start<RegistrantPart>(comer.namespace, 'registrant')
    const options = { endpoints: servers.endpoints, pool: POOL }
    await residentPart.call('serve', 'a', PORT)
    await comerPart.call('serve', 'b', PORT)
    await residentPart.call('register', { ...options, id: 'a', address: resident.address })
    for (const [i, edge] of edges.entries()) await edge.call('start', config(`edge${i + 1}`))
    // Few enough questions that asking is not what takes the processors.
    const watcher = start<WatcherPart>(center.client, 'watcher')
    await watcher.call('open', VIP, PORT, 16)
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      // Half of the registrations are seen through either edge; both have to be quick.
      await center.steer(i % 2)
      await watcher.call('until', 'a', 5000)
      const seen = watcher.call('first', 'b', 5000)
      const began = await comerPart.call('register', { ...options, id: 'b', address: comer.address })
      const at = await seen
      times.push(at - began)
      await comerPart.call('leave')
      if ((i + 1) % 20 === 0) progress(`registration ${i + 1} of ${count}, median ${median(times).toFixed(1)} ms`)
    }
    return {
      case: 'registration',
      edges: edges.length,
      registrations: count,
      milliseconds: { median: median(times), p99: quantile(times, 0.99), worst: Math.max(...times) },
    }
  } finally {
    for (const actor of actors) actor.kill()
    await servers?.remove()
    center.remove()
  }
}

async function measureSize(backends: number, progress: (what: string) => void): Promise<FleetCase> {
  const center = await DataCenter.create({ backends: [], store: true })
  const edge = new Actor<FleetEdgePart>(center.edge, part('edge'))
  let servers: EtcdServers | undefined
  try {
    const { namespace, address } = center.store!
    servers = await EtcdServers.start({ at: { namespace, address } })
    const pools = Array.from({ length: SERVICES }, (_, i) => `p${i}`)
    await edge.call('fill', servers.endpoints, pools, backends)
    progress(`${backends} members are written`)
    const config = {
      secret: '0011223344556677',
      edge: { interface: 'eth0', limits: { backends: 16_384 } },
      pools: Object.fromEntries(
        pools.map((name) => [name, { delivery: 'ipip', discover: ['store'], table_size: 1024 }]),
      ),
      services: pools.map((pool, i) => ({ name: `s${i}`, vips: [VIP], ports: [1000 + i], pool })),
      discovery: { store: { type: 'etcd', endpoints: servers.endpoints } },
    }
    const sync = await edge.call('startFull', config, backends)
    progress(`in force after ${sync.toFixed(0)} ms`)
    const changes: number[] = []
    for (let i = 0; i < CHANGES; i++)
      changes.push(await edge.call('change', servers.endpoints, `p${(i * 7) % SERVICES}`, i))
    return {
      case: 'size',
      backends,
      services: SERVICES,
      sync,
      change: median(changes),
      worstChange: Math.max(...changes),
    }
  } finally {
    edge.kill()
    await servers?.remove()
    center.remove()
  }
}

function goals(cases: readonly FleetCase[]): Goal[] {
  const registration = cases.find((one) => one.case === 'registration')
  const size = cases.find((one) => one.case === 'size')
  return [
    atMost('registration to first packet, median: ms', 20, registration?.milliseconds.median ?? null),
    atMost('registration to first packet, p99: ms', 100, registration?.milliseconds.p99 ?? null),
    atMost('10,000 backends in 100 services, start to all in force: s', 5, size ? size.sync / 1000 : null),
    atMost('one change among them, write to end of apply: ms', 100, size?.change ?? null),
  ]
}

export const fleet: Benchmark<FleetCase> = {
  name: 'fleet',
  summary: 'registration in etcd to the first packet; ten thousand backends (root, etcd)',
  options: { registrations: { type: 'string' }, backends: { type: 'string' } },
  help: [
    '--registrations N   how many backends come (100)',
    '--backends N        members of all pools together (10000)',
  ],

  async run(options, progress) {
    const missing = whyNoDataCenter() ?? whyNoEtcd()
    if (missing) throw new UsageError(missing)
    const quick = options.quick === true
    const registrations = Math.floor(numberOption(options, 'registrations', quick ? 10 : 100, 2, 10_000))
    const backends = Math.floor(numberOption(options, 'backends', quick ? 1000 : 10_000, SERVICES, 16_000))
    const start = performance.now()
    const cases = [await measureRegistrations(registrations, progress), await measureSize(backends, progress)]
    progress(`done after ${((performance.now() - start) / 1000).toFixed(0)} s`)
    return { name: 'fleet', machine: describeMachine(), cases, goals: goals(cases) }
  },

  render({ cases }) {
    const ms = (value: number) => value.toFixed(1)
    return cases
      .map((one) =>
        one.case === 'registration'
          ? table([
              [`${one.registrations} registrations, ${one.edges} edges`, 'median', 'p99', 'worst'],
              ['to the first packet, ms', ...Object.values(one.milliseconds).map(ms)],
            ])
          : table([
              [`${one.backends} backends, ${one.services} services`, 'all in force', 'one change', 'worst'],
              ['ms', ms(one.sync), ms(one.change), ms(one.worstChange)],
            ]),
      )
      .join('\n\n')
  },
}
