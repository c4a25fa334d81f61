import {
  addressesOf,
  attachXdp,
  type BpfLink,
  backendObject,
  encode,
  interfaceByName,
  type LoadedObject,
  layouts,
  loadObject,
  settingsOf,
  type XdpMode,
} from '../bpf/index.js'
import { checkInteger, checkOptions, checkString } from '../errors/checks.js'
import { forwarderDetached, invalidArgType, invalidArgValue, outOfRange } from '../errors.js'
import { type MappedAddress, mapped, readAddress, textOf } from './address.js'
import { type Traffic, trafficOf } from './counters.js'

const { BackendSettings, Reason, SourceKey } = layouts

export interface BackendOptions {
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

const OPTIONS: readonly (keyof BackendOptions)[] = ['interface', 'edges', 'endpoints', 'deliveries', 'guePort', 'mode']
const MODES = ['native', 'generic', 'auto'] as const
const TUNNELS = ['ipip', 'gue'] as const
const MOST = 256
const GUE_PORT = 6080

/**
 * The other end of an edge's tunnels: takes packets out of IPIP and GUE before the host's network stack sees them, so that
 * programs see the client and the VIP. A tunnel from an address that is no edge's is dropped; what is in no tunnel to this
 * host goes on as ever. The VIPs must be local addresses.
 *
 * Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; Linux 5.15. Ends with the process.
 */
export class Backend {
  readonly interface: string
  /** Where the program runs. */
  readonly mode: XdpMode
  readonly #loaded: LoadedObject<typeof backendObject>
  readonly #link: BpfLink
  readonly #edges: readonly string[]
  #detached = false

  private constructor(
    name: string,
    mode: XdpMode,
    loaded: LoadedObject<typeof backendObject>,
    link: BpfLink,
    edges: readonly string[],
  ) {
    this.interface = name
    this.mode = mode
    this.#loaded = loaded
    this.#link = link
    this.#edges = edges
  }

  /**
   * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_PERMISSION, ERR_BPF_INTERFACE, ERR_BPF_BUSY,
   * ERR_BPF_NO_NATIVE_XDP, ERR_BPF_VERIFIER, ERR_BPF_SYSTEM; UnsupportedKernelError; UnsupportedPlatformError
   */
  static async attach(options: BackendOptions): Promise<Backend> {
    const { edges, endpoints: given, deliveries, guePort, mode } = readOptions(options)
    const on = interfaceByName(options.interface)
    if (!on.ethernet) throw invalidArgValue('options.interface', 'must be an Ethernet interface', on.name)
    const endpoints = given ?? addressesOf(on.ifindex).map(mapped)
    const settings = { ipip: Number(deliveries.includes('ipip')), gue: Number(deliveries.includes('gue')), guePort }
    const loaded = loadObject(backendObject, {
      entries: { endpoints: Math.max(MOST, endpoints.length) },
      settings: settingsOf(BackendSettings, settings),
    })
    try {
      const { maps, programs } = loaded
      for (const address of endpoints) maps.endpoints.update(encode(SourceKey, { address }), Uint32Array.of(0))
      for (const [i, address] of edges.entries()) maps.sources.update(encode(SourceKey, { address }), Uint32Array.of(i))
      const { link, mode: attached } = attachXdp({ program: programs.backendXdp, interface: on, mode })
      return new Backend(on.name, attached, loaded, link, edges.map(textOf))
    } catch (error) {
      loaded.close()
      throw error
    }
  }

  /** @throws ForwarderError ERR_FORWARDER_DETACHED */
  stats(): BackendStats {
    if (this.#detached) throw forwarderDetached(this.interface)
    const { edgeCounters, reasonCounters } = this.#loaded.maps
    return {
      edges: this.#edges.map((address, i) => ({ address, ...trafficOf(edgeCounters, i) })),
      untrusted: trafficOf(reasonCounters, Reason.untrusted),
      malformed: trafficOf(reasonCounters, Reason.malformed),
      unsupported: trafficOf(reasonCounters, Reason.unsupported),
    }
  }

  /** Takes the program away: tunnels are the host's again. */
  async detach(): Promise<void> {
    if (this.#detached) return
    this.#detached = true
    this.#link.detach()
    this.#link.close()
    this.#loaded.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.detach()
  }
}

function readOptions(options: BackendOptions) {
  checkOptions(options, OPTIONS)
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
  }
}

function readAddresses(name: string, addresses: unknown): MappedAddress[] {
  if (!Array.isArray(addresses)) throw invalidArgType(name, 'an array of addresses', addresses)
  if (addresses.length < 1 || addresses.length > MOST)
    throw outOfRange(`${name}.length`, `>= 1 && <= ${MOST}`, addresses.length)
  const read = addresses.map((address, i) => readAddress(`${name}[${i}]`, address))
  return [...new Map(read.map((address) => [textOf(address), address])).values()]
}
