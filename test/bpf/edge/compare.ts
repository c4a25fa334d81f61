import { layouts } from '../../../src/bpf/index.js'
import { model, VERDICT } from './model.js'
import { Random, randomFrame, randomWorld } from './traffic.js'
import { LoadedEdge, type World } from './world.js'

export interface Mismatch {
  seed: number
  world: World
  frame: string
  wanted: string
  got: string
}

export interface Comparison {
  /** Packets by what the model made of them: the reason, or how they were delivered. */
  outcomes: Map<string, number>
  /** Packets by what the program counted: the same names, `forwarded` for all that were delivered. */
  counted: Map<string, number>
  mismatches: Mismatch[]
}

function counts(edges: readonly LoadedEdge[]): Map<string, number> {
  const total = (map: Parameters<LoadedEdge['count']>[0], index: number) =>
    edges.reduce((sum, edge) => sum + edge.count(map, index), 0)
  const found = new Map(
    Object.entries(layouts.Reason).map(([name, index]) => [
      name,
      index < layouts.Reason.count ? total('reasonCounters', index) : 0,
    ]),
  )
  found.set(
    'forwarded',
    Array.from({ length: 8 }, (_, i) => total('serviceCounters', i)).reduce((a, b) => a + b),
  )
  return new Map([...found].filter(([, packets]) => packets > 0))
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Packets of one world. */
export const PER_WORLD = 200

/**
 * Runs random packets through random worlds, in the kernel and in the model.
 *
 * @returns what became of how many, and where the two differ
 */
export function compare(seed: number, packets: number): Comparison {
  const outcomes = new Map<string, number>()
  const mismatches: Mismatch[] = []
  const edges = new Map<string, LoadedEdge>()
  const edgeFor = (world: World) => {
    const settings = JSON.stringify(world.settings)
    const edge = edges.get(settings) ?? new LoadedEdge(world)
    edges.set(settings, edge)
    edge.fill(world)
    return edge
  }
  try {
    for (let done = 0; done < packets; done += PER_WORLD) {
      const random = new Random(seed + done)
      const world = randomWorld(random)
      const edge = edgeFor(world)
      for (let i = 0; i < PER_WORLD; i++) {
        const frame = randomFrame(random, world)
        const wanted = model(world, frame)
        const name =
          wanted.reason ?? (wanted.backend === undefined ? 'passed' : world.backends[wanted.backend]!.delivery)
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
        const { verdict, data } = edge.run(frame)
        const leaves = wanted.verdict !== VERDICT.drop
        if (verdict === wanted.verdict && (!leaves || Buffer.compare(data, wanted.frame!) === 0)) continue
        mismatches.push({
          seed: seed + done,
          world,
          frame: hex(frame),
          wanted: `${wanted.verdict} ${wanted.reason ?? ''} ${wanted.frame ? hex(wanted.frame) : ''}`,
          got: `${verdict} ${hex(data)}`,
        })
      }
    }
    return { outcomes, counted: counts([...edges.values()]), mismatches }
  } finally {
    for (const edge of edges.values()) edge.close()
  }
}
