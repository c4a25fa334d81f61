import { inBench } from '../harness/paths.js'
import { median } from '../harness/statistics.js'
import { DESTINATION, type Lab } from './lab.js'
import type { Progress } from './native.js'

/** What program.mjs prints. */
interface Output {
  count: number
  /** Connections a second. */
  rate: number
  /** CPU time of the process per connection. */
  cpuUs: number
  p50us: number | null
  p99us: number | null
  errors: Record<string, number>
}

/** Connections through Node, some in flight at a time, while another process has a share of the ports. */
export interface NodeCase {
  part: 'node'
  case: string
  contender: string
  title: string
  /** Per cent of the ports that are in use throughout. */
  use: number
  rates: number[]
  rate: number
  cpuUs: number
  p50us: number
  p99us: number
  /** Connections of all rounds, and those of them that failed, by code. */
  count: number
  errors: Record<string, number>
}

export interface NodeSchedule {
  rounds: number
  milliseconds: number
  warmup: number
}

const IN_FLIGHT = 16

interface Contender {
  id: string
  title: string
  /** Per cent. */
  uses: readonly number[]
  /** Which ports are in use when everybody opens connections as this one does (`connect_ports --order`, `--way`). */
  order: 'first-parity' | 'halves'
  http?: boolean
  /** It holds the ports itself. */
  own?: boolean
}

/** `halves`: bind(source, 0) with SO_REUSEADDR, which is what libuv does for `localAddress`. */
const CONTENDERS: readonly Contender[] = [
  { id: 'net.connect', title: 'net.connect', uses: [0, 90], order: 'first-parity' },
  { id: 'net.connect-local', title: 'net.connect, localAddress', uses: [0, 90], order: 'halves' },
  { id: 'connect', title: 'udp-dsr connect', uses: [0, 90], order: 'first-parity' },
  { id: 'connect-local', title: 'udp-dsr connect, localAddress', uses: [0, 90], order: 'first-parity' },
  { id: 'connect-own', title: 'udp-dsr connect, all its own', uses: [90], order: 'first-parity', own: true },
  { id: 'http', title: 'http.Agent', uses: [95], order: 'first-parity', http: true },
  { id: 'http-ours', title: 'http, createAgent', uses: [95], order: 'first-parity', http: true },
  { id: 'undici', title: 'undici Agent', uses: [95], order: 'first-parity', http: true },
  { id: 'undici-ours', title: 'undici, createConnector', uses: [95], order: 'first-parity', http: true },
]

/** What must be set up once for several runs. */
interface Scene {
  use: number
  order: Contender['order']
  http: boolean
  own: boolean
}

const SCENES: readonly Scene[] = [
  { use: 0, order: 'first-parity', http: false, own: false },
  { use: 90, order: 'first-parity', http: false, own: false },
  { use: 90, order: 'halves', http: false, own: false },
  { use: 95, order: 'first-parity', http: true, own: false },
  { use: 90, order: 'first-parity', http: false, own: true },
]

const fits = (scene: Scene, contender: Contender): boolean =>
  contender.uses.includes(scene.use) &&
  (scene.use === 0 || contender.order === scene.order) &&
  (contender.http ?? false) === scene.http &&
  (contender.own ?? false) === scene.own

export async function nodeCases(lab: Lab, schedule: NodeSchedule, progress: Progress): Promise<NodeCase[]> {
  const outputs = new Map<string, Output[]>()
  for (let round = 0; round < schedule.rounds; round++) {
    for (const scene of SCENES) {
      const contenders = CONTENDERS.filter((contender) => fits(scene, contender))
      const sink = await lab.sink(...(scene.http ? ['--http'] : []))
      // With --http the sink answers and closes; the filler asks nothing and so is kept.
      const way = scene.order === 'halves' ? 'reuse' : 'default'
      const filler =
        scene.use > 0 && !scene.own ? await lab.filler(sink.number, scene.use, scene.order, way) : undefined
      for (let turn = 0; turn < contenders.length; turn++) {
        const { id, title } = contenders[(round + turn) % contenders.length] as Contender
        const args = [id, DESTINATION, sink.number, IN_FLIGHT, schedule.warmup, schedule.milliseconds].map(String)
        const [output] = (await lab.measure(process.execPath, [inBench('connect/program.mjs'), ...args])) as [Output]
        const key = `${id} ${scene.use}`
        outputs.set(key, [...(outputs.get(key) ?? []), output])
        progress(
          `node ${round + 1}/${schedule.rounds}  ${title} at ${scene.use} %  ${output.rate.toFixed(0)}/s${failures(output)}`,
        )
      }
      await filler?.stop()
      await sink.stop()
    }
  }
  return CONTENDERS.flatMap(({ id, title, uses }) =>
    uses.map((use) => nodeCase(id, title, use, outputs.get(`${id} ${use}`) ?? [])),
  )
}

const failures = ({ errors }: Output): string => (Object.keys(errors).length > 0 ? `  ${JSON.stringify(errors)}` : '')

function nodeCase(contender: string, title: string, use: number, outputs: readonly Output[]): NodeCase {
  const middle = (of: (output: Output) => number): number => median(outputs.map(of))
  const errors: Record<string, number> = {}
  for (const [code, count] of outputs.flatMap((output) => Object.entries(output.errors))) {
    errors[code] = (errors[code] ?? 0) + count
  }
  return {
    part: 'node',
    case: `node-${contender}-${use}`,
    contender,
    title,
    use,
    rates: outputs.map(({ rate }) => rate),
    rate: middle(({ rate }) => rate),
    cpuUs: middle(({ cpuUs }) => cpuUs),
    p50us: middle(({ p50us }) => p50us ?? Number.NaN),
    p99us: middle(({ p99us }) => p99us ?? Number.NaN),
    count: outputs.reduce((sum, { count }) => sum + count, 0),
    errors,
  }
}
