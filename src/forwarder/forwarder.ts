import { decode, encode } from '../bpf/codec.js'
import {
  addressesOf,
  type BpfMap,
  edgeObject,
  interfaceByName,
  type NetworkInterface,
  type XdpMode,
} from '../bpf/index.js'
import { EdgeSettings, Endpoint, FlowConstant, Reason, SourceKey } from '../bpf/layouts.js'
import { settingsOf } from '../bpf/object.js'
import { checkInteger, checkOptions, checkPowerOfTwo, checkProperties, checkString } from '../errors/checks.js'
import {
  forwarderDetached,
  forwarderNoEvents,
  invalidArgType,
  invalidArgValue,
  missingArgument,
  outOfRange,
} from '../errors.js'
import { GUE_PORT } from '../net/gue.js'
import type { Flow } from '../pinning/index.js'
import { type MappedAddress, mapped, readAddress, textOf } from './address.js'
import type { ForwarderChange } from './change.js'
import type { ForwarderConfig } from './config.js'
import { type Traffic, trafficOf } from './counters.js'
import { checkPinPath, DataPlane, type PinOptions } from './data-plane.js'
import { type CounterNames, type EdgeEvent, readEvents } from './edge-events.js'
import { type EdgeState, writable } from './edge-state.js'
import { EdgeTables } from './edge-tables.js'
import { type EdgeExplanation, explainFlow, type Kept } from './explain.js'
import { FlowMemory, idleUnits } from './flow-memory.js'
import { type KernelAnswer, kernelAnswer } from './kernel-tables.js'
import { readManifest, writeManifest } from './manifest.js'
import { NextHops } from './next-hops.js'
import { type Pool, readConfig, type Settings, TableCache } from './read-config.js'

/** Sizes of maps, which are fixed when they are made. */
export interface ForwarderLimits {
  /** Entries of the table of services: one for each 1024 ports of each VIP, and two for the VIP. A power of two, default 16384, at most 2²⁰. */
  services?: number | undefined
  /** Slots of all tables together, two bytes each, in thousands (1024); default 16384, which are 32 MiB. */
  slots?: number | undefined
  /** Default 8192, at most 65,535. */
  backends?: number | undefined
  /** Default 1024. */
  pools?: number | undefined
}

/** What `flowTable` of services takes. */
export interface FlowTableOptions {
  /** Flows that are remembered at most: a power of two, 4 – 2²⁴, default 2²⁰. 16 bytes each. The one that was idle longest makes room. */
  flows?: number | undefined
  /** Seconds without a datagram after which a flow is forgotten, 1 – 86,400, default 60. */
  idle?: number | undefined
}

/** How backends that drain keep their flows without a memory of all flows. */
export interface DrainingOptions {
  /**
   * Seconds after a backend began to drain in which its flows are learned as they send, 1 – 86,400; default `idle` of `flowTable`. New
   * flows that belong to its slots go to it until then.
   */
  learn?: number | undefined
}

/** What of the edge takes replies that backends send back through it. */
export interface ReturnPathOptions {
  /** Addresses of this host that backends send to, at most 64: `source` of their pools. Default: all that the interface has. */
  endpoints?: readonly string[] | undefined
  /** UDP port that GUE comes to, default 6080. */
  guePort?: number | undefined
}

/** Which packets `events` tells of. */
export interface EventOptions {
  /** One packet in so many, at random: a power of two, 1 – 2³⁰, default 1024. */
  sample?: number | undefined
  /** Of the buffer: a power of two, 4096 – 2²⁸, default 262,144. What finds no room in it is not told. */
  bytes?: number | undefined
}

export interface ForwarderOptions extends PinOptions {
  /** Where packets for VIPs come in. */
  interface: string
  /** Default `auto`: in the driver where it can, else in the network stack; `mode` says which. */
  mode?: XdpMode | 'auto' | undefined
  limits?: ForwarderLimits | undefined
  /** Lets services remember their flows. Default: not, which costs nothing, and is as fast for a flood of new flows as for one. */
  flowTable?: FlowTableOptions | undefined
  /**
   * Lets a backend that drains keep its flows, also those of services without `flowTable`: for a time its flows are learned, by the table
   * that the pool had before, and then only those stay there. Costs a packet nothing while nobody drains, and little for those who do
   * not go to who drains. Needs `flowTable`, whose memory it shares. Default: not.
   */
  draining?: DrainingOptions | undefined
  /** Lets services have `quic`. Default: not, which costs nothing. */
  quic?: boolean | undefined
  /**
   * Takes replies out of the tunnels of backends (`return: 'edge'` of `Backend`) and sends them on to the clients: only from members
   * of pools, and only with a VIP and a port of a service as source. The host must forward: `sysctl net.ipv4.ip_forward=1`, and
   * `net.ipv6.conf.all.forwarding=1`. Default: not, which costs nothing.
   */
  returnPath?: ReturnPathOptions | undefined
  /** Lets `events` tell of a sample of packets. Default: not, which costs nothing. */
  events?: EventOptions | undefined
}

export interface ForwarderStats {
  services: readonly ({ name: string } & Traffic)[]
  /** A backend that several pools have is one. */
  backends: readonly ({ id: string; address: string } & Traffic)[]
  /** Packets that were not simply forwarded, by the reason; see `Reason` in `udp-dsr/bpf`. */
  reasons: Readonly<Record<string, Traffic>>
  pools: readonly { name: string; slots: number; bytes: number; digest: string }[]
}

/** What is pinned beside the maps: the configuration that they follow, and where. */
interface Manifest {
  config: ForwarderConfig
  state: EdgeState
}

/** Of what the maps hold and of the manifest. */
const VERSION = 1

const OPTIONS: readonly (keyof ForwarderOptions)[] = [
  'interface',
  'mode',
  'pinPath',
  'limits',
  'flowTable',
  'draining',
  'quic',
  'returnPath',
  'events',
]
const LIMITS = { services: 16_384, slots: 16_384, backends: 8192, pools: 1024 } as const
type Limits = Record<keyof typeof LIMITS, number>
const HIGHEST = { services: 2 ** 20, slots: 2 ** 19, backends: 65_535, pools: 65_535 } as const
/** Fields of services, and the options that they need. */
const NEEDS = [
  ['flowTable', 'flowTable'],
  ['quic', 'quic'],
  ['learnPorts', 'returnPath'],
  ['learnPorts', 'flowTable'],
] as const
const MODES = ['native', 'generic', 'auto'] as const

const DEFAULT_FLOWS = 2 ** 20
const MOST_FLOWS = 2 ** 24
const DEFAULT_IDLE = 60
const LONGEST_IDLE = 86_400
const DEFAULT_SAMPLE = 1024
const DEFAULT_EVENT_BYTES = 2 ** 18
const MOST_ENDPOINTS = 64
/** A page; the map is there without events, too. */
const LEAST_EVENT_BYTES = 4096

/** Milliseconds between two looks at a part of the ways to backends: all of them have been looked at in five seconds. */
const REFRESH_MS = 100

/** Messages about packets that are too big: one a CPU in so many milliseconds, after a burst. */
const ICMP_INTERVAL_MS = 10

/**
 * An edge: forwards datagrams for VIPs to backends, in the kernel (XDP), as a configuration says.
 *
 * Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; Linux 5.15. Packets that are for no service go to the host as
 * ever. When the process ends, so does the forwarding, unless it has a `pinPath`: then it goes on, and the next instance with
 * that path takes it over.
 */
export class Forwarder {
  readonly interface: string
  /** Where the program runs. */
  readonly mode: XdpMode
  readonly #on: NetworkInterface
  /** Whether it found a data plane at `pinPath`, and took it over with its configuration. */
  readonly adopted: boolean
  readonly #plane: DataPlane<typeof edgeObject>
  readonly #tables: EdgeTables
  readonly #hops: NextHops
  readonly #timer: NodeJS.Timeout
  readonly #options: Read
  readonly #ending = new AbortController()
  readonly #cache = new TableCache()
  #config: ForwarderConfig | undefined
  #settings: Settings | undefined
  #applying: Promise<unknown> = Promise.resolve()
  #ended = false

  private constructor(
    on: NetworkInterface,
    plane: DataPlane<typeof edgeObject>,
    mode: XdpMode,
    options: Read,
    manifest: Manifest | undefined,
  ) {
    this.interface = on.name
    this.mode = mode
    this.#on = on
    this.adopted = plane.adopted
    this.#plane = plane
    this.#options = options
    this.#config = manifest?.config
    this.#settings = manifest && readConfig(manifest.config, this.#cache)
    const adopted = manifest && { settings: this.#settings!, state: manifest.state }
    const memory = options.flowTable && new FlowMemory(plane.maps.flows, options.flowTable.idle)
    const returnPath = options.returnPath !== undefined
    this.#tables = new EdgeTables(plane.maps, { memory, returnPath, learn: options.draining?.learn }, adopted)
    this.#hops = new NextHops(on)
    this.#hops.watch(backendsOf(this.#settings).map(({ address }) => address))
    this.#timer = setInterval(() => this.#refresh(), REFRESH_MS)
    this.#timer.unref()
  }

  /**
   * Attaches the edge's program. It forwards nothing before the first `apply`. With a `pinPath` where another instance left its
   * data plane, that goes on with its configuration, and the program is exchanged under way: each packet goes through the old
   * one or the new one. A change that the other instance was in the middle of is carried out.
   *
   * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_PERMISSION, ERR_BPF_INTERFACE, ERR_BPF_BUSY,
   * ERR_BPF_NO_NATIVE_XDP, ERR_BPF_VERIFIER, ERR_BPF_SYSTEM; with `pinPath` ERR_BPF_FILESYSTEM, ERR_BPF_LOCKED (another instance
   * has it), ERR_BPF_INCOMPATIBLE (other limits, interface, mode or version); UnsupportedKernelError; UnsupportedPlatformError
   */
  static async attach(options: ForwarderOptions): Promise<Forwarder> {
    const read = readOptions(options)
    const { mode, limits, pinPath, flowTable, quic, returnPath, events } = read
    const on = interfaceByName(options.interface)
    const buckets = limits.services // four places for each entry: see AddressTable
    const plane = DataPlane.load(edgeObject, {
      pinPath,
      entries: {
        services: buckets,
        serviceTable: Math.min(limits.services, HIGHEST.backends),
        serviceCounters: Math.min(limits.services, HIGHEST.backends),
        slots: limits.slots,
        backends: limits.backends,
        backendCounters: limits.backends,
        pools: limits.pools,
        flows: flowTable?.sets ?? 1,
        quicServers: quic ? limits.backends : 1,
        sources: returnPath ? limits.backends : 1,
        events: events?.bytes ?? LEAST_EVENT_BYTES,
      },
      settings: settingsOf(EdgeSettings, edgeSettings(buckets, read)),
    })
    try {
      const manifest = plane.folder && readManifest<Manifest>(plane.folder, VERSION)
      const attached = plane.attachXdp(plane.programs.edge, on, mode)
      if (returnPath) nameEndpoints(plane.maps.endpoints, on, returnPath)
      return new Forwarder(on, plane, attached, read, manifest)
    } catch (error) {
      plane.abandon()
      throw error
    }
  }

  /**
   * Follows a configuration. It is checked as a whole first, and what fails changes nothing. Each packet is treated by the
   * old configuration or by the new one. Waits up to a second for neighbours that do not answer. Calls are carried out one after the other.
   *
   * @returns what is different now, and addresses of backends that are up and that no way was found to
   * @throws ArgumentTypeError, ArgumentRangeError (names are paths: `config.services[3].ports[1]`); BpfError
   * ERR_BPF_MAP_FULL; ForwarderError ERR_FORWARDER_DETACHED
   */
  apply(config: ForwarderConfig): Promise<ForwarderChange & { unreachable: string[] }> {
    const applied = this.#applying.catch(() => {}).then(() => this.#apply(config))
    this.#applying = applied
    return applied
  }

  /** The configuration that is followed; undefined before the first `apply`. */
  get config(): ForwarderConfig | undefined {
    return this.#config
  }

  /** What went where since the services and backends were added. @throws ForwarderError ERR_FORWARDER_DETACHED */
  stats(): ForwarderStats {
    this.#checkAttached()
    const { maps } = this.#plane
    const reasons = Object.entries(Reason).filter(([name, index]) => index < Reason.count && name !== 'forwarded')
    const pools = [...(this.#settings?.pools.values() ?? [])]
    return {
      services: [...this.#tables.services].map(([name, { counters }]) => ({
        name,
        ...trafficOf(maps.serviceCounters, counters),
      })),
      backends: this.#tables.counted.map(({ counters, ...backend }) => ({
        ...backend,
        ...trafficOf(maps.backendCounters, counters),
      })),
      reasons: Object.fromEntries(reasons.map(([name, index]) => [name, trafficOf(maps.reasonCounters, index)])),
      pools: pools.map(({ name, table }) => ({
        name,
        slots: table.size,
        bytes: this.#tables.bytesOf(name),
        digest: table.digest,
      })),
    }
  }

  /**
   * Where a flow goes, and why: the same answer that the kernel gives its packets.
   *
   * @param flow `local` is the VIP and its port
   * @param datagram what it carries: for services with `quic`
   * @throws ArgumentTypeError, ArgumentRangeError; ForwarderError ERR_FORWARDER_DETACHED
   */
  explain(flow: Flow, datagram?: Uint8Array): EdgeExplanation {
    this.#checkAttached()
    const kept: Kept = (pool, hash, key) => this.#tables.kept(pool, hash, key)
    return explainFlow(this.#settings, flow, (key) => this.#tables.remembered(key), datagram, kept)
  }

  /**
   * What the kernel's tables have for a flow: the same backend that `explain` names, unless the flow is remembered, its port owned, or
   * its datagram names somebody.
   *
   * @throws ArgumentTypeError, ArgumentRangeError; ForwarderError ERR_FORWARDER_DETACHED
   */
  inspect(flow: Flow): KernelAnswer {
    this.#checkAttached()
    if (flow.local === undefined) throw missingArgument('flow.local')
    return kernelAnswer(this.#plane.maps, flow)
  }

  /**
   * Tells of a sample of the packets, as `events` of `attach` says: `for await (const event of edge.events())`. Ends with `signal`,
   * with the loop, or with this instance. All loops share the sample: each event comes to one of them.
   *
   * @throws ForwarderError ERR_FORWARDER_DETACHED, ERR_FORWARDER_NO_EVENTS
   */
  events({ signal }: { signal?: AbortSignal | undefined } = {}): AsyncGenerator<EdgeEvent, void, undefined> {
    this.#checkAttached()
    if (this.#options.events === undefined) throw forwarderNoEvents()
    const ends = [this.#ending.signal, ...(signal ? [signal] : [])]
    return readEvents(this.#plane.maps.events, () => this.#counterNames(), AbortSignal.any(ends))
  }

  #counterNames(): CounterNames {
    const services = new Map([...this.#tables.services].map(([name, { counters }]) => [counters, name]))
    const backends = new Map(this.#tables.counted.map(({ counters, ...backend }) => [counters, backend]))
    return { service: (counters) => services.get(counters), backend: (counters) => backends.get(counters) }
  }

  /** Takes the program and all pins away; packets for VIPs go to the host from now on. */
  async detach(): Promise<void> {
    if (await this.#end()) this.#plane.detach()
  }

  /** Ends this instance. With a `pinPath` the data plane goes on as it is, else it is taken away. */
  async close(): Promise<void> {
    if (await this.#end()) this.#plane.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** @returns whether it had not ended before */
  async #end(): Promise<boolean> {
    if (this.#ended) return false
    this.#ended = true
    this.#ending.abort()
    clearInterval(this.#timer)
    await this.#applying.catch(() => {})
    this.#tables.close()
    return true
  }

  async #apply(config: ForwarderConfig): Promise<ForwarderChange & { unreachable: string[] }> {
    this.#checkAttached()
    const settings = readConfig(config, this.#cache)
    this.#checkOptions(settings)
    const backends = backendsOf(settings)
    const addresses = backends.map(({ address }) => address)
    const serving = backends.filter(({ state, weight }) => state === 'up' && weight > 0).map(({ address }) => address)
    await this.#hops.find(addresses, serving)
    this.#checkAttached()
    const { folder } = this.#plane
    const written = writable(config)
    const save =
      folder && ((state: EdgeState) => writeManifest(folder, VERSION, { config: written, state } satisfies Manifest))
    const change = this.#tables.apply(settings, this.#hops.to, save)
    this.#settings = settings
    this.#config = written
    this.#hops.keep(addresses)
    return { ...change, unreachable: this.#hops.unknown(serving) }
  }

  #checkOptions({ services }: Settings): void {
    for (const [field, option] of NEEDS) {
      const i = services.findIndex((service) => service[field])
      if (i < 0 || this.#options[option]) continue
      throw invalidArgValue(`config.services[${i}].${field}`, `needs the option ${option} of Forwarder.attach`, true)
    }
  }

  #refresh(): void {
    if (this.#settings === undefined) return
    this.#tables.endLearning(Date.now())
    if (this.#hops.refresh()) this.#tables.updateHops(this.#hops.to)
  }

  #checkAttached(): void {
    if (this.#ended) throw forwarderDetached(this.#on.name)
  }
}

function backendsOf(settings: Settings | undefined): Pool['backends'] {
  return [...(settings?.pools.values() ?? [])].flatMap((pool) => pool.backends)
}

/** Makes the map have the addresses that replies are taken at, and no others. */
function nameEndpoints(
  map: BpfMap,
  on: NetworkInterface,
  { endpoints, guePort }: NonNullable<Read['returnPath']>,
): void {
  const addresses = endpoints ?? addressesOf(on.ifindex).map(mapped)
  if (addresses.length > MOST_ENDPOINTS) {
    const what = `must name those that backends send replies to, at most ${MOST_ENDPOINTS}: ${on.name} has ${addresses.length}`
    throw invalidArgValue('options.returnPath.endpoints', what, endpoints)
  }
  const wanted = new Map(addresses.map((address) => [textOf(address), encode(SourceKey, { address })]))
  for (const key of [...map.keys()]) if (!wanted.has(textOf(decode(SourceKey, key).address))) map.delete(key)
  for (const key of wanted.values()) map.update(key, encode(Endpoint, { guePort }))
}

function edgeSettings(buckets: number, { flowTable, draining, quic, returnPath, events }: Read): EdgeSettings {
  return {
    flowTable: Number(flowTable !== undefined),
    draining: Number(draining !== undefined),
    quic: Number(quic),
    learnedPorts: Number(returnPath !== undefined && flowTable !== undefined),
    fragments: 1,
    fib: 1,
    events: Number(events !== undefined),
    returnPath: Number(returnPath !== undefined),
    eventMask: events ? events.sample - 1 : 0,
    buckets,
    flowSets: flowTable?.sets ?? 1,
    flowIdle: flowTable?.idle ?? 0,
    icmpInterval: ICMP_INTERVAL_MS,
  }
}

/** Options that have been checked. */
interface Read {
  mode: XdpMode | 'auto'
  limits: Limits
  pinPath: string | undefined
  /** Sets of the map `flows`, and units of 2³⁰ ns. */
  flowTable: { sets: number; idle: number } | undefined
  /** Milliseconds. */
  draining: { learn: number } | undefined
  quic: boolean
  returnPath: { endpoints: readonly MappedAddress[] | undefined; guePort: number } | undefined
  events: { sample: number; bytes: number } | undefined
}

function readOptions(options: ForwarderOptions): Read {
  checkOptions(options, OPTIONS)
  checkPinPath(options)
  checkString('options.interface', options.interface)
  const { mode = 'auto' } = options
  if (!MODES.includes(mode))
    throw invalidArgValue('options.mode', `must be one of ${MODES.map((one) => `'${one}'`).join(', ')}`, mode)
  const limits: Limits = { ...LIMITS }
  if (options.limits !== undefined) {
    for (const name of Object.keys(LIMITS) as (keyof typeof LIMITS)[]) {
      const limit = options.limits[name]
      if (limit === undefined) continue
      checkInteger(`options.limits.${name}`, limit, 1, HIGHEST[name])
      limits[name] = limit
    }
  }
  checkPowerOfTwo('options.limits.services', limits.services, 1, HIGHEST.services)
  const { pinPath, flowTable, draining, quic = false, returnPath, events } = options
  if (typeof quic !== 'boolean') throw invalidArgType('options.quic', 'of type boolean', quic)
  return {
    mode,
    limits,
    pinPath,
    flowTable: flowTable && readFlowTable(flowTable),
    draining: draining && readDraining(draining, flowTable),
    quic,
    returnPath: returnPath && readReturnPath(returnPath),
    events: events && readEventOptions(events),
  }
}

function readFlowTable(options: FlowTableOptions): Read['flowTable'] {
  checkProperties('flowTable', options, ['flows', 'idle'])
  const { flows = DEFAULT_FLOWS, idle = DEFAULT_IDLE } = options
  checkPowerOfTwo('options.flowTable.flows', flows, FlowConstant.flowWays, MOST_FLOWS)
  checkInteger('options.flowTable.idle', idle, 1, LONGEST_IDLE)
  return { sets: flows / FlowConstant.flowWays, idle: idleUnits(idle) }
}

function readDraining(options: DrainingOptions, flowTable: FlowTableOptions | undefined): Read['draining'] {
  checkProperties('draining', options, ['learn'])
  if (flowTable === undefined) throw invalidArgValue('options.draining', 'needs the option flowTable', options)
  const { learn = flowTable.idle ?? DEFAULT_IDLE } = options
  checkInteger('options.draining.learn', learn, 1, LONGEST_IDLE)
  return { learn: learn * 1000 }
}

function readReturnPath(options: ReturnPathOptions): Read['returnPath'] {
  checkProperties('returnPath', options, ['endpoints', 'guePort'])
  const { endpoints, guePort = GUE_PORT } = options
  checkInteger('options.returnPath.guePort', guePort, 1, 65_535)
  if (endpoints === undefined) return { endpoints: undefined, guePort }
  const name = 'options.returnPath.endpoints'
  if (!Array.isArray(endpoints)) throw invalidArgType(name, 'an array of addresses', endpoints)
  if (endpoints.length < 1 || endpoints.length > MOST_ENDPOINTS)
    throw outOfRange(`${name}.length`, `>= 1 && <= ${MOST_ENDPOINTS}`, endpoints.length)
  return { endpoints: endpoints.map((address, i) => readAddress(`${name}[${i}]`, address)), guePort }
}

function readEventOptions(options: EventOptions): Read['events'] {
  checkProperties('events', options, ['sample', 'bytes'])
  const { sample = DEFAULT_SAMPLE, bytes = DEFAULT_EVENT_BYTES } = options
  checkPowerOfTwo('options.events.sample', sample, 1, 2 ** 30)
  checkPowerOfTwo('options.events.bytes', bytes, LEAST_EVENT_BYTES, 2 ** 28)
  return { sample, bytes }
}
