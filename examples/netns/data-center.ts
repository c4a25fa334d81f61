import { Actor } from './actor.js'
import { findCommand } from './command.js'
import { Namespace, whyNoNamespaces } from './namespace.js'
import type { PassPart } from './pass.js'

export interface DataCenterOptions {
  /** Names of the backends, at most eight. */
  backends: readonly string[]
  /** How many edges, 1 – 8, default 1. Packets for VIPs go to the first one until `steer` is called. */
  edges?: number
  /** Whether there is a host for a store that edges and backends ask, default not. */
  store?: boolean
  /** Bytes of IP packet on the segment of edge and backends, default 1600: a datagram of 1500 fits with a tunnel's header. */
  mtu?: number
}

/** A host and what it is called on the network. */
export interface SegmentHost {
  name: string
  namespace: Namespace
  address: string
  address6: string
}

/**
 * A client, a router, and behind it one segment with an edge and backends, each a namespace. The router sends what is for
 * a VIP to an edge; every backend has the VIPs as local addresses and answers through the router, past the edge.
 *
 * ```
 *  client ──── router ──┬── edge       the way in:  client → router → edge → backend
 *                       ├── a          the way out: backend → router → client
 *                       └── b …
 * ```
 *
 * Interfaces are called eth0, and the router's side of the client eth0, of the segment br0.
 */
export class DataCenter {
  static readonly client = { address: '203.0.113.2', address6: '2001:db8:113::2' }
  static readonly edge = { address: '10.0.0.2', address6: '2001:db8:10::2' }
  static readonly vips = ['198.51.100.2', '198.51.100.3', '2001:db8:51::2', '2001:db8:51::3'] as const

  readonly client: Namespace
  readonly router: Namespace
  readonly edges: readonly SegmentHost[]
  readonly backends: readonly SegmentHost[]
  readonly store: SegmentHost | undefined
  readonly #passer: Actor<PassPart>

  private constructor(client: Namespace, router: Namespace, hosts: Pick<DataCenter, 'edges' | 'backends' | 'store'>) {
    this.client = client
    this.router = router
    this.edges = hosts.edges
    this.backends = hosts.backends
    this.store = hosts.store
    this.#passer = new Actor<PassPart>(router, new URL('./pass.ts', import.meta.url))
  }

  /** @throws Error when a namespace cannot be made; nothing is left behind then */
  static async create(options: DataCenterOptions): Promise<DataCenter> {
    const { backends: names, mtu = 1600, edges: count = 1, store: hasStore = false } = options
    const edgeNames = Array.from({ length: count }, (_, i) => (i === 0 ? 'edge' : `edge${i + 1}`))
    const wanted = ['client', 'router', ...edgeNames, ...(hasStore ? ['store'] : []), ...names]
    const made = await Promise.allSettled(wanted.map((name) => Namespace.create(name)))
    const all = made.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    try {
      for (const result of made) if (result.status === 'rejected') throw result.reason
      const [client, router, ...others] = all as [Namespace, Namespace, ...Namespace[]]
      const host = (name: string, number: number): SegmentHost => ({
        name,
        namespace: others.shift()!,
        address: `10.0.0.${number}`,
        address6: `2001:db8:10::${number}`,
      })
      const edges = edgeNames.map((name, i) => host(name, 2 + i))
      const store = hasStore ? host('store', 10) : undefined
      const backends = names.map((name, i) => host(name, 11 + i))
      const center = new DataCenter(client, router, { edges, store, backends })
      await center.#connect(mtu)
      return center
    } catch (error) {
      for (const namespace of all) namespace.remove()
      throw error
    }
  }

  /** The first edge. */
  get edge(): Namespace {
    return this.edges[0]!.namespace
  }

  /** Lets packets for VIPs go to another edge from now on, as anycast does when routes change. */
  async steer(number: number): Promise<void> {
    const edge = this.edges[number]!
    const routes = DataCenter.vips.map(
      (vip) => `route replace ${vip} via ${isIPv6(vip) ? edge.address6 : edge.address}`,
    )
    await this.router.ip(routes.join('\n'))
  }

  get #segment(): SegmentHost[] {
    return [...this.edges, ...(this.store ? [this.store] : []), ...this.backends]
  }

  /** Removes all namespaces, and what is attached to their interfaces. */
  remove(): void {
    this.#passer.kill()
    for (const { namespace } of this.#segment) namespace.remove()
    this.client.remove()
    this.router.remove()
  }

  [Symbol.dispose](): void {
    this.remove()
  }

  async #connect(mtu: number): Promise<void> {
    const { client, router, backends } = this
    await Namespace.cable({ namespace: client, device: 'eth0' }, { namespace: router, device: 'eth0' })
    await router.ip(`
      link add br0 mtu ${mtu} type bridge
      link set br0 up
      address add 203.0.113.1/24 dev eth0
      address add 2001:db8:113::1/64 dev eth0
      address add 10.0.0.1/24 dev br0
      address add 2001:db8:10::1/64 dev br0`)
    const hosts = this.#segment
    for (const { name, namespace, address, address6 } of hosts) {
      await Namespace.cable({ namespace, device: 'eth0' }, { namespace: router, device: name })
      await router.ip(`link set dev ${name} mtu ${mtu} master br0`)
      await namespace.ip(`
        link set eth0 mtu ${mtu}
        address add ${address}/24 dev eth0
        address add ${address6}/64 dev eth0
        route add default via 10.0.0.1
        route add default via 2001:db8:10::1`)
    }
    const vips = DataCenter.vips
    await Promise.all([
      client.ip(`
        address add ${DataCenter.client.address}/24 dev eth0
        address add ${DataCenter.client.address6}/64 dev eth0
        route add default via 203.0.113.1
        route add default via 2001:db8:113::1`),
      router.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 }),
      this.steer(0),
      ...backends.map(({ namespace }) => namespace.ip(vips.map((vip) => `route add local ${vip} dev lo`).join('\n'))),
    ])
    // XDP sees frames as they lie in memory, and a veth leaves checksums to the receiver, whom XDP has no way to tell.
    await offloads(client, 'eth0', 'tx', 'off')
    // What XDP sends into a veth is lost unless the other end has a program, too.
    await this.#passer.call(
      'attach',
      hosts.map(({ name }) => name),
    )
    for (const { namespace } of hosts) await offloads(namespace, 'eth0', 'gro', 'on')
  }
}

/** Why no data center can be made here, or undefined when one can. */
export function whyNoDataCenter(): string | undefined {
  if (findCommand('ethtool') === undefined) return 'XDP on veth needs the program ethtool (package ethtool)'
  return whyNoNamespaces()
}

function isIPv6(address: string): boolean {
  return address.includes(':')
}

/** @throws Error when ethtool(8) is missing or refuses */
async function offloads(namespace: Namespace, device: string, feature: string, value: 'on' | 'off'): Promise<void> {
  const { code, stderr } = await namespace.run('ethtool', ['-K', device, feature, value])
  if (code !== 0) throw new Error(`ethtool -K ${device} ${feature} ${value} in ${namespace.name}: ${stderr}`)
}
