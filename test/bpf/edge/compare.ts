import { LoadedEdge, type World } from './world.js'
import { model, VERDICT } from './model.js'
import { Random, randomFrame, randomWorld } from './traffic.js'

export interface Mismatch {
  seed: number
  world: World
  frame: string
  wanted: string
  got: string
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

/** Packets of one world. */
const PER_WORLD = 500

/**
 * Runs random packets through random worlds, in the kernel and in the model.
 *
 * @returns what became of how many, and where the two differ
 */
export function compare(seed: number, packets: number): { outcomes: Map<string, number>; mismatches: Mismatch[] } {
  const outcomes = new Map<string, number>()
  const mismatches: Mismatch[] = []
  for (let done = 0; done < packets; done += PER_WORLD) {
    const random = new Random(seed + done)
    const world = randomWorld(random)
    const edge = new LoadedEdge(world)
    try {
      for (let i = 0; i < PER_WORLD; i++) {
        const frame = randomFrame(random, world)
        const wanted = model(world, frame)
        const { verdict, data } = edge.run(frame)
        const name = wanted.reason ?? (wanted.service === undefined ? 'passed' : world.backends[wanted.backend!]!.delivery)
        outcomes.set(name, (outcomes.get(name) ?? 0) + 1)
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
    } finally {
      edge.close()
    }
  }
  return { outcomes, mismatches }
}
