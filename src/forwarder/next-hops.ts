import { setTimeout as sleep } from 'node:timers/promises'
import type { NetworkInterface } from '../bpf/index.js'
import { thread } from '../internal/thread.js'
import { type MappedAddress, mapped, textOf, unmapped } from './address.js'
import type { Hop } from './hop.js'

/** States of a neighbour in which its Ethernet address is good (NUD_VALID, linux/neighbour.h). */
const VALID = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80
/** RTN_UNICAST of rtnetlink(7). */
const UNICAST = 1

/** How long an answer of a neighbour is waited for, in milliseconds, and how often it is looked for: soon, and then less and less. */
const PATIENCE_MS = 1000
const FIRST_PAUSE_MS = 1
const LONGEST_PAUSE_MS = 20

/** Calls of `refresh` in which all ways are looked at: the kernel is asked about each, which takes a while where there are many. */
const CALLS = 50
/** So many are looked at whenever there is an occasion. */
const FEW = 256
/** Of those that are not known so many are looked at in each call: who comes up late is not kept waiting. */
const OPEN_AT_A_CALL = 64

/** Ways to backends, as the kernel's routes and neighbours have them. */
export class NextHops {
  readonly #on: NetworkInterface
  readonly #ways = new Map<string, { address: MappedAddress; hop: Hop }>()
  /** To whom no way is known, who was looked at longest ago first. */
  readonly #open = new Map<string, MappedAddress>()
  /** Whose neighbours were waited for in vain. */
  readonly #silent = new Set<string>()
  /** Those that are to be refreshed still, so many at a call. */
  #due: MappedAddress[] = []
  #share = 0
  #call = 0
  #changed = false

  /** @param on the interface that packets for VIPs come in on */
  constructor(on: NetworkInterface) {
    this.#on = on
  }

  /**
   * Looks up the ways to addresses, and waits for neighbours that have to be asked first, for those that do not answer once. Where
   * there are many, what is known already is left to `refresh`. It stays known until `keep` is called.
   *
   * @param awaited of the addresses those whose neighbours are waited for
   */
  async find(addresses: Iterable<MappedAddress>, awaited: Iterable<MappedAddress>): Promise<void> {
    const missing = (address: MappedAddress) => this.#ways.get(textOf(address))?.hop.nextHop === undefined
    const all = [...addresses]
    this.#look(all.length <= FEW ? all : all.filter(missing))
    const until = Date.now() + PATIENCE_MS
    let waiting = this.#look([...awaited].filter((one) => missing(one) && !this.#silent.has(textOf(one))))
    for (let pause = FIRST_PAUSE_MS; waiting.length > 0 && Date.now() < until; pause *= 2) {
      await sleep(Math.min(pause, LONGEST_PAUSE_MS))
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
    for (const text of this.#open.keys()) if (!kept.has(text)) this.#open.delete(text)
  }

  /**
   * Looks at a part of the ways again, and lets the kernel ask neighbours of which it has not heard for long. All of them have their
   * turn in fifty calls, and those that are not known much sooner.
   *
   * @returns whether a way is another one since this was last asked
   */
  refresh(): boolean {
    if (this.#call === 0) {
      this.#due = [...this.#ways.values()].map(({ address }) => address)
      this.#share = Math.ceil(this.#due.length / CALLS)
    }
    this.#call = (this.#call + 1) % CALLS
    const share = this.#due.splice(0, this.#share).filter((address) => this.#ways.has(textOf(address)))
    this.#look([...share, ...[...this.#open.values()].slice(0, OPEN_AT_A_CALL)])
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  readonly to = (address: MappedAddress): Hop => this.#ways.get(textOf(address))?.hop ?? this.#unknown()

  /** @returns of the addresses those that there is no known way to */
  unknown(addresses: Iterable<MappedAddress>): string[] {
    return [...new Set([...addresses].map(textOf))].filter((text) => this.#ways.get(text)?.hop.nextHop === undefined)
  }

  /** @returns those whose neighbour has not answered yet */
  #look(addresses: readonly MappedAddress[]): MappedAddress[] {
    const kernel = new Kernel()
    return addresses.filter((address) => {
      const text = textOf(address)
      const { hop, routed } = this.#hopTo(address, kernel)
      // What was known is better than nothing while a neighbour is asked again.
      const before = this.#ways.get(text)?.hop
      const nextHop = hop.nextHop ?? (before?.ifindex === hop.ifindex ? before.nextHop : undefined)
      const next = { ...hop, nextHop }
      this.#changed ||= before === undefined || !isSame(before, next)
      this.#ways.set(text, { address, hop: next })
      this.#open.delete(text)
      if (nextHop === undefined) this.#open.set(text, address)
      return routed && nextHop === undefined
    })
  }

  #hopTo(address: MappedAddress, kernel: Kernel): { hop: Hop; routed: boolean } {
    const nowhere = { hop: this.#unknown(), routed: false }
    const route = kernel.route(unmapped(address))
    if (typeof route === 'number' || route.type !== UNICAST || route.ifindex === undefined) return nowhere
    const link = kernel.link(route.ifindex)
    if (typeof link === 'number' || link.mac === undefined) return nowhere
    const hop = {
      ifindex: route.ifindex === this.#on.ifindex ? 0 : route.ifindex,
      mtu: link.mtu,
      source: route.source && mapped(route.source),
      nextHop: kernel.neighbour(route.ifindex, route.gateway ?? unmapped(address)),
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

function isSame(a: Hop, b: Hop): boolean {
  const same = (one: Uint8Array | undefined, other: Uint8Array | undefined) =>
    one === other || (one !== undefined && other !== undefined && Buffer.compare(one, other) === 0)
  return a.ifindex === b.ifindex && a.mtu === b.mtu && same(a.nextHop, b.nextHop) && same(a.sourceMac, b.sourceMac)
}

/** What the kernel says at one moment: of each interface and each neighbour it is asked once. */
class Kernel {
  readonly #netlink = thread().addon.netlink
  readonly #links = new Map<number, ReturnType<typeof this.link>>()
  readonly #neighbours = new Map<string, Uint8Array | undefined>()

  route(address: Uint8Array) {
    return this.#netlink.route(address)
  }

  link(ifindex: number): ReturnType<ReturnType<typeof thread>['addon']['netlink']['link']> {
    const known = this.#links.get(ifindex)
    if (known !== undefined) return known
    const link = this.#netlink.link(ifindex)
    this.#links.set(ifindex, link)
    return link
  }

  /** Its Ethernet address, if the kernel has one that is good; it is asked for in any case. */
  neighbour(ifindex: number, address: Uint8Array): Uint8Array | undefined {
    const name = `${ifindex} ${address.join('.')}`
    if (this.#neighbours.has(name)) return this.#neighbours.get(name)
    const neighbour = this.#netlink.neighbour(ifindex, address)
    const mac = typeof neighbour !== 'number' && (neighbour.state & VALID) !== 0 ? neighbour.mac : undefined
    this.#netlink.askNeighbour(ifindex, address)
    this.#neighbours.set(name, mac)
    return mac
  }
}
