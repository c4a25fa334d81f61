import { sceneOf } from './model.js'
import { Random } from './random.js'
import { randomFrame } from './traffic.js'
import { type Comparison, Trial } from './trial.js'
import { LoadedEdge, type World } from './world.js'
import { randomWorld } from './worlds.js'

/** Packets of one world. */
export const PER_WORLD = 200

/**
 * Runs random packets through random worlds without options, in the kernel and in the model.
 *
 * @returns what became of how many, and where the two differ
 */
export function compare(seed: number, packets: number): Comparison {
  const comparison: Comparison = { outcomes: new Map(), mismatches: [] }
  const loaded = new Map<string, { edge: LoadedEdge; trial: Trial; world: World }>()
  const loadedFor = (world: World) => {
    const settings = JSON.stringify(world.settings)
    const edge = loaded.get(settings)?.edge ?? new LoadedEdge(world)
    const trial = loaded.get(settings)?.trial ?? new Trial(edge, comparison)
    loaded.set(settings, { edge, trial, world })
    edge.fill(world)
    return trial
  }
  try {
    for (let done = 0; done < packets; done += PER_WORLD) {
      const random = new Random(seed + done)
      const world = randomWorld(random)
      const trial = loadedFor(world)
      const scene = sceneOf(world)
      for (let i = 0; i < PER_WORLD; i++) trial.run(scene, randomFrame(random, world), seed + done)
    }
    for (const { trial, world } of loaded.values()) trial.end(world, seed)
    return comparison
  } finally {
    for (const { edge } of loaded.values()) edge.close()
  }
}
