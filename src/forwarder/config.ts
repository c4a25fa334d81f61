import type { Affinity, Backend as PoolMember, TableKind } from '../pinning/index.js'

/**
 * How packets get from the edge to a backend.
 *
 * - `l2`: as they are, to the backend's Ethernet address: it is on a segment of the edge's, and has the VIP as a local address
 * - `ipip`: in a tunnel that `Backend`, or the kernel's own tunnel device, undoes; the backend may be anywhere
 * - `gue`: the same in UDP, for networks that pass nothing else or spread flows by ports
 * - `proxy`: addressed to the backend, with a PROXY v2 header before the payload: nothing to set up there but
 *   `PktInfoSocket` with `proxyProtocol: { trusted: [edge], reply: 'direct' }`
 */
export type DeliveryName = 'l2' | 'ipip' | 'gue' | 'proxy'

/** A member of a pool. */
export interface EdgeBackend extends PoolMember {
  /** Where it is: IPv4 or IPv6, of either family whatever the clients have. */
  address: string
  /** With `quicLb` of the pool: its server ID, in hexadecimal digits. */
  serverId?: string | undefined
}

/**
 * How servers of a pool name themselves in QUIC connection IDs (draft-ietf-quic-load-balancers-21), in plaintext: `QuicLbEncoder`
 * of `udp-dsr/pinning` without a key makes such IDs.
 */
export interface EdgeQuicLb {
  /** Configurations in use: 0 – 6, one or several. */
  configIds: readonly number[]
  /** Bytes, 1 – 8. */
  serverIdLength: number
}

/** Backends that do the same work. Services share pools. */
export interface PoolConfig {
  /** At most 65,535 in all pools. */
  backends: readonly EdgeBackend[]
  delivery: DeliveryName
  /** How the table is filled, default `bounded-rendezvous`: see `udp-dsr/pinning`. */
  table?: TableKind | undefined
  /** Slots of the table, two bytes each: a prime or a power of two, 2 – 2²⁰. Default 65536, for `maglev` 65537. */
  tableSize?: number | undefined
  /** Address of the edge that packets come from; default: what the routing table says for each backend. Not for `l2`. */
  source?: string | undefined
  /** Bytes of IP packet that the way to the backends takes, 576–65535. Default: the MTU of the interface that leads there. */
  mtu?: number | undefined
  /** UDP port: for `gue` where the tunnel ends, default 6080; for `proxy` of the server, default the one that the client used, from which alone a server can answer the client itself. */
  port?: number | undefined
  /** For services with `quic`. */
  quicLb?: EdgeQuicLb | undefined
  /** 802.1Q tag of the backends' segment, 1–4094; default none. */
  vlan?: number | undefined
}

/** Which datagrams go to which pool. */
export interface ServiceConfig {
  /** For statistics and messages; its own in the configuration. */
  name: string
  vips: readonly string[]
  /** Ports, and ranges of them, both ends included: `[53, '10000-19999']`. */
  ports: readonly (number | string)[]
  /** Name of a pool. */
  pool: string
  /** Which datagrams stay together, default `client-ip-port`: see `udp-dsr/pinning`. */
  affinity?: Affinity | undefined
  /**
   * Whether fragments are forwarded, default false. They have no ports, so that only one service of a VIP can have them, and
   * only one with the affinity `client-ip`.
   */
  fragments?: boolean | undefined
  /**
   * Whether flows stay with the backend that they have when the pool changes, as long as it is not down and they are not idle;
   * default false. A backend that drains keeps its flows so. Needs `flowTable` of `Forwarder.attach`.
   */
  flowTable?: boolean | undefined
  /**
   * Whether datagrams go to the backend that their QUIC connection ID names, so that clients may move; default false. Those that
   * name nobody who is `up` or `draining` go as others do. Needs `quicLb` of the pool, and `quic` of `Forwarder.attach`.
   */
  quic?: boolean | undefined
  /**
   * Whether a backend owns the ports of the VIP that it sends from, until it has not for `idle` seconds of `flowTable`; default false.
   * So a server that opens ports as it goes (STUN, SIP, games) gets what comes to them, without a plan of ports. Needs
   * `returnPath` and `flowTable` of `Forwarder.attach`, and `return: 'edge'` of the backends.
   */
  learnPorts?: boolean | undefined
  /** Whether the edge answers echo requests to the VIPs, default true. */
  echo?: boolean | undefined
}

/** All that an edge does. */
export interface ForwarderConfig {
  /** Key of the hash, the same on every edge: 8 bytes, or 16 hexadecimal digits (`openssl rand -hex 8`). */
  secret: Uint8Array | string
  pools: Readonly<Record<string, PoolConfig>>
  services: readonly ServiceConfig[]
}
