import type { World } from '../world.js'
import type { Memory } from './memory.js'

/** What the host's routing table says of a destination. */
export type Way =
  | { kind: 'found'; destination: Uint8Array; source: Uint8Array }
  /** There is a way, but nobody knows the next hop's Ethernet address yet, or the packet does not fit: the host sees to it. */
  | { kind: 'byHost' }
  | { kind: 'none' }

/** All that decides what becomes of a packet, beside the packet. */
export interface Scene {
  world: World
  memory: Memory
  /** @param bytes of the packet */
  wayTo(destination: Uint8Array, bytes: number): Way
}
