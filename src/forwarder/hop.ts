import { BackendFlags, type Backend as BackendLayout } from '../bpf/layouts.js'
import type { MappedAddress } from './address.js'
import { sameBytes } from './bytes.js'

/** How to reach a backend. */
export interface Hop {
  /** Index of the interface that leads there; 0: the one that the packets came in on. */
  ifindex: number
  /** Bytes of IP packet that it takes. */
  mtu: number
  /** Address of this host to send from. */
  source: MappedAddress | undefined
  /** Ethernet address of the next host; undefined while it is not known. */
  nextHop: Uint8Array | undefined
  /** Ethernet address to send from. */
  sourceMac: Uint8Array
}

const NO_MAC = new Uint8Array(6)

/** What of a backend's entry may be changed in place. */
export function hopFields(
  { ifindex, nextHop, sourceMac }: Hop,
  draining: boolean,
): Pick<BackendLayout, 'ifindex' | 'nextHop' | 'sourceMac' | 'flags'> {
  const flags = (nextHop === undefined ? BackendFlags.fib : 0) | (draining ? BackendFlags.draining : 0)
  return { ifindex, nextHop: nextHop ?? NO_MAC, sourceMac, flags }
}

/** Whether two entries agree in all of `hopFields`. */
export function sameHop(a: BackendLayout, b: BackendLayout): boolean {
  return (
    a.ifindex === b.ifindex &&
    a.flags === b.flags &&
    sameBytes(a.nextHop, b.nextHop) &&
    sameBytes(a.sourceMac, b.sourceMac)
  )
}
