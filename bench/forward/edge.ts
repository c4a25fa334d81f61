// The edge of the benchmark.
import { play } from '../../examples/netns/actor.js'
import { interfaceByName } from '../../src/bpf/index.js'
import { Forwarder, type ForwarderConfig } from '../../src/forwarder/index.js'

let forwarder: Forwarder | undefined

const part = {
  /** @returns the Ethernet address to send to, and where the program runs */
  async attach(name: string): Promise<{ mac: number[]; mode: string }> {
    forwarder = await Forwarder.attach({ interface: name })
    return { mac: [...interfaceByName(name).mac!], mode: forwarder.mode }
  },
  async apply(config: ForwarderConfig) {
    return forwarder!.apply(config)
  },
}

export type EdgePart = typeof part
play(part)
