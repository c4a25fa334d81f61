import { layouts } from '../../../src/bpf/index.js'
import type { Outcome } from './model/outcome.js'
import type { Scene } from './model/scene.js'
import { outcomeOf, VERDICT } from './model.js'
import type { LoadedEdge, World } from './world.js'

export interface Mismatch {
  seed: number
  world: World
  /** In hexadecimal digits; none when it is the counters that differ. */
  frame?: string
  wanted: string
  got: string
}

export interface Comparison {
  /** Packets by what the model made of them: the reason, or how they were delivered; and by what else there was about them. */
  outcomes: Map<string, number>
  mismatches: Mismatch[]
}

const hex = (bytes: Uint8Array | undefined) => (bytes ? Buffer.from(bytes).toString('hex') : '')

/** One loaded edge held against the model, packet by packet, and at the end counter by counter. */
export class Trial {
  readonly #edge: LoadedEdge
  readonly #comparison: Comparison
  /** What the edge has to have counted: by map and index. */
  readonly #counts = new Map<string, number>()

  /** @param comparison takes what is found */
  constructor(edge: LoadedEdge, comparison: Comparison) {
    this.#edge = edge
    this.#comparison = comparison
  }

  /** Sends a frame to both. `seed` is what the packet can be made again from. */
  run(scene: Scene, frame: Uint8Array, seed: number): Outcome {
    const wanted = outcomeOf(scene, frame)
    this.#count(wanted, scene.world)
    const { verdict, data } = this.#edge.run(frame)
    const leaves = wanted.verdict !== VERDICT.drop
    if (verdict !== wanted.verdict || (leaves && Buffer.compare(data, wanted.frame!) !== 0)) {
      this.#comparison.mismatches.push({
        seed,
        world: scene.world,
        frame: hex(frame),
        wanted: `${wanted.verdict} ${wanted.reason ?? ''} ${hex(wanted.frame)}`,
        got: `${verdict} ${hex(data)}`,
      })
    }
    return wanted
  }

  /** Compares the counters. */
  end(world: World, seed: number): void {
    const wanted: Record<string, number> = {}
    const got: Record<string, number> = {}
    const look = (map: 'reasonCounters' | 'serviceCounters' | 'backendCounters', index: number, name: string) => {
      const expected = this.#counts.get(name) ?? 0
      const found = this.#edge.count(map, index)
      if (found === expected) return
      wanted[name] = expected
      got[name] = found
    }
    for (const [name, index] of Object.entries(layouts.Reason))
      if (index < layouts.Reason.count) look('reasonCounters', index, name)
    for (let i = 0; i < MOST; i++) {
      look('serviceCounters', i, `service ${i}`)
      look('backendCounters', i, `backend ${i}`)
    }
    if (Object.keys(wanted).length === 0) return
    this.#comparison.mismatches.push({ seed, world, wanted: JSON.stringify(wanted), got: JSON.stringify(got) })
  }

  #count({ reason, also, service, backend, choice, notes = [] }: Outcome, world: World): void {
    const add = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
    const { outcomes } = this.#comparison
    const delivered = backend === undefined ? 'passed' : world.backends[backend]!.delivery
    add(outcomes, reason ?? delivered)
    for (const note of notes) add(outcomes, note)
    if (choice) {
      const { by, table } = choice
      const what = reason === 'icmpError' ? 'error' : 'chosen'
      for (const note of choice.notes) add(outcomes, note)
      // Where the table says the same, it cannot be told who decided.
      if (by !== 'table' && choice.backend !== table) add(outcomes, `${what}: by ${by}`)
    }
    const counted = [reason ?? (backend === undefined ? 'passed' : undefined), also]
    for (const name of counted) if (name) add(this.#counts, name)
    if (service !== undefined) add(this.#counts, `service ${service}`)
    if (backend !== undefined) add(this.#counts, `backend ${backend}`)
  }
}

/** Services and backends of a random world are fewer. */
const MOST = 8
