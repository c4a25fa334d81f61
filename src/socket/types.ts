import type { BindOptions as DgramBindOptions, SocketOptions as DgramSocketOptions } from 'node:dgram'
import type { BlockList } from 'node:net'
import type { ProxyHeader } from '../proxy/types.js'
import type { PinAffinity, PinFlowsOptions } from './pin-flows/options.js'
import type { ProxyProtocolOptions } from './proxy/options.js'

export type { PinAffinity, PinFlowsOptions } from './pin-flows/options.js'
export type { ProxyProtocolOptions, ProxySessionLimits } from './proxy/options.js'

/** Address family as `node:dgram` spells it. */
export type Family = 'IPv4' | 'IPv6'

/** The local end of a received datagram. */
export interface LocalAddress {
  /**
   * Destination address of the datagram: what the client spoke to (`ipi_addr` of IP_PKTINFO,
   * `ipi6_addr` of IPV6_PKTINFO; ip(7), RFC 3542 §6.1). An IPv6 link-local address ends in `%interface`.
   * On a dual-stack socket an IPv4 destination is written `::ffff:a.b.c.d`, as dgram writes its peers.
   */
  address: string
  family: Family
  /** Port the datagram was sent to: the socket's own, or the original one with `transparent` (0–65535). */
  port: number
  /** Index of the interface it arrived on (`if_nameindex(3)`); 0 when the kernel did not say. */
  ifindex: number
  /**
   * Address that a reply leaves from. Equal to `address` for unicast; for multicast and broadcast, whose
   * address may not be a source, the interface's own (`ipi_spec_dst`), or `::` to let the kernel choose.
   */
  source: string
}

/** The other end of a datagram. */
export interface RemoteEnd {
  address: string
  family: Family
  /** 0–65535. */
  port: number
}

/** What is known about a received datagram: dgram's `RemoteInfo`, and the local end. Plain data, safe to keep. */
export interface RemoteInfo {
  /** Source address on the wire; behind a proxy (`proxyProtocol`) the client's. */
  address: string
  family: Family
  /** Source port on the wire, or the client's, 0–65535. */
  port: number
  /** Payload length in bytes, 0–65507, over IPv6 0–65527. */
  size: number
  local: LocalAddress
  /** Received IPv4 TOS octet or IPv6 traffic class, 0–255. */
  tos: number
  /** The two ECN bits of `tos` (RFC 3168 §5): 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
  ecn: number
  /** True when the payload was cut (MSG_TRUNC). */
  truncated: boolean
  /** The proxy as seen on the wire, when its header was believed (`proxyProtocol`). */
  via?: RemoteEnd
  /** That header. `proxy.destination` is what the client spoke to. */
  proxy?: ProxyHeader
}

/** Which local end a datagram leaves from, and how it is marked. */
export interface SendOptions {
  /**
   * Source of the datagram: `address` as in `rinfo.local.source`, `ifindex` to force the interface.
   * Needs an address that is local to the host: `ip route add local ADDRESS dev lo` makes it so.
   */
  from?: { address?: string; ifindex?: number } | undefined
  /** ECN bits to send, 0–3 (RFC 3168 §5). */
  ecn?: 0 | 1 | 2 | 3 | undefined
  /** Whole TOS octet or traffic class, 0–255; `ecn` replaces its two low bits. */
  tos?: number | undefined
}

/** Limits of the queue that holds datagrams while the kernel's send buffer is full. */
export interface SendQueueLimits {
  /** Payload bytes, default 4 MiB. */
  bytes?: number
  /** Datagrams, default 4096. */
  datagrams?: number
}

/** Options of `createSocket` and `PktInfoSocket.bind`: dgram's own, and those that dgram lacks. */
export interface SocketOptions
  extends Omit<DgramSocketOptions, 'type' | 'reusePort' | 'receiveBlockList' | 'sendBlockList'> {
  type: 'udp4' | 'udp6'
  /** Datagrams from these addresses are passed over; dgram has it since Node 22.13. */
  receiveBlockList?: BlockList
  /** Datagrams to these addresses fail with `ERR_IP_BLOCKED`; dgram has it since Node 22.13. */
  sendBlockList?: BlockList
  /** SO_REUSEPORT: several sockets share the port and the kernel spreads flows over them. Linux 3.9. */
  reusePort?: boolean
  /**
   * With `reusePort`: each client stays on the socket that it first reached, in whatever thread or process, while others
   * come and go; the clients of a socket that is gone are spread over the rest, and come back when its place is taken
   * again. `true` or `'client-ip-port'`: by address and port of the sender on the wire; `'client-ip'`: by its address.
   *
   * All sockets of the port must have it (one without gets no datagrams), at most 64. Needs Linux 5.8, CAP_BPF and
   * CAP_PERFMON (or root), and a BPF filesystem, in most systems mounted at `/sys/fs/bpf`. `bind` fails with
   * FlowGroupError where sockets do not come together.
   */
  pinFlows?: boolean | PinAffinity | PinFlowsOptions
  /**
   * Bind to addresses that are not local yet (IP_FREEBIND; IPv6 needs Linux 4.15). An IPv6 socket may then also send from
   * any address; IPv4 sends from those that are local by then.
   */
  freebind?: boolean
  /**
   * Send from any address, and learn the original destination, address and port, under TPROXY (IP_TRANSPARENT;
   * CAP_NET_ADMIN). A reply leaves from that address but from the socket's own port: IP_PKTINFO carries none.
   */
  transparent?: boolean
  /** Use this interface only (SO_BINDTODEVICE; unprivileged since Linux 5.7). */
  bindToDevice?: string
  /** Range that the kernel takes a port from when binding to port 0 (IP_LOCAL_PORT_RANGE, Linux 6.3). */
  localPortRange?: readonly [low: number, high: number]
  /** Delay the choice of a port from bind to connect (IP_BIND_ADDRESS_NO_PORT, Linux 4.2). */
  bindAddressNoPort?: boolean
  /** Deliver ICMP errors as `'peerError'` events (IP_RECVERR); never fatal. */
  receiveErrors?: boolean
  /** Let the kernel hand over several datagrams of a flow at once (UDP_GRO, Linux 5.0). They are still delivered one by one. */
  gro?: boolean
  /** Merge consecutive datagrams of one size to one peer into one send (UDP_SEGMENT, Linux 4.18). */
  gso?: boolean
  /**
   * Where a datagram came within so many microseconds of the one before, the socket goes on asking for the next for so
   * long before it sleeps, 0–1,000,000; default 20, about what a wake-up costs. More answers faster under even traffic,
   * at the price of a core that looks busy; 0 always sleeps.
   */
  busyPoll?: number
  /** Read the PROXY protocol (v1, v2, SPP) that proxies put before the payload, and see the clients behind them. */
  proxyProtocol?: ProxyProtocolOptions
  sendQueue?: SendQueueLimits
}

/** Where to bind: dgram's options. `fd` adopts an open UDP socket. */
export interface BindOptions extends DgramBindOptions {}

/** Options of `PktInfoSocket.bind`; `address` defaults to the wildcard, `port` to 0 (the kernel chooses). */
export interface OpenOptions extends SocketOptions, BindOptions {}

/** Counters since the socket was made. */
export interface SocketStats {
  /** Datagrams delivered by the kernel. */
  received: number
  /** Datagrams accepted by the kernel. */
  sent: number
  /** `recvmmsg` calls that brought at least one datagram. */
  batches: number
  /** Datagrams whose payload was cut. */
  truncated: number
  /** Datagrams that the kernel dropped because the receive buffer was full (SO_MEMINFO, else SO_RXQ_OVFL). */
  droppedByKernel: number
  /** Datagrams that an async iterator dropped because its reader was slow. */
  droppedByQueue: number
  /** Datagrams that could not be sent. */
  sendErrors: number
  /** Receive calls that failed, mostly ICMP errors on a connected socket. */
  receiveErrors: number
  /** Datagrams that wait for room in the kernel's send buffer. */
  queued: number
  /** With `proxyProtocol`: what became of the headers. */
  proxy?: ProxyStats
}

/** Datagrams by what became of their PROXY header, and the sessions of `mode: 'first'`. */
export interface ProxyStats {
  /** Delivered with a header that was believed, their own or their session's. */
  accepted: number
  /** From senders that are not trusted; dropped, but passed on untouched with `required: false`. */
  untrusted: number
  /** From trusted senders, without a header; dropped, but passed on with `required: false`. */
  missing: number
  /** From trusted senders, with a header that is broken; dropped. */
  invalid: number
  /** Sessions remembered now. */
  sessions: number
  /** Sessions that gave way to new ones before their time. */
  evicted: number
}

/** An ICMP error that a peer or a router sent back (`receiveErrors`). */
export interface PeerError {
  /** Node's name of the error: `ECONNREFUSED`, `EHOSTUNREACH`, `EMSGSIZE`, … */
  code: string
  errno: number
  /** Where the failed datagram went. */
  address: string
  port: number
  /** Who reported it: `'icmp'`, `'icmp6'` or `'local'` (`ee_origin`, ip(7)). */
  origin: 'icmp' | 'icmp6' | 'local' | 'other'
  /** ICMP type and code. */
  type: number
  icmpCode: number
  /** Path MTU for `EMSGSIZE`, else 0. */
  mtu: number
  /** The router or host that sent the ICMP message, when known. */
  offender: string | undefined
}

/**
 * The datagrams of one `recvmmsg`, on `'batch'`. Views over memory that is used again: everything read
 * from a batch is valid until the listener returns. Copy what you keep (`Buffer.from(batch.payload(i))`).
 */
export interface Batch {
  /** Number of datagrams, 1 or more; indices run from 0. */
  readonly length: number
  /** Payload of datagram `i`, a view. It may be changed in place before it is sent back. */
  payload(i: number): Buffer
  /** Payload length in bytes. */
  size(i: number): number
  /** Source on the wire. */
  peer(i: number): RemoteEnd
  /** The client: behind a proxy the source that its header names, else the peer. */
  client(i: number): RemoteEnd
  /** The PROXY header of datagram `i`, or of its session; undefined when there is none (`proxyProtocol`). */
  proxy(i: number): ProxyHeader | undefined
  /** Destination it came to. */
  local(i: number): LocalAddress
  /** Everything about datagram `i`, safe to keep. */
  rinfo(i: number): RemoteInfo
  /** Received TOS octet or traffic class. */
  tos(i: number): number
  /** True when the payload was cut. */
  truncated(i: number): boolean
  /**
   * Queues a reply to datagram `i`, from the address that it came to; behind a proxy as `proxyProtocol.reply` says.
   * Bytes are read when the listener returns (one `sendmmsg`), so leave them alone until then.
   */
  reply(i: number, bytes: Uint8Array): void
  /** Queues a datagram to anyone. The bytes are copied at once. */
  send(bytes: Uint8Array, port: number, address: string, options?: SendOptions): void
}
