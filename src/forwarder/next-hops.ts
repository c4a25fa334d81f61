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
  readonly #ways = new Map<string, { address: MappedAddress; hop: Hop }>()
  /** Whose neighbours were waited for in vain. */
  readonly #silent = new Set<string>()

  /** @param on the interface that packets for VIPs come in on */
  constructor(on: NetworkInterface) {
    this.#on = on
  }

  /**
   * Looks up the ways to addresses, and waits for neighbours that have to be asked first, for those that do not answer once. Those
   * that were known stay known until `keep` is called.
   *
   * @param awaited of the addresses those whose neighbours are waited for
   */
  async find(addresses: Iterable<MappedAddress>, awaited: Iterable<MappedAddress>): Promise<void> {
    this.#look([...addresses])
    const until = Date.now() + PATIENCE_MS
    let waiting = this.#look([...awaited].filter((address) => !this.#silent.has(textOf(address))))
    while (waiting.length > 0 && Date.now() < until) {
      await sleep(PAUSE_MS)
      waiting = this.#look(waiting)
    }
    for (const address of waiting) this.#silent.add(textOf(address))
  }

  /** Begins to look at the ways to addresses, without waiting for neighbours. */
  watch(addresses: readonly MappedAddress[]): void {
    this.#look(addresses)
  }

  /** Forgets the ways to all other addresses. */
  keep(addresses: Iterable<MappedAddress>): void {
    const kept = new Set([...addresses].map(textOf))
    for (const text of this.#ways.keys()) if (!kept.has(text)) this.#ways.delete(text)
    for (const text of this.#silent) if (!kept.has(text)) this.#silent.delete(text)
  }

  /** Looks at the ways again, and lets the kernel ask neighbours of which it has not heard for long. */
  refresh(): void {
    this.#look([...this.#ways.values()].map(({ address }) => address))
  }

  readonly to = (address: MappedAddress): Hop => this.#ways.get(textOf(address))?.hop ?? this.#unknown()

  /** @returns of the addresses those that there is no known way to */
  unknown(addresses: Iterable<MappedAddress>): string[] {
    return [...new Set([...addresses].map(textOf))].filter((text) => this.#ways.get(text)?.hop.nextHop === undefined)
  }

  /** @returns those whose neighbour has not answered yet */
  #look(addresses: readonly MappedAddress[]): MappedAddress[] {
    return addresses.filter((address) => {
      const text = textOf(address)
      const { hop, routed } = this.#hopTo(address)
      // What was known is better than nothing while a neighbour is asked again.
      const before = this.#ways.get(text)?.hop
      const nextHop = hop.nextHop ?? (before?.ifindex === hop.ifindex ? before.nextHop : undefined)
      this.#ways.set(text, { address, hop: { ...hop, nextHop } })
      return routed && nextHop === undefined
    })
  }

  #hopTo(address: MappedAddress): { hop: Hop; routed: boolean } {
    const { netlink } = thread().addon
    const nowhere = { hop: this.#unknown(), routed: false }
    const route = netlink.route(unmapped(address))
    if (typeof route === 'number' || route.type !== UNICAST || route.ifindex === undefined) return nowhere
    const link = netlink.link(route.ifindex)
    if (typeof link === 'number' || link.mac === undefined) return nowhere
    const next = route.gateway ?? unmapped(address)
    const neighbour = netlink.neighbour(route.ifindex, next)
    const known = typeof neighbour !== 'number' && (neighbour.state & VALID) !== 0
    netlink.askNeighbour(route.ifindex, next)
    const hop = {
      ifindex: route.ifindex === this.#on.ifindex ? 0 : route.ifindex,
      mtu: link.mtu,
      source: route.source && mapped(route.source),
      nextHop: known ? neighbour.mac : undefined,
      sourceMac: link.mac,
    }
    return { hop, routed: true }
  }

  /** Where no way is known: packets are counted as having none, and dropped. */
  #unknown(): Hop {
    const sourceMac = this.#on.mac ?? new Uint8Array(6)
    return { ifindex: 0, mtu: this.#on.mtu, source: undefined, nextHop: undefined, sourceMac }
  }
}
