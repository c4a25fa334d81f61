import { Memory } from './model/memory.js'
import { inNamespace } from './namespace.js'
import { wayTo } from './network.js'
import { optionFrame } from './option-traffic.js'
import { optionWorld, randomSettings } from './option-worlds.js'
import { Random } from './random.js'
import { type Comparison, type Mismatch, Trial } from './trial.js'
import { LoadedEdge } from './world.js'
import { nextWorld } from './world-changes.js'

/** Packets between two changes of a world. */
const PER_WORLD = 50

/** Packets of one loaded program: its options and memory stay while worlds change. A seed makes all of them. */
export const PER_EDGE = 2500

/**
 * As `compare`, with options: a random subset of them on in each program, one world after the other over the same memory. It must run
 * where `makeNetwork` made a network, since replies and some backends are found in the routing table.
 */
export function compareOptions(seed: number, packets: number): Comparison {
  const comparison: Comparison = { outcomes: new Map(), mismatches: [] }
  for (let done = 0; done < packets; done += PER_EDGE) compareOne(seed + done, comparison)
  return comparison
}

function compareOne(seed: number, comparison: Comparison): void {
  const random = new Random(seed)
  let world = optionWorld(random, randomSettings(random))
  const memory = new Memory()
  const edge = new LoadedEdge(world)
  try {
    const trial = new Trial(edge, comparison)
    for (let i = 0; i < PER_EDGE; i++) {
      if (i > 0 && i % PER_WORLD === 0) {
        world = nextWorld(random, world)
        edge.fill(world)
      }
      trial.run({ world, memory, wayTo }, optionFrame(random, world), seed)
    }
    trial.end(world, seed)
  } finally {
    edge.close()
  }
}

/** What `options-in-namespace.ts` prints. */
export interface Printed {
  outcomes: [string, number][]
  mismatches: Mismatch[]
}

/** As `compareOptions`, in a namespace that is made for it. */
export function compareInNamespace(seed: number, packets: number): Comparison {
  const program = new URL('./options-in-namespace.ts', import.meta.url)
  const { outcomes, mismatches } = inNamespace<Printed>(program, seed, packets)
  return { outcomes: new Map(outcomes), mismatches }
}
