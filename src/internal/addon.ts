import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { unsupportedPlatform } from '../errors.js'

/** First argument of a socket's listener (`UdpSocket::Event` in native/src/udp_socket.h). */
export const SocketEvent = {
  /** `value` datagrams lie in the region; those before its cursor were taken already. */
  datagrams: 0,
  /** The kernel's send buffer has room again. */
  writable: 1,
  /** Receiving failed with errno `value`. */
  receiveError: 2,
  /** The socket's error queue has an entry. */
  errorQueue: 3,
} as const

/** An entry of the error queue; `struct sock_extended_err`, ip(7). Addresses are in the region's name path. */
export interface QueuedError {
  errno: number
  origin: number
  type: number
  code: number
  info: number
  /** 4 or 6 when the offender is known, else 0. */
  offenderFamily: number
}

/** A socket of the addon. What returns a status returns 0 or −errno. Addresses pass through the region's name path. */
export interface NativeSocket {
  /** The descriptor, −1 when there is none. */
  readonly fd: number
  open(family: 4 | 6): number
  /** Takes over an open UDP socket if it is of this family; returns its family, 4 or 6, or −errno. */
  adopt(fd: number, family: 4 | 6): number
  setInt(level: number, name: number, value: number): number
  getInt(level: number, name: number): number
  setBytes(level: number, name: number, value: Uint8Array): number
  getBytes(level: number, name: number, into: Uint8Array): number
  bind(): number
  connect(): number
  disconnect(): number
  localName(): number
  /** −ENOTCONN when the socket has no peer. */
  peerName(): number
  /** Begins to receive. The socket stays alive until it is closed. */
  start(listener: (event: number, value: number) => void): number
  /** Sends staged datagrams `[from, to)`; returns the first that was not taken, its errno is in the region's state. */
  flush(from: number, to: number): number
  takeError(): QueuedError | undefined
  /** Merge consecutive datagrams to one peer (UDP_SEGMENT). */
  mergeSends(merge: boolean): void
  /** The socket has IP_RECVERR: a send that fails is tried again, for the error may be an earlier datagram's. */
  queueErrors(queued: boolean): void
  /** How long to go on asking for a datagram that is expected before sleeping. */
  busyPoll(microseconds: number): void
  watchWritable(watch: boolean): void
  setRef(ref: boolean): void
  close(): void
}

/** Offsets in bytes into the shared region, from native/src/layout.h. */
export interface Layout {
  state: number
  datagrams: number
  paths: number
  sends: number
  scratch: number
  slab: number
  scratchBytes: number
  slots: number
  maxDatagrams: number
  maxSends: number
  sendPaths: number
  namePath: number
  pathBytes: number
  pathPeerPort: number
  pathPeerScope: number
  pathPeer: number
  pathLocalPort: number
  pathIfindex: number
  pathLocal: number
  pathSource: number
  pathOutIfindex: number
  pathTos: number
}

/**
 * bpf(2), and flock(2) for what is shared through it. What returns a status returns 0 or −errno, what returns a descriptor
 * −errno when it fails. Descriptors are the thread's until `close`, and are closed with it. Keys and values must be as long
 * as the map's are (of a per-CPU map: 8-byte multiples for each possible CPU); nothing checks that.
 */
export interface BpfCalls {
  /** Returns a descriptor. `name` has at most 15 characters of `A–Z a–z 0–9 _ .` */
  createMap(type: number, keyBytes: number, valueBytes: number, entries: number, flags: number, name: string): number
  updateMap(map: number, key: NodeJS.TypedArray, value: NodeJS.TypedArray, flags: number): number
  lookupMap(map: number, key: NodeJS.TypedArray, value: NodeJS.TypedArray): number
  deleteFromMap(map: number, key: NodeJS.TypedArray): number
  /** The key behind `key`, or the first, into `next`; −ENOENT behind the last. */
  nextKey(map: number, key: NodeJS.TypedArray | undefined, next: NodeJS.TypedArray): number
  /** Keys and values one behind the other. Linux 5.6. */
  updateBatch(map: number, keys: NodeJS.TypedArray, values: NodeJS.TypedArray, count: number): number
  /** No system call writes to the map any more. Linux 5.2. */
  freezeMap(map: number): number
  /** The memory of an array map that has BPF_F_MMAPABLE, or of a ring buffer; −errno when it fails. */
  memoryOf(map: number, offset: number, length: number, writable: boolean): ArrayBuffer | number
  /** Returns a descriptor. `log` gets what the verifier says, as text that ends with a zero octet. */
  loadProgram(
    type: number,
    instructions: Uint8Array,
    name: string,
    attachType: number,
    flags: number,
    log: Uint8Array | undefined,
  ): number
  /** BPF_PROG_TEST_RUN. `result` gets verdict, ns of one run, bytes of data and of context. */
  testProgram(
    program: number,
    data: Uint8Array | undefined,
    dataOut: Uint8Array | undefined,
    context: Uint8Array | undefined,
    contextOut: Uint8Array | undefined,
    repeat: number,
    flags: number,
    batch: number,
    result: Uint32Array,
  ): number
  /** Returns a descriptor. `target` is an interface's index, or the descriptor of a control group. */
  createLink(program: number, target: number, attachType: number, flags: number): number
  updateLink(link: number, program: number): number
  /** Linux 5.9. */
  detachLink(link: number): number
  pin(descriptor: number, path: string): number
  /** Returns a descriptor. */
  get(path: string): number
  /** Returns a descriptor. `command` is BPF_PROG_GET_FD_BY_ID or one of its kind. */
  byId(command: number, id: number): number
  /** Bytes of `struct bpf_map_info`, `bpf_prog_info` or `bpf_link_info` that the kernel filled in, or −errno. */
  info(descriptor: number, into: Uint8Array): number
  /** Closes a descriptor that one of these functions returned, and no other. */
  close(descriptor: number): void
  /** Returns when every program that was running has ended (membarrier(2)). */
  gracePeriod(): number
  /** Waits for the exclusive lock of an open file; −EWOULDBLOCK when somebody else holds it all the time. */
  lock(descriptor: number, milliseconds: number): number
}

/** `addresses` and `mac`s are in network order; an address has 4 or 16 bytes. */
export interface LinkInfo {
  name: string
  /** ARPHRD_… of linux/if_arp.h: 1 is Ethernet, 65534 has no link header. */
  type: number
  /** IFF_… of netdevice(7): 1 is up. */
  flags: number
  mtu: number
  mac?: Uint8Array
}

export interface RouteInfo {
  /** RTN_… of rtnetlink(7): 1 is unicast, 2 local. */
  type: number
  ifindex?: number
  gateway?: Uint8Array
  source?: Uint8Array
}

export interface NeighbourInfo {
  /** NUD_… of linux/neighbour.h, bits. */
  state: number
  mac?: Uint8Array
}

/**
 * Interfaces, routes and neighbours of the thread's network namespace (rtnetlink(7)), and filters of traffic control.
 * Everything returns a number, 0 or −errno, where it has nothing else to say. Directions: 0 ingress, 1 egress.
 */
export interface NetlinkCalls {
  link(ifindex: number): LinkInfo | number
  /** The id of the interface's XDP program; 0 when it has none. */
  xdpProgram(ifindex: number): number
  addresses(ifindex: number): Uint8Array[] | number
  /**
   * Where a packet to `address` goes: one that this host sends, from `from` if given; with `ifindex`, one that comes in there.
   * −EXDEV or −EINVAL: it would be dropped, because of its source.
   */
  route(address: Uint8Array, from?: Uint8Array, ifindex?: number): RouteInfo | number
  /** −ENOENT when nobody has asked for it. */
  neighbour(ifindex: number, address: Uint8Array): NeighbourInfo | number
  /** Has the kernel find it out, as a packet to it would. */
  askNeighbour(ifindex: number, address: Uint8Array): number
  /** −EEXIST when it is there. */
  addClsact(ifindex: number): number
  deleteClsact(ifindex: number): number
  /** Makes a filter, or replaces the program of the one that is there, without a gap. */
  setFilter(ifindex: number, direction: number, handle: number, priority: number, program: number, name: string): number
  deleteFilter(ifindex: number, direction: number, handle: number, priority: number): number
}

/**
 * Sockets for outgoing connections. What returns a descriptor or a status returns −errno when it fails. Addresses pass
 * through the region's name path: the local end in `source`, `localPort` and `ifindex`, the remote one in `peer`,
 * `peerPort` and `peerScope`.
 */
export interface EgressCalls {
  /**
   * A TCP socket that gets a port of `[low, high]` when it is connected (`low` 0: any). The address to connect from is in
   * `peer`, zero for any; when `peerPort` is not 0 the socket is bound to that port at once.
   */
  openTcp(version: 4 | 6, low: number, high: number): number
  setPortRange(descriptor: number, low: number, high: number): number
  /** A connected UDP socket, for `NativeSocket.adopt`, with a port for itself, of `[low, high]` when `low` and the local port is 0. */
  openUdp(version: 4 | 6, low: number, high: number): number
  /**
   * A connected UDP socket, for `NativeSocket.adopt`, that shares its local port with others that do the same. −EEXIST: the 4-tuple is somebody's;
   * −EADDRINUSE: the port is not shared; −EBUSY: somebody was opening a socket there for this many milliseconds.
   */
  claimUdp(version: 4 | 6, patience: number): number
  /** Replaces the peer of the name path by the address that routing sends to it from. */
  sourceTo(version: 4 | 6): number
  close(descriptor: number): void
}

export interface Addon {
  readonly memory: ArrayBuffer
  readonly layout: Layout
  readonly UdpSocket: new () => NativeSocket
  readonly bpf: BpfCalls
  readonly egress: EgressCalls
  readonly netlink: NetlinkCalls
  /** Packs the payloads of datagrams `[0, count)` into `target` from `offset` on, each at a multiple of 8 bytes; returns the bytes needed, and copies nothing when there is less room. */
  gather(count: number, target: Uint8Array, offset: number): number
  interfaceIndex(name: string): number
  interfaceName(index: number): string
}

const require = createRequire(import.meta.url)
let loaded: Addon | undefined

/**
 * The addon, loaded on first use so that everything can be imported on every system.
 *
 * @throws UnsupportedPlatformError `ERR_UNSUPPORTED_PLATFORM`
 */
export function addon(): Addon {
  loaded ??= load()
  return loaded
}

function load(): Addon {
  if (process.platform !== 'linux') throw unsupportedPlatform()
  // The same place for sources, bundle and tests: dist/ and src/ are at different depths.
  const root = dirname(require.resolve('udp-dsr/package.json'))
  const native = join(root, 'native')
  try {
    const nodeGypBuild = require('node-gyp-build') as (directory: string) => Addon
    // node-gyp-build reads UDP_DSR_PREBUILD, a folder to take the addon from, for the package's root only.
    const inTree = existsSync(join(native, 'build', 'Release')) && !process.env.UDP_DSR_PREBUILD
    return nodeGypBuild(inTree ? native : root)
  } catch (cause) {
    throw unsupportedPlatform(cause)
  }
}
