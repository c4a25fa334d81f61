// How many packets a second an edge forwards: live frames through XDP programs on real interfaces, in network namespaces.
import { setTimeout as sleep } from 'node:timers/promises'
import { Actor } from '../examples/netns/actor.js'
import { whyNoDataCenter } from '../examples/netns/data-center.js'
import { Namespace } from '../examples/netns/index.js'
import type { DeliveryName } from '../src/forwarder/index.js'
import type { BackendPart } from './forward/backend.js'
import type { EchoPart } from './forward/echo.js'
import type { EdgePart } from './forward/edge.js'
import type { GeneratorPart } from './forward/generator.js'
import { type Benchmark, numberOption, UsageError } from './harness/benchmark.js'
import { describeMachine } from './harness/machine.js'
import { atLeast, atMost, type Goal, table } from './harness/report.js'
import { median } from './harness/statistics.js'

export interface ForwardCase {
  /** How packets leave the edge. */
  delivery: DeliveryName
  /** What the backend does with them: a socket takes them, or they end at the wire. */
  backend: 'socket' | 'drop'
  /** Packets a second, median of the rounds. */
  rate: number
  /** Of all rounds. */
  sent: number
  /** Frames that came out of the edge, as the backend's interface counts them. */
  arrived: number
  /** Only with `socket`. */
  received: number | null
}

/** Questions and answers with and without an edge between client and server; answers go back directly in both. */
export interface EchoCase {
  through: 'edge' | 'no edge'
  /** Answers a second, median of the rounds. */
  rate: number
  answers: number
  /** Questions that nobody answered. */
  lost: number
}

const VIP = '198.51.100.2'
const PORT = 60_002
const CLIENTS = 65_536
const PAYLOAD = 64
/** Packets of one measurement. */
const FRAMES = 2_000_000
/** Of one measurement of the echo. */
const ANSWERS = 200_000
/** A VIP that the client reaches without the edge. */
const DIRECT_VIP = '198.51.100.3'
const ECHO_PORT = 60_003

const script = (name: string) => new URL(`./forward/${name}.ts`, import.meta.url)

/** generator ─── edge ─── backend, a host each. */
async function build(): Promise<{ generator: Namespace; edge: Namespace; backend: Namespace; remove(): void }> {
  const [generator, edge, backend] = await Promise.all(
    ['generator', 'edge', 'backend'].map((name) => Namespace.create(name)),
  )
  const all = [generator!, edge!, backend!] as const
  await Namespace.cable({ namespace: all[0], device: 'eth0' }, { namespace: all[1], device: 'eth0' })
  await Namespace.cable({ namespace: all[1], device: 'eth1' }, { namespace: all[2], device: 'eth0' })
  await Namespace.cable({ namespace: all[0], device: 'direct0' }, { namespace: all[2], device: 'direct0' })
  await all[0].ip(`
    address add 203.0.113.2/24 dev eth0
    address add 192.0.2.1/24 dev direct0
    route add ${VIP} via 203.0.113.1 src 192.0.2.1
    route add ${DIRECT_VIP} via 192.0.2.2`)
  // XDP sees frames as they lie in memory, and a veth leaves checksums to the receiver.
  const { code, stderr } = await all[0].run('ethtool', ['-K', 'eth0', 'tx', 'off'])
  if (code !== 0) throw new Error(`ethtool: ${stderr}`)
  await all[1].ip(`
    address add 203.0.113.1/24 dev eth0
    address add 10.0.0.1/24 dev eth1`)
  await all[2].ip(`
    address add 10.0.0.2/24 dev eth0
    address add 192.0.2.2/24 dev direct0
    route add local ${VIP} dev lo
    route add local ${DIRECT_VIP} dev lo`)
  await all[2].sysctl({ 'net.ipv4.conf.eth0.rp_filter': 0, 'net.core.rmem_max': 8 << 20 }).catch(() => {})
  return {
    generator: all[0],
    edge: all[1],
    backend: all[2],
    remove() {
      for (const namespace of all) namespace.remove()
    },
  }
}

async function measure(rounds: number, progress: (what: string) => void): Promise<(ForwardCase | EchoCase)[]> {
  const net = await build()
  const generator = new Actor<GeneratorPart>(net.generator, script('generator'))
  const edge = new Actor<EdgePart>(net.edge, script('edge'))
  const backend = new Actor<BackendPart>(net.backend, script('backend'))
  const actors: Actor<never>[] = [generator, edge, backend] as never
  try {
    await backend.call('listen', PORT)
    const { mac, mode } = await edge.call('attach', 'eth0')
    progress(`the edge's program runs in mode ${mode}`)
    await generator.call('prepare', {
      interface: 'eth0',
      destination: mac,
      vip: VIP,
      port: PORT,
      clients: CLIENTS,
      payload: PAYLOAD,
    })
    const server = new Actor<EchoPart>(net.backend, script('echo'))
    const client = new Actor<EchoPart>(net.generator, script('echo'))
    actors.push(server, client)
    await server.call('answer', ECHO_PORT)
    const echoes = new Map<EchoCase['through'], EchoCase & { rates: number[] }>()
    const found = new Map<string, ForwardCase & { rates: number[] }>()
    for (let round = 0; round < rounds; round++) {
      for (const how of ['drop', 'socket'] as const) {
        await backend.call('receive', how)
        for (const delivery of how === 'socket' ? (['l2'] as const) : (['l2', 'ipip', 'gue', 'proxy'] as const)) {
          await edge.call('apply', {
            secret: '0011223344556677',
            pools: { p: { delivery, mtu: 1500, backends: [{ id: 'b', address: '10.0.0.2' }] } },
            services: [{ name: 's', vips: [VIP], ports: [PORT, ECHO_PORT], pool: 'p' }],
          })
          const counts = async () => ({
            arrived: await backend.call('arrived'),
            received: await backend.call('received'),
          })
          const before = await counts()
          const { rate, sent } = await generator.call('send', FRAMES)
          await sleep(200)
          const after = await counts()
          const one = found.get(`${how} ${delivery}`) ?? {
            delivery,
            backend: how,
            rate: 0,
            sent: 0,
            arrived: 0,
            received: how === 'socket' ? 0 : null,
            rates: [],
          }
          found.set(`${how} ${delivery}`, one)
          one.rates.push(rate)
          one.rate = median(one.rates)
          one.sent += sent
          one.arrived += after.arrived - before.arrived
          if (one.received !== null) one.received += after.received - before.received
          progress(`round ${round + 1}/${rounds}  ${delivery} → ${how}  ${(rate / 1e6).toFixed(2)} M/s`)
        }
      }
      // After `socket` the backend's wire lets all through, and the edge delivers on its segment.
      for (const through of ['edge', 'no edge'] as const) {
        const vip = through === 'edge' ? VIP : DIRECT_VIP
        const { rate, lost, foreign } = await client.call('ask', vip, ECHO_PORT, ANSWERS)
        if (foreign > 0) throw new Error(`${foreign} answers did not come from ${vip}`)
        const one = echoes.get(through) ?? { through, rate: 0, answers: 0, lost: 0, rates: [] }
        echoes.set(through, one)
        one.rates.push(rate)
        one.rate = median(one.rates)
        one.answers += ANSWERS
        one.lost += lost
        progress(`round ${round + 1}/${rounds}  echo, ${through}  ${(rate / 1e3).toFixed(0)} k/s`)
      }
    }
    return [...found.values(), ...echoes.values()].map(({ rates, ...one }) => one)
  } finally {
    for (const actor of actors) actor.kill()
    net.remove()
  }
}

const isEcho = (one: ForwardCase | EchoCase): one is EchoCase => 'through' in one
const isForward = (one: ForwardCase | EchoCase): one is ForwardCase => !isEcho(one)

function goals(all: readonly (ForwardCase | EchoCase)[]): Goal[] {
  const cases = all.filter(isForward)
  const slowest = cases.filter(({ backend }) => backend === 'drop')
  const whole = cases.find(({ backend }) => backend === 'socket')
  const lost = cases.reduce((sum, { sent, arrived }) => sum + Math.max(0, sent - arrived), 0)
  return [
    atLeast('slowest delivery: million packets a second', 1.5, Math.min(...slowest.map(({ rate }) => rate)) / 1e6),
    atLeast('edge, backend and UDP socket: million packets a second', 1.5, whole ? whole.rate / 1e6 : null),
    atMost('packets that were sent and did not leave the edge, in all cases', 0, lost),
  ]
}

export const forward: Benchmark<ForwardCase | EchoCase> = {
  name: 'forward',
  summary: 'packets a second through an edge, live frames on veth in namespaces (root)',
  options: { rounds: { type: 'string' } },
  help: ['--rounds N        measurements of each case (5)'],

  async run(options, progress) {
    const missing = whyNoDataCenter()
    if (missing) throw new UsageError(missing)
    const rounds = Math.floor(numberOption(options, 'rounds', options.quick === true ? 1 : 5, 1, 99))
    const machine = describeMachine()
    const cases = await measure(rounds, progress)
    return { name: 'forward', machine, cases, goals: goals(cases) }
  },

  render({ cases }) {
    const rows = cases
      .filter(isForward)
      .map(({ delivery, backend, rate, sent, arrived, received }) => [
        `${delivery}, backend: ${backend}`,
        (rate / 1e6).toFixed(2),
        String(sent),
        String(Math.max(0, sent - arrived)),
        received === null ? '–' : `${((100 * received) / sent).toFixed(1)} %`,
      ])
    const echoes = cases.filter(isEcho)
    const without = echoes.find(({ through }) => through === 'no edge')
    const echoRows = echoes.map(({ through, rate, answers, lost }) => [
      `echo, ${through}`,
      (rate / 1e3).toFixed(0),
      without ? (rate / without.rate).toFixed(2) : '–',
      String(answers),
      String(lost),
    ])
    return [
      table([['', 'M packets/s', 'sent', 'lost at the edge', 'taken by the socket'], ...rows]),
      table([['', 'k answers/s', 'to that without an edge', 'answers', 'lost'], ...echoRows]),
    ].join('\n\n')
  },
}
