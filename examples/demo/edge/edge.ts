// The edge of the demo: forwards what comes for a VIP to backends, in the kernel (XDP).

import {
  type EdgeEvent,
  Forwarder,
  type ForwarderConfig,
  type ForwarderOptions,
  type ForwarderStats,
} from 'udp-dsr/forwarder'
import type { Flow } from 'udp-dsr/pinning'
import { play } from '../../netns/actor.js'

let forwarder: Forwarder | undefined

const part = {
  async attach(options: Partial<ForwarderOptions> = {}): Promise<{ mode: string; adopted: boolean }> {
    forwarder = await Forwarder.attach({ interface: 'eth0', ...options })
    return { mode: forwarder.mode, adopted: forwarder.adopted }
  },

  /** So many of the next events. */
  async events(count: number): Promise<EdgeEvent[]> {
    const events: EdgeEvent[] = []
    for await (const event of forwarder!.events({ signal: AbortSignal.timeout(5000) })) {
      events.push(event)
      if (events.length === count) break
    }
    return events
  },

  config(): ForwarderConfig | undefined {
    return forwarder!.config
  },

  async close(): Promise<void> {
    await forwarder!.close()
  },

  async detach(): Promise<void> {
    await forwarder!.detach()
  },

  async apply(config: ForwarderConfig) {
    return forwarder!.apply(config)
  },

  stats(): ForwarderStats {
    return forwarder!.stats()
  },

  /** The backend that each flow belongs to. */
  explain(flows: Flow[]): (string | undefined)[] {
    return flows.map((flow) => forwarder!.explain(flow).backend?.id)
  },
}

export type EdgePart = typeof part
play(part)
