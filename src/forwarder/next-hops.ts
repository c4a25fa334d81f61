import { setTimeout as sleep } from 'node:timers/promises'
import type { NetworkInterface } from '../bpf/index.js'
import { thread } from '../internal/thread.js'
import { type MappedAddress, mapped, textOf, unmapped } from './address.js'
import type { Hop } from './edge-tables.js'

/** States of a neighbour in which its Ethernet address is good (NUD_VALID, linux/neighbour.h). */
const VALID = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80
/** RTN_UNICAST of rtnetlink(7). */
const UNICAST = 1

/** How long an answer of a neighbour is waited for, in milliseconds, and how often it is looked for. */
const PATIENCE_MS = 1000
const PAUSE_MS = 10

/** Ways to backends, as the kernel's routes and neighbours have them. */
export class NextHops {
  readonly #on: NetworkInterface
  #hops = new Map<string, Hop>()

  /** @param on the interface that packets for VIPs come in on */
  constructor(on: NetworkInterface) {
    this.#on = on
  }

  /** Looks up the ways to addresses, and waits for neighbours that have to be asked first. */
  async find(addresses: Iterable<MappedAddress>): Promise<void> {
    const all = [...addresses]
    this.#hops = new Map()
    const until = Date.now() + PATIENCE_MS
    for (let waiting = all; waiting.length > 0; await sleep(PAUSE_MS)) {
      waiting = this.#look(waiting)
      if (waiting.length === 0 || Date.now() > until) break
    }
  }

  /** Looks at the ways again, and lets the kernel ask neighbours of which it has not heard for long. */
  refresh(): void {
    this.#look([...this.#hops.keys()].map((text) => this.#addresses.get(text)!))
  }

  readonly to = (address: MappedAddress): Hop => this.#hops.get(textOf(address)) ?? this.#unknown()

  /** Texts of the addresses that there is no known way to. */
  get unknown(): string[] {
    return [...this.#hops].filter(([, { nextHop }]) => nextHop === undefined).map(([text]) => text)
  }

  readonly #addresses = new Map<string, MappedAddress>()

  /** @returns those that a neighbour was asked for */
  #look(addresses: readonly MappedAddress[]): MappedAddress[] {
    return addresses.filter((address) => {
      const text = textOf(address)
      const hop = this.#hopTo(address)
      this.#addresses.set(text, address)
      // What was known is better than nothing while a neighbour is asked again.
      const before = this.#hops.get(text)
      const known = hop.nextHop ?? (before?.ifindex === hop.ifindex ? before.nextHop : undefined)
      this.#hops.set(text, { ...hop, nextHop: known })
      return known === undefined && hop.mtu > 0
    })
  }

  #hopTo(address: MappedAddress): Hop {
    const { netlink } = thread().addon
    const route = netlink.route(unmapped(address))
    if (typeof route === 'number' || route.type !== UNICAST || route.ifindex === undefined) return this.#unknown()
    const link = netlink.link(route.ifindex)
    if (typeof link === 'number' || link.mac === undefined) return this.#unknown()
    const next = route.gateway ?? unmapped(address)
    const neighbour = netlink.neighbour(route.ifindex, next)
    const known = typeof neighbour !== 'number' && (neighbour.state & VALID) !== 0
    netlink.askNeighbour(route.ifindex, next)
    return {
      ifindex: route.ifindex === this.#on.ifindex ? 0 : route.ifindex,
      mtu: link.mtu,
      source: route.source && mapped(route.source),
      nextHop: known ? neighbour.mac : undefined,
      sourceMac: link.mac,
    }
  }

  /** Where no way is known: packets are counted as having none, and dropped. */
  #unknown(): Hop {
    const sourceMac = this.#on.mac ?? new Uint8Array(6)
    return { ifindex: 0, mtu: this.#on.mtu, source: undefined, nextHop: undefined, sourceMac }
  }
}
