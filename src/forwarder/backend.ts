import { addressesOf, backendObject, interfaceByName, layouts, settingsOf, type XdpMode } from '../bpf/index.js'
import { checkInteger, checkOptions, checkString } from '../errors/checks.js'
import { forwarderDetached, invalidArgType, invalidArgValue, outOfRange } from '../errors.js'
import { type MappedAddress, mapped, readAddress, textOf } from './address.js'
import { AddressTable } from './address-table.js'
import { clearCounters, type Traffic, trafficOf } from './counters.js'
import { checkPinPath, DataPlane, type PinOptions } from './data-plane.js'
import { waitForPackets } from './grace-period.js'
import { IndexPool } from './index-pool.js'

const { BackendSettings, HostKind, Reason } = layouts

type Maps = DataPlane<typeof backendObject>['maps']

export interface BackendOptions extends PinOptions {
  /** Where packets from edges come in; an Ethernet interface. */
  interface: string
  /** Addresses that edges send from (`source` of their pools): 1 – 256. Nobody else's tunnels are undone. */
  edges: readonly string[]
  /** Addresses of this host that tunnels end at, at most 256. Default: all that the interface has when it is attached, VIPs among them. */
  endpoints?: readonly string[] | undefined
  /** Which tunnels are undone, default both. */
  deliveries?: readonly ('ipip' | 'gue')[] | undefined
  /** UDP port that GUE comes to, default 6080. */
  guePort?: number | undefined
  /** Default `auto`: in the driver where it can, else in the network stack. */
  mode?: XdpMode | 'auto' | undefined
}

export interface BackendStats {
  /** What came from each edge. */
  edges: readonly ({ address: string } & Traffic)[]
  /** Tunnels of strangers, dropped. */
  untrusted: Traffic
  /** Tunnels with no packet in them that fits, dropped. */
  malformed: Traffic
  /** Fragments of edges' tunnels, left to the host; GUE's later ones cannot be told and are not counted. */
  unsupported: Traffic
}

const OPTIONS: readonly (keyof BackendOptions)[] = [
  'interface',
  'edges',
  'endpoints',
  'deliveries',
  'guePort',
  'mode',
  'pinPath',
]
const MODES = ['native', 'generic', 'auto'] as const
const TUNNELS = ['ipip', 'gue'] as const
const MOST = 256
const LEAST_BUCKETS = 1024
const GUE_PORT = 6080

/**
 * The other end of an edge's tunnels: takes packets out of IPIP and GUE before the host's network stack sees them, so that
 * programs see the client and the VIP. A tunnel from an address that is no edge's is dropped; what is in no tunnel to this
 * host goes on as ever. The VIPs must be local addresses.
 *
 * Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; Linux 5.15. Ends with the process,
 * unless it has a `pinPath`: then it goes on, and the next instance with that path takes it over.
 */
export class Backend {
  readonly interface: string
  /** Where the program runs. */
  readonly mode: XdpMode
  /** Whether it found a data plane at `pinPath`, and took it over. */
  readonly adopted: boolean
  readonly #plane: DataPlane<typeof backendObject>
  /** Each with its counters. */
  readonly #edges: ReadonlyMap<string, number>
  #ended = false

  private constructor(
    name: string,
    mode: XdpMode,
    plane: DataPlane<typeof backendObject>,
    edges: ReadonlyMap<string, number>,
  ) {
    this.interface = name
    this.mode = mode
    this.adopted = plane.adopted
    this.#plane = plane
    this.#edges = edges
  }

  /**
   * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_PERMISSION, ERR_BPF_INTERFACE, ERR_BPF_BUSY,
   * ERR_BPF_NO_NATIVE_XDP, ERR_BPF_VERIFIER, ERR_BPF_SYSTEM; with `pinPath` ERR_BPF_FILESYSTEM, ERR_BPF_LOCKED,
   * ERR_BPF_INCOMPATIBLE; UnsupportedKernelError; UnsupportedPlatformError
   */
  static async attach(options: BackendOptions): Promise<Backend> {
    const { edges, endpoints: given, deliveries, guePort, mode, pinPath } = readOptions(options)
    const on = interfaceByName(options.interface)
    if (!on.ethernet) throw invalidArgValue('options.interface', 'must be an Ethernet interface', on.name)
    const endpoints = given ?? addressesOf(on.ifindex).map(mapped)
    // Four places each, and as many again: none is refused its own.
    const buckets = Math.max(LEAST_BUCKETS, 2 ** Math.ceil(Math.log2(edges.length + endpoints.length)))
    const settings = {
      ipip: Number(deliveries.includes('ipip')),
      gue: Number(deliveries.includes('gue')),
      guePort,
      buckets,
    }
    const plane = DataPlane.load(backendObject, {
      pinPath,
      entries: { hosts: buckets },
      settings: settingsOf(BackendSettings, settings),
    })
    try {
      const { maps, programs } = plane
      // First, since what is pinned may be another interface's, and is not to be changed then.
      const attached = plane.attachXdp(programs.backendXdp, on, mode)
      const counters = fill(maps, edges, endpoints)
      return new Backend(on.name, attached, plane, counters)
    } catch (error) {
      plane.abandon()
      throw error
    }
  }

  /** @throws ForwarderError ERR_FORWARDER_DETACHED */
  stats(): BackendStats {
    if (this.#ended) throw forwarderDetached(this.interface)
    const { edgeCounters, reasonCounters } = this.#plane.maps
    return {
      edges: [...this.#edges].map(([address, counters]) => ({ address, ...trafficOf(edgeCounters, counters) })),
      untrusted: trafficOf(reasonCounters, Reason.untrusted),
      malformed: trafficOf(reasonCounters, Reason.malformed),
      unsupported: trafficOf(reasonCounters, Reason.unsupported),
    }
  }

  /** Takes the program and all pins away: tunnels are the host's again. */
  async detach(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#plane.detach()
  }

  /** Ends this instance. With a `pinPath` the data plane goes on as it is, else it is taken away. */
  async close(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#plane.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Makes the table have these addresses, and no others. An edge that it has keeps its number.
 *
 * @returns the numbers of the edges
 */
function fill(maps: Maps, edges: readonly MappedAddress[], endpoints: readonly MappedAddress[]): Map<string, number> {
  const table = new AddressTable(maps.hosts.memory(), 'hosts', 'Name fewer endpoints')
  const there = new Map<string, number>()
  const wanted = new Set([
    ...edges.map((address) => hostName(HostKind.edge, address)),
    ...endpoints.map((address) => hostName(HostKind.endpoint, address)),
  ])
  for (const entry of [...table.entries()]) {
    if (!wanted.has(hostName(entry.kind, entry.address))) table.delete(entry)
    else if (entry.kind === HostKind.edge) there.set(textOf(entry.address), entry.value)
  }
  if (table.resting) waitForPackets()
  table.rested()
  const free = new IndexPool(MOST, there.values())
  const numbers = new Map<string, number>()
  for (const address of edges) {
    const text = textOf(address)
    const known = there.get(text)
    const number = known ?? free.take()! // there are no more edges than numbers
    if (known === undefined) clearCounters(maps.edgeCounters, number)
    numbers.set(text, number)
    table.set({ address, kind: HostKind.edge, protocol: 0, block: 0 }, number)
  }
  for (const address of endpoints) table.set({ address, kind: HostKind.endpoint, protocol: 0, block: 0 }, 0)
  return numbers
}

const hostName = (kind: number, address: MappedAddress) => `${kind} ${textOf(address)}`

function readOptions(options: BackendOptions) {
  checkOptions(options, OPTIONS)
  checkPinPath(options)
  checkString('options.interface', options.interface)
  const { edges, endpoints, deliveries = TUNNELS, guePort = GUE_PORT, mode = 'auto' } = options
  if (!MODES.includes(mode)) {
    throw invalidArgValue('options.mode', `must be one of ${MODES.map((one) => `'${one}'`).join(', ')}`, mode)
  }
  if (!Array.isArray(deliveries)) throw invalidArgType('options.deliveries', 'an array', deliveries)
  for (const [i, delivery] of deliveries.entries()) {
    if (!TUNNELS.includes(delivery))
      throw invalidArgValue(`options.deliveries[${i}]`, "must be 'ipip' or 'gue'", delivery)
  }
  checkInteger('options.guePort', guePort, 1, 65_535)
  return {
    edges: readAddresses('options.edges', edges),
    endpoints: endpoints && readAddresses('options.endpoints', endpoints),
    deliveries,
    guePort,
    mode,
    pinPath: options.pinPath,
  }
}

function readAddresses(name: string, addresses: unknown): MappedAddress[] {
  if (!Array.isArray(addresses)) throw invalidArgType(name, 'an array of addresses', addresses)
  if (addresses.length < 1 || addresses.length > MOST)
    throw outOfRange(`${name}.length`, `>= 1 && <= ${MOST}`, addresses.length)
  const read = addresses.map((address, i) => readAddress(`${name}[${i}]`, address))
  return [...new Map(read.map((address) => [textOf(address), address])).values()]
}
