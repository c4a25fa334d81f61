// The edge of the demo: forwards what comes for a VIP to backends, in the kernel (XDP).

import { Forwarder, type ForwarderConfig, type ForwarderStats } from 'udp-dsr/forwarder'
import type { Flow } from 'udp-dsr/pinning'
import { play } from '../../netns/actor.js'

let forwarder: Forwarder | undefined

const part = {
  async attach(pinPath?: string): Promise<{ mode: string; adopted: boolean }> {
    forwarder = await Forwarder.attach({ interface: 'eth0', pinPath })
    return { mode: forwarder.mode, adopted: forwarder.adopted }
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
