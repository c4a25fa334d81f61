import type { World } from '../world.js'
import type { Memory } from './memory.js'

/** What the host's routing table says of a destination. */
export type Way =
  | { kind: 'found'; destination: Uint8Array; source: Uint8Array }
  /** There is a way, and nobody knows the next hop's Ethernet address yet. */
  | { kind: 'noNeighbour' }
  | { kind: 'none' }

/** All that decides what becomes of a packet, beside the packet. */
export interface Scene {
  world: World
  memory: Memory
  /** @param bytes of the packet: one that does not fit has no way, since XDP cannot cut it */
  wayTo(destination: Uint8Array, bytes: number): Way
}
