// An edge of a fleet, in a process of its own.
import { rmSync } from 'node:fs'
import { play } from '../../../examples/netns/actor.js'
import type { EdgeStatus } from '../../../src/fleet/index.js'
import { FleetEdge, readConfig } from '../../../src/fleet/index.js'
import type { Flow } from '../../../src/pinning/index.js'

let edge: FleetEdge | undefined

const part = {
  async start(config: object): Promise<{ adopted: boolean }> {
    edge = await FleetEdge.start(readConfig(config))
    return { adopted: edge.adopted }
  },
  async reload(config: object): Promise<void> {
    await edge!.reload(readConfig(config))
  },
  /** Follows a config of which a file has gone since it was read. @returns why it does not */
  async reloadWithout(config: object, file: string): Promise<string | undefined> {
    const read = readConfig(config)
    rmSync(file)
    return edge!.reload(read).then(
      () => undefined,
      (error: Error) => error.message,
    )
  },
  status(): EdgeStatus {
    return edge!.status
  },
  /** The backend of each flow. */
  explain(flows: Flow[]): (string | undefined)[] {
    return flows.map((flow) => edge!.explain(flow).backend?.id)
  },
  accept(pool?: string): number {
    return edge!.accept(pool).length
  },
  pid(): number {
    return process.pid
  },
  async close(): Promise<void> {
    await edge!.close()
  },
  async detach(): Promise<void> {
    await edge!.detach()
  },
}

export type FleetEdgePart = typeof part
play(part)
