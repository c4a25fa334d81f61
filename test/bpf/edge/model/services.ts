import { addressBytes } from '../../address.js'
import type { TestService, World } from '../world.js'
import { same } from './octets.js'

/** The service of a VIP's port, by its index; −1: none. */
export function serviceAt(world: World, vip: Uint8Array, port: number): number {
  const owns = ({ vip: own, ports }: TestService) =>
    same(addressBytes(own), vip) && port >= ports[0] && port <= ports[1]
  // Of two that own a port, the later one was written over the earlier.
  return world.services.map(owns).lastIndexOf(true)
}

/** Services that have a VIP. */
export const servicesOf = (world: World, vip: Uint8Array) =>
  world.services.filter(({ vip: own }) => same(addressBytes(own), vip))
