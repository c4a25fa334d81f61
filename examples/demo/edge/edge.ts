// The edge of the demo: forwards what comes for a VIP to backends, in the kernel (XDP).

import { Forwarder, type ForwarderConfig } from 'udp-dsr/forwarder'
import { play } from '../../netns/actor.js'

let forwarder: Forwarder | undefined

const part = {
  async attach(): Promise<{ mode: string }> {
    forwarder = await Forwarder.attach({ interface: 'eth0' })
    return { mode: forwarder.mode }
  },

  async apply(config: ForwarderConfig): Promise<void> {
    await forwarder!.apply(config)
  },

  /** Packets that each backend got so far. */
  packets(): Record<string, number> {
    return Object.fromEntries(forwarder!.stats().backends.map(({ id, packets }) => [id, packets]))
  },
}

export type EdgePart = typeof part
play(part)
