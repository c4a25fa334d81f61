import { randomBytes } from 'node:crypto'
import {
  addressesOf,
  attachTc,
  type BpfProgram,
  backendObject,
  interfaceByName,
  layouts,
  type NetworkInterface,
  type PinFolder,
  settingsOf,
  type XdpMode,
} from '../bpf/index.js'
import { checkInteger, checkOptions, checkPowerOfTwo, checkString } from '../errors/checks.js'
import { forwarderDetached, invalidArgType, invalidArgValue, otherPins, outOfRange } from '../errors.js'
import { GUE_PORT } from '../net/gue.js'
import { type MappedAddress, mapped, readAddress, textOf } from './address.js'
import { type Traffic, trafficOf } from './counters.js'
import { checkPinPath, DataPlane, type PinOptions } from './data-plane.js'
import { idleUnits } from './flow-memory.js'
import { fillHosts, MOST_HOSTS, usualEndpoints } from './hosts.js'
import { readManifest, writeManifest } from './manifest.js'

const { BackendSettings, FlowConstant, Reason } = layouts

/** Where `Backend` takes packets: in the driver, in the network stack, or behind it by traffic control. */
export type BackendMode = XdpMode | 'tc'

export interface BackendOptions extends PinOptions {
  /** Where packets from edges come in: Ethernet, or a device of layer 3 (TUN, WireGuard). */
  interface: string
  /** Addresses that edges send from (`source` of their pools): 1 – 256. Nobody else's tunnels are undone. */
  edges: readonly string[]
  /** Addresses of this host that tunnels end at, at most 256. Default: all that the interface has when it is attached, VIPs among them. */
  endpoints?: readonly string[] | undefined
  /**
   * What is undone, default `ipip` and `gue`. With `proxy` datagrams of edges lose their PROXY header, and programs that know
   * nothing of it see the client and the VIP; leave it out for `PktInfoSocket` with `proxyProtocol`, which reads it itself.
   */
  deliveries?: readonly ('ipip' | 'gue' | 'proxy')[] | undefined
  /** UDP port that GUE comes to, default 6080. */
  guePort?: number | undefined
  /**
   * Default `auto`: XDP in the driver where it can, else in the network stack; `tc` on devices of layer 3, where IPv4 in IPv6 and
   * the reverse take Linux 6.3.
   */
  mode?: BackendMode | 'auto' | undefined
  /**
   * Which way replies go. `direct` (the default): as the routing table says, past the edge. `edge`: in a tunnel to the edge that the
   * client's last datagram to the VIP came through, for networks that let no packets with a foreign source out; the edge needs
   * `returnPath`. Replies to clients that are not remembered, and those that do not fit with the tunnel's header, go directly.
   */
  return?: 'direct' | 'edge' | undefined
  /** With `return: 'edge'`: clients that are remembered, for each VIP, a power of two, 4 – 2²⁴; default 262,144. 16 bytes each. */
  clients?: number | undefined
  /** With `return: 'edge'`: seconds without a datagram after which a client is forgotten, 1 – 86,400, default 120. */
  idle?: number | undefined
}

export interface BackendStats {
  /** What came from each edge. */
  edges: readonly ({ address: string } & Traffic)[]
  /** Tunnels of strangers, dropped. */
  untrusted: Traffic
  /** Tunnels with no packet in them that fits, dropped. */
  malformed: Traffic
  /**
   * Left as they were: fragments of edges' tunnels (GUE's later ones cannot be told and are not counted); with the mode `tc` several
   * of a tunnel's packets that came as one; with `return: 'edge'` replies that could not be given a tunnel's header.
   */
  unsupported: Traffic
  /** Replies that went through an edge. */
  returned: Traffic
  /** Replies that went directly, since they did not fit in a packet of the interface together with a tunnel's header. */
  tooBig: Traffic
}

const OPTIONS: readonly (keyof BackendOptions)[] = [
  'interface',
  'edges',
  'endpoints',
  'deliveries',
  'guePort',
  'mode',
  'return',
  'clients',
  'idle',
  'pinPath',
]
const MODES = ['native', 'generic', 'tc', 'auto'] as const
const DELIVERIES = ['ipip', 'gue', 'proxy'] as const
const RETURNS = ['direct', 'edge'] as const
const LEAST_BUCKETS = 1024
const DEFAULT_CLIENTS = 2 ** 18
const MOST_CLIENTS = 2 ** 24
const DEFAULT_IDLE = 120
const LONGEST_IDLE = 86_400
const SECRET_BYTES = 8
const ETHERNET_BYTES = 14

/** What is pinned beside the maps. */
interface Manifest {
  /** Hexadecimal digits: ways of clients are found by it. */
  secret: string
  mode: BackendMode
  return: 'direct' | 'edge'
}

/** Of what the maps hold and of the manifest. */
const VERSION = 1

/**
 * The other end of what edges do: takes packets out of IPIP and GUE, and PROXY headers out of datagrams if it is told to, before
 * the host's network stack sees them, so that programs see the client and the VIP. A tunnel from an address that is no edge's is
 * dropped; what is in no tunnel to this host goes on as ever. The VIPs must be local addresses.
 *
 * Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; Linux 5.15. Ends with the process,
 * unless it has a `pinPath`: then it goes on, and the next instance with that path takes it over.
 */
export class Backend {
  readonly interface: string
  /** Where packets are taken. */
  readonly mode: BackendMode
  /** Whether it found a data plane at `pinPath`, and took it over. */
  readonly adopted: boolean
  readonly #plane: DataPlane<typeof backendObject>
  /** Each with its counters. */
  readonly #edges: ReadonlyMap<string, number>
  #ended = false

  private constructor(
    name: string,
    mode: BackendMode,
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
    const read = readOptions(options)
    const { edges, deliveries, guePort, pinPath } = read
    const on = interfaceByName(options.interface)
    const mode = modeOn(on, read.mode)
    const endpoints = read.endpoints ?? addressesOf(on.ifindex).map(mapped)
    const returns = read.return === 'edge'
    if (returns && endpoints.length > MOST_HOSTS) {
      const why = `has ${endpoints.length} addresses, and replies can go through edges from ${MOST_HOSTS}. Name those that tunnels end at in options.endpoints`
      throw invalidArgValue('options.interface', why, on.name)
    }
    const buckets = Math.max(LEAST_BUCKETS, bucketsFor(edges.length + endpoints.length))
    const sets = returns ? read.clients / FlowConstant.flowWays : 1
    const fresh = randomBytes(SECRET_BYTES).toString('hex')
    let found: Manifest | undefined
    const plane = DataPlane.load(backendObject, {
      pinPath,
      entries: { hosts: buckets, ways: sets },
      settings: (folder) => {
        found = folder && readManifest<Manifest>(folder, VERSION)
        const secret = Buffer.from(found?.secret ?? fresh, 'hex')
        return settingsOf(BackendSettings, {
          secret: { words: [secret.readUInt32LE(0), secret.readUInt32LE(4)] },
          ipip: Number(deliveries.includes('ipip')),
          gue: Number(deliveries.includes('gue')),
          guePort,
          proxy: Number(deliveries.includes('proxy')),
          returns: Number(returns),
          linkBytes: on.ethernet ? ETHERNET_BYTES : 0,
          buckets,
          flowSets: sets,
          flowIdle: idleUnits(read.idle),
          mtu: on.mtu,
          ...usualEndpoints(endpoints),
        })
      },
    })
    try {
      if (found !== undefined) checkSame(plane.folder!, found, mode, read.return)
      // First, since what is pinned may be another interface's, and is not to be changed then.
      const attached = attachAll(plane, on, mode, returns)
      if (plane.folder !== undefined && found === undefined) {
        writeManifest(plane.folder, VERSION, { secret: fresh, mode: attached, return: read.return })
      }
      return new Backend(on.name, attached, plane, fillHosts(plane.maps, { edges, endpoints, numbered: returns }))
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
      returned: trafficOf(reasonCounters, Reason.returned),
      tooBig: trafficOf(reasonCounters, Reason.tooBigSilent),
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

/** Four places each, and as many again: none is refused its own. */
const bucketsFor = (hosts: number) => 2 ** Math.ceil(Math.log2(hosts))

/** What `auto` may come to be is left to XDP. @throws ArgumentRangeError */
function modeOn(on: NetworkInterface, mode: BackendMode | 'auto'): BackendMode | 'auto' {
  if (on.ethernet) return mode
  if (mode === 'auto' || mode === 'tc') return 'tc'
  throw invalidArgValue('options.mode', `must be 'tc' on ${on.name}, which is no Ethernet interface`, mode)
}

/** First what undoes, then what sends replies by what was learned. */
function attachAll(
  plane: DataPlane<typeof backendObject>,
  on: NetworkInterface,
  mode: BackendMode | 'auto',
  returns: boolean,
): BackendMode {
  const { backendXdp, backendIngress, backendEgress } = plane.programs
  // A program that is attached by clsact has no link that could be pinned.
  const hook = plane.folder ? 'tcx' : 'auto'
  const attach = (direction: 'ingress' | 'egress', program: BpfProgram) =>
    plane.attach(direction, program, on, () => attachTc({ program, direction, interface: on, hook }).link)
  let attached: BackendMode = 'tc'
  if (mode === 'tc') attach('ingress', backendIngress)
  else attached = plane.attachXdp(backendXdp, on, mode)
  if (returns) attach('egress', backendEgress)
  return attached
}

/** @throws BpfError ERR_BPF_INCOMPATIBLE */
function checkSame(
  { path }: PinFolder,
  found: Manifest,
  mode: BackendMode | 'auto',
  back: BackendOptions['return'],
): void {
  if (mode !== 'auto' && mode !== found.mode) throw otherPins(path, `runs in the mode '${found.mode}', not '${mode}'`)
  if (mode === 'auto' && found.mode === 'tc') throw otherPins(path, "runs in the mode 'tc'")
  if (back !== found.return) throw otherPins(path, `has return: '${found.return}', not '${back}'`)
}

function readOptions(options: BackendOptions) {
  checkOptions(options, OPTIONS)
  checkPinPath(options)
  checkString('options.interface', options.interface)
  const { edges, endpoints, deliveries = ['ipip', 'gue'], guePort = GUE_PORT, mode = 'auto' } = options
  const { clients = DEFAULT_CLIENTS, idle = DEFAULT_IDLE } = options
  const back = options.return ?? 'direct'
  if (!MODES.includes(mode)) {
    throw invalidArgValue('options.mode', `must be one of ${MODES.map((one) => `'${one}'`).join(', ')}`, mode)
  }
  if (!Array.isArray(deliveries)) throw invalidArgType('options.deliveries', 'an array', deliveries)
  for (const [i, delivery] of deliveries.entries()) {
    if (!DELIVERIES.includes(delivery)) {
      const names = DELIVERIES.map((one) => `'${one}'`).join(', ')
      throw invalidArgValue(`options.deliveries[${i}]`, `must be one of ${names}`, delivery)
    }
  }
  checkInteger('options.guePort', guePort, 1, 65_535)
  if (!RETURNS.includes(back)) throw invalidArgValue('options.return', "must be 'direct' or 'edge'", back)
  checkPowerOfTwo('options.clients', clients, FlowConstant.flowWays, MOST_CLIENTS)
  checkInteger('options.idle', idle, 1, LONGEST_IDLE)
  return {
    edges: readAddresses('options.edges', edges),
    endpoints: endpoints && readAddresses('options.endpoints', endpoints),
    deliveries,
    guePort,
    mode,
    return: back,
    clients,
    idle,
    pinPath: options.pinPath,
  }
}

function readAddresses(name: string, addresses: unknown): MappedAddress[] {
  if (!Array.isArray(addresses)) throw invalidArgType(name, 'an array of addresses', addresses)
  if (addresses.length < 1 || addresses.length > MOST_HOSTS)
    throw outOfRange(`${name}.length`, `>= 1 && <= ${MOST_HOSTS}`, addresses.length)
  const read = addresses.map((address, i) => readAddress(`${name}[${i}]`, address))
  return [...new Map(read.map((address) => [textOf(address), address])).values()]
}
