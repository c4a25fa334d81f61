import { flowCheck } from '../../../../src/forwarder/flow-memory.js'
import type { TestBackend } from '../world.js'

/** What is found under a key: a backend's index; that it was one, and is not believed any more; or nothing. */
export type Recalled = number | 'forgotten' | undefined

/**
 * What the edge remembers (layouts.h), without its limits: nothing is pushed out, nothing grows old. Whoever compares takes a map
 * with so many sets, and an idle time so long, that the edge's has none either; test/bpf/edge/options.test.ts is about both.
 *
 * A backend's epoch is compared by its check word, of 16 bits, as the edge does: one flow in 65,535 is believed though
 * the epoch is another, and random tests would meet it.
 */
export class Memory {
  readonly #entries = new Map<bigint, { backend: number; check: number }>()

  remember(key: bigint, backend: number, { epoch = 0 }: TestBackend): void {
    this.#entries.set(key, { backend, check: flowCheck(key, epoch) })
  }

  recall(key: bigint, backends: readonly TestBackend[]): Recalled {
    const found = this.#entries.get(key)
    if (found === undefined) return undefined
    const backend = backends[found.backend]
    if (backend === undefined || flowCheck(key, backend.epoch ?? 0) !== found.check) return 'forgotten'
    return found.backend
  }
}
