import { interfaceByName, type NetworkInterface } from '../bpf/index.js'
import { checkInteger, checkOptions, checkPort, checkString } from '../errors/checks.js'
import { invalidArgType, invalidArgValue, missingArgument } from '../errors.js'
import { thread } from '../internal/thread.js'
import { type Address, isLoopback, readAddress } from './address.js'

/** How packets get from the edge to the backends: docs/run-an-edge.md. */
export type Delivery = 'l2' | 'ipip' | 'gue' | 'proxy'

export interface HostOptions {
  /** `edge`: takes packets for VIPs and hands them to backends. `backend`: runs the program, and answers clients. */
  role: 'edge' | 'backend'
  /** Addresses that clients ask. Without any only what every host needs is looked at. */
  vips: readonly string[]
  /** Where packets for VIPs come in. Default: where the route to the clients leaves. */
  interface?: string | undefined
  /** UDP ports that the program always has open, of a range a few. Without them nothing is said about listeners and firewalls. */
  ports?: readonly number[] | undefined
  /** Default `l2`. */
  delivery?: Delivery | undefined
  /** On a backend: addresses that edges send from. */
  edges?: readonly string[] | undefined
  /** On an edge: addresses of the backends. */
  backends?: readonly string[] | undefined
  /** Where clients may be, for questions to the routing tables; nothing is sent there. Default: one somewhere on the Internet. */
  clients?: readonly string[] | undefined
  /** Bytes of IP packet that the way between edge and backend takes. Default: what the interfaces have. */
  mtu?: number | undefined
  /** Bytes of the largest IP packet that clients send. Default 1500, or less where they come in on an interface that takes less. */
  clientMtu?: number | undefined
  /** Directory for the pins of a data plane; it is seen whether it can be one. */
  pinPath?: string | undefined
  /** Milliseconds for which counters of lost packets are watched, 0 – 60,000; default 250. */
  watch?: number | undefined
}

/** The options, read. */
export interface Situation {
  role: 'edge' | 'backend'
  vips: readonly Address[]
  /** Undefined when none was named and no route leads to clients. */
  interface: NetworkInterface | undefined
  ports: readonly number[]
  delivery: Delivery
  edges: readonly Address[]
  backends: readonly Address[]
  clients: readonly Address[]
  mtu: number | undefined
  clientMtu: number | undefined
  pinPath: string | undefined
  watch: number
}

const OPTIONS: readonly (keyof HostOptions)[] = [
  'role',
  'vips',
  'interface',
  'ports',
  'delivery',
  'edges',
  'backends',
  'clients',
  'mtu',
  'clientMtu',
  'pinPath',
  'watch',
]
const DELIVERIES: readonly Delivery[] = ['l2', 'ipip', 'gue', 'proxy']
/** Stands for everybody: addresses on the Internet, of which only the default route knows. */
const SOMEBODY = ['9.9.9.9', '2620:fe::fe']
const DEFAULT_WATCH_MS = 250
const LONGEST_WATCH_MS = 60_000
/** The least that a host must take (RFC 791), and the most that IPv4's length field can say. */
const SMALLEST_MTU = 68
const LARGEST_MTU = 65_535

/**
 * @throws ArgumentTypeError, ArgumentRangeError; BpfError ERR_BPF_INTERFACE (no such interface); UnsupportedPlatformError
 */
export function readOptions(options: HostOptions): Situation {
  checkOptions(options, OPTIONS)
  const { role, delivery = 'l2', mtu, clientMtu, pinPath, watch = DEFAULT_WATCH_MS } = options
  if (role === undefined) throw missingArgument('options.role')
  if (role !== 'edge' && role !== 'backend') throw invalidArgValue('options.role', "must be 'edge' or 'backend'", role)
  if (!DELIVERIES.includes(delivery)) {
    throw invalidArgValue('options.delivery', `must be one of ${DELIVERIES.join(', ')}`, delivery)
  }
  const vips = addresses('vips', options.vips)
  if (mtu !== undefined) checkInteger('options.mtu', mtu, SMALLEST_MTU, LARGEST_MTU)
  if (clientMtu !== undefined) checkInteger('options.clientMtu', clientMtu, SMALLEST_MTU, LARGEST_MTU)
  checkInteger('options.watch', watch, 0, LONGEST_WATCH_MS)
  if (pinPath !== undefined) checkString('options.pinPath', pinPath)
  if (options.interface !== undefined) checkString('options.interface', options.interface)
  const clients = addresses('clients', options.clients ?? SOMEBODY)
  return {
    role,
    vips,
    interface: options.interface === undefined ? towards(clients, vips) : interfaceByName(options.interface),
    ports: list('ports', options.ports ?? []).map((port, i) => checkPort(port, false, `options.ports[${i}]`)),
    delivery,
    edges: addresses('edges', options.edges ?? []),
    backends: addresses('backends', options.backends ?? []),
    clients,
    mtu,
    clientMtu,
    pinPath,
    watch,
  }
}

function list(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidArgType(`options.${name}`, 'an instance of Array', value)
  return value
}

function addresses(name: string, value: unknown): Address[] {
  return list(name, value).map((text, i) => readAddress(`options.${name}[${i}]`, text))
}

/** The interface that the route to clients leaves through. */
function towards(clients: readonly Address[], vips: readonly Address[]): NetworkInterface | undefined {
  const { addon } = thread()
  for (const client of clients.filter(({ version }) => vips.some((vip) => vip.version === version))) {
    const route = addon.netlink.route(client.bytes)
    if (typeof route === 'number' || route.ifindex === undefined) continue
    const name = addon.interfaceName(route.ifindex)
    if (name !== '' && name !== 'lo') return interfaceByName(name)
  }
  return undefined
}

/** The client that stands for those of a VIP; undefined when none is of its version, and for VIPs that never leave this host. */
export function clientOf({ clients }: Situation, vip: Address): Address | undefined {
  return isLoopback(vip) ? undefined : clients.find(({ version }) => version === vip.version)
}
