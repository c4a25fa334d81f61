import { runLoad } from './load.js'
import { targetsOf } from './rounds.js'
import { ServerProcess } from './server-process.js'
import { findServer, type Server } from './servers.js'

/** JavaScript servers reach their final speed within this. */
const WARM_UP_SECONDS = 1
const PROBE_SECONDS = 0.3

/** What is known of a server before it is measured. */
export interface Presence {
  server: string
  title: string
  /** Why it was not measured. */
  missing?: string
  /** Whether a client that asks a second address of the host gets its answer from there. */
  rightSource?: boolean
}

/** The servers of a benchmark: all alive on one core, idle until it is their turn. */
export class Fleet {
  readonly presence: Presence[] = []
  private readonly alive = new Map<string, ServerProcess>()

  constructor(private readonly cores: { server: number; load: number }) {}

  /** Starts those that can run here, warms each up and sees which address it answers from. */
  async start(ids: readonly string[], progress: (what: string) => void): Promise<void> {
    for (const server of ids.map(findServer)) {
      const { id, title } = server
      const missing = server.unavailable?.()
      if (missing) {
        progress(`${title}: ${missing}`)
        this.presence.push({ server: id, title, missing })
        continue
      }
      progress(`starting ${title}`)
      this.presence.push({ server: id, title, rightSource: await this.startOne(server) })
    }
  }

  /** The processes of those servers that run. */
  pick(ids: readonly string[]): ServerProcess[] {
    return ids.flatMap((id) => this.alive.get(id) ?? [])
  }

  async stop(): Promise<void> {
    await Promise.all([...this.alive.values()].map((process) => process.stop()))
  }

  private async startOne(server: Server): Promise<boolean> {
    const process = await ServerProcess.start(server, this.cores.server)
    this.alive.set(server.id, process)
    const common = {
      size: 512,
      serverPid: process.pid,
      core: this.cores.load,
      warmup: 0,
      proxied: server.proxied ?? false,
    }
    await runLoad({ ...common, flows: 16, window: 16, targets: targetsOf(process), seconds: WARM_UP_SECONDS })
    const probe = { flows: 1, window: 1, count: 1, timeoutMs: 100, seconds: PROBE_SECONDS }
    const { echoes } = await runLoad({ ...common, ...probe, targets: [`127.0.0.2:${process.port}`] })
    return echoes > 0
  }
}
