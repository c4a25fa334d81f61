// Made from bpf/include/layouts.h by `npm run build:bpf`, which has the meaning of each field. Do not change it here.
import { address, be16, be32, bytes, type Layout, layout, list, u8, u16, u16s, u32, u64 } from './codec.js'

/** `enum flow_affinity` */
export const FlowAffinity = {
  clientIp: 0,
  clientIpPort: 1,
  flow: 2,
} as const

/** `struct flow_secret`, 8 bytes */
export interface FlowSecret {
  words: number[]
}
export const FlowSecret: Layout<FlowSecret> = layout(8, {
  words: list(u32, 2),
})

/** `enum service_kind` */
export const ServiceKind = {
  ports: 0,
  fragments: 1,
  vip: 2,
} as const

/** `enum service_value` */
export const ServiceValue = {
  none: 65535,
  split: 65536,
  missing: 2147483647,
} as const

/** `struct vip`, 16 bytes */
export interface Vip {
  address: Uint8Array
}
export const Vip: Layout<Vip> = layout(16, {
  address: address,
})

/** `enum bucket_constant` */
export const BucketConstant = {
  bucketEntries: 4,
  addressMissing: 2147483647,
} as const

/** `struct address_bucket`, 96 bytes */
export interface AddressBucket {
  words: bigint[]
  addresses: Vip[]
}
export const AddressBucket: Layout<AddressBucket> = layout(96, {
  words: list(u64, 4),
  addresses: list(Vip, 4),
})

/** `enum service_flags` */
export const ServiceFlags = {
  flowTable: 1,
  quic: 2,
  learnPorts: 4,
} as const

/** `struct service`, 24 bytes */
export interface Service {
  secret: FlowSecret
  pool: number
  counters: number
  affinity: number
  flags: number
  quicConfigBits: number
  quicIdLength: number
  memory: number
}
export const Service: Layout<Service> = layout(24, {
  secret: FlowSecret,
  pool: u32,
  counters: u32,
  affinity: u8,
  flags: u8,
  quicConfigBits: u8,
  quicIdLength: u8,
  memory: u32,
})

/** `enum table_constant` */
export const TableConstant = {
  chunkSlots: 1024,
  backendNone: 65535,
} as const

/** `struct chunk`, 2048 bytes */
export interface Chunk {
  slots: Uint16Array
}
export const Chunk: Layout<Chunk> = layout(2048, {
  slots: u16s(1024),
})

/** `enum drain_phase` */
export const DrainPhase = {
  none: 0,
  learn: 1,
  hold: 2,
} as const

/** `struct pool`, 16 bytes */
export interface Pool {
  current: bigint
  previous: bigint
}
export const Pool: Layout<Pool> = layout(16, {
  current: u64,
  previous: u64,
})

/** `enum delivery` */
export const Delivery = {
  l2: 0,
  ipip: 1,
  gue: 2,
  proxy: 3,
} as const

/** `enum backend_flags` */
export const BackendFlags = {
  fib: 1,
  draining: 2,
} as const

/** `struct backend`, 64 bytes */
export interface Backend {
  address: Uint8Array
  source: Uint8Array
  nextHop: Uint8Array
  sourceMac: Uint8Array
  ifindex: number
  counters: number
  vlan: number
  mtu: number
  port: number
  delivery: number
  flags: number
  epoch: number
}
export const Backend: Layout<Backend> = layout(64, {
  address: address,
  source: address,
  nextHop: bytes(6),
  sourceMac: bytes(6),
  ifindex: u32,
  counters: u32,
  vlan: u16,
  mtu: u16,
  port: be16,
  delivery: u8,
  flags: u8,
  epoch: u32,
})

/** `struct source_key`, 16 bytes */
export interface SourceKey {
  address: Uint8Array
}
export const SourceKey: Layout<SourceKey> = layout(16, {
  address: address,
})

/** `struct endpoint`, 4 bytes */
export interface Endpoint {
  guePort: number
}
export const Endpoint: Layout<Endpoint> = layout(4, {
  guePort: be16,
  reserved: u16,
})

/** `struct quic_server_key`, 16 bytes */
export interface QuicServerKey {
  memory: number
  config: number
  length: number
  id: Uint8Array
}
export const QuicServerKey: Layout<QuicServerKey> = layout(16, {
  memory: u32,
  config: u8,
  length: u8,
  reserved: u16,
  id: bytes(8),
})

/** `struct edge_settings`, 28 bytes */
export interface EdgeSettings {
  flowTable: number
  draining: number
  quic: number
  learnedPorts: number
  fragments: number
  fib: number
  events: number
  returnPath: number
  eventMask: number
  buckets: number
  flowSets: number
  flowIdle: number
  icmpInterval: number
}
export const EdgeSettings: Layout<EdgeSettings> = layout(28, {
  flowTable: u8,
  draining: u8,
  quic: u8,
  learnedPorts: u8,
  fragments: u8,
  fib: u8,
  events: u8,
  returnPath: u8,
  eventMask: u32,
  buckets: u32,
  flowSets: u32,
  flowIdle: u32,
  icmpInterval: u32,
})

/** `struct backend_settings`, 52 bytes */
export interface BackendSettings {
  secret: FlowSecret
  ipip: number
  gue: number
  guePort: number
  proxy: number
  returns: number
  linkBytes: number
  buckets: number
  flowSets: number
  flowIdle: number
  mtu: number
  usualIpv4: number
  usualIpv6: Vip
}
export const BackendSettings: Layout<BackendSettings> = layout(52, {
  secret: FlowSecret,
  ipip: u8,
  gue: u8,
  guePort: be16,
  proxy: u8,
  returns: u8,
  linkBytes: u8,
  reserved: u8,
  buckets: u32,
  flowSets: u32,
  flowIdle: u32,
  mtu: u32,
  usualIpv4: be32,
  usualIpv6: Vip,
})

/** `enum host_kind` */
export const HostKind = {
  endpoint: 0,
  edge: 1,
} as const

/** `enum host_constant` */
export const HostConstant = {
  edges: 256,
  endpoints: 256,
} as const

/** `struct host_address`, 20 bytes */
export interface HostAddress {
  address: Uint8Array
  gue: number
}
export const HostAddress: Layout<HostAddress> = layout(20, {
  address: address,
  gue: u32,
})

/** `struct rewrite_settings`, 24 bytes */
export interface RewriteSettings {
  secret: FlowSecret
  learned: number
  rules: number
  linkBytes: number
  flowSets: number
  flowIdle: number
  buckets: number
}
export const RewriteSettings: Layout<RewriteSettings> = layout(24, {
  secret: FlowSecret,
  learned: u8,
  rules: u8,
  linkBytes: u8,
  reserved: u8,
  flowSets: u32,
  flowIdle: u32,
  buckets: u32,
})

/** `enum rewrite_constant` */
export const RewriteConstant = {
  ports: 4,
  ipv6: 16384,
} as const

/** `struct rewrite_rules`, 8 bytes */
export interface RewriteRules {
  vips: Uint16Array
}
export const RewriteRules: Layout<RewriteRules> = layout(8, {
  vips: u16s(4),
})

/** `enum flow_constant` */
export const FlowConstant = {
  flowWays: 4,
} as const

/** `struct flow_entry`, 16 bytes */
export interface FlowEntry {
  key: bigint
  value: number
  check: number
  stamp: number
}
export const FlowEntry: Layout<FlowEntry> = layout(16, {
  key: u64,
  value: u16,
  check: u16,
  stamp: u32,
})

/** `struct flow_set`, 64 bytes */
export interface FlowSet {
  ways: FlowEntry[]
}
export const FlowSet: Layout<FlowSet> = layout(64, {
  ways: list(FlowEntry, 4),
})

/** `struct counter`, 16 bytes */
export interface Counter {
  packets: bigint
  bytes: bigint
}
export const Counter: Layout<Counter> = layout(16, {
  packets: u64,
  bytes: u64,
})

/** `enum reason` */
export const Reason = {
  forwarded: 0,
  passed: 1,
  malformed: 2,
  fragment: 3,
  noBackend: 4,
  ttl: 5,
  tooBig: 6,
  tooBigSilent: 7,
  noRoute: 8,
  noChecksum: 9,
  noHeadroom: 10,
  untrusted: 11,
  notOurs: 12,
  echo: 13,
  icmpError: 14,
  decapsulated: 15,
  returned: 16,
  rewritten: 17,
  unknownFlow: 18,
  unsupported: 19,
  count: 32,
} as const

/** `struct event`, 56 bytes */
export interface Event {
  time: bigint
  client: Uint8Array
  local: Uint8Array
  clientPort: number
  localPort: number
  service: number
  backend: number
  length: number
  reason: number
  protocol: number
}
export const Event: Layout<Event> = layout(56, {
  time: u64,
  client: address,
  local: address,
  clientPort: be16,
  localPort: be16,
  service: u16,
  backend: u16,
  length: u32,
  reason: u8,
  protocol: u8,
  reserved: u16,
})
