import { edgeObject, encode, type LoadedObject, layouts, loadObject } from '../../../src/bpf/index.js'
import { settingsOf } from '../../../src/bpf/object.js'
import { AddressTable } from '../../../src/forwarder/address-table.js'
import type { Affinity } from '../../../src/pinning/index.js'
import { addressBytes } from '../address.js'

const { Backend, Delivery, EdgeSettings, Endpoint, QuicServerKey, Service, ServiceKind, ServiceValue, TableConstant } =
  layouts

export type DeliveryName = keyof typeof Delivery

/** A backend of a test. Addresses are texts; `ifindex` 0 sends back out. */
export interface TestBackend {
  delivery: DeliveryName
  address: string
  source: string
  port?: number
  vlan?: number
  mtu?: number
  ifindex?: number
  /** `enum backend_flags` */
  flags?: number
  epoch?: number
}

export interface TestService {
  vip: string
  /** First and last port. */
  ports: readonly [number, number]
  affinity: Affinity
  /** Index in `pools`. */
  pool: number
  /** Takes the VIP's fragments. */
  fragments?: boolean
  /** `enum service_flags` */
  flags?: number
  /** With SERVICE_QUIC: config rotations, a bit each, and bytes of the server ID. */
  quic?: { configBits: number; idLength: number }
}

/** What a pool's table was before, while somebody drains. */
export interface PreviousTable {
  slots: readonly number[]
  /** `enum drain_phase` */
  phase: number
}

/** What an edge is told. Tables are given slot by slot: indices of `backends`, BACKEND_NONE for nobody. */
export interface World {
  secret: Uint8Array
  services: readonly TestService[]
  pools: readonly (readonly number[])[]
  /** By the pool's index. */
  previous?: Readonly<Record<number, PreviousTable>>
  backends: readonly TestBackend[]
  /** VIPs that answer echo requests. */
  echo: readonly string[]
  /** What the program takes for its services' secret until it sees the service; default: that. */
  usualSecret?: Uint8Array
  /** Server IDs in hexadecimal digits. */
  quicServers?: readonly { pool: number; config: number; id: string; backend: number }[]
  /** Where backends send replies to, and which of them may. */
  replies?: { endpoints: readonly { address: string; guePort: number }[]; sources: Readonly<Record<string, number>> }
  settings?: Partial<layouts.EdgeSettings>
}

export const AFFINITIES: readonly Affinity[] = ['client-ip', 'client-ip-port', 'flow']

/** Ethernet addresses that backend `index` is reached by. */
export const macOf = (index: number): Uint8Array => Uint8Array.of(2, 0, 0, 1, index >> 8, index)
export const sourceMacOf = (index: number): Uint8Array => Uint8Array.of(2, 0, 0, 2, index >> 8, index)

export const DEFAULT_MTU = 1500

/** Of the table of services. */
const BUCKETS = 1024

export const SETTINGS: layouts.EdgeSettings = {
  flowTable: 0,
  draining: 0,
  quic: 0,
  learnedPorts: 0,
  fragments: 1,
  fib: 0,
  events: 0,
  returnPath: 0,
  eventMask: 0,
  buckets: BUCKETS,
  flowSets: 1,
  flowIdle: 30,
  icmpInterval: 0, // every message is sent
}

const key = (index: number) => Uint32Array.of(index)

/** The edge's program over maps that say what a world says. */
export class LoadedEdge {
  readonly object: LoadedObject<typeof edgeObject>

  /** @param world which may be left for another that has the same settings: loading takes a tenth of a second */
  constructor(world: World) {
    const settings = { ...SETTINGS, ...world.settings }
    const entries = {
      ...{ services: BUCKETS, slots: 256, serviceTable: 1024, pools: 64, backends: 1024 },
      flows: settings.flowSets,
    }
    this.object = loadObject(edgeObject, { entries, settings: settingsOf(EdgeSettings, settings) })
    this.fill(world)
  }

  /** Writes a world into the maps, in place of another, in any order: no packet is under way. */
  fill(world: World): void {
    fillMaps(this.object.maps, world)
  }

  run(frame: Uint8Array): { verdict: number; data: Uint8Array } {
    return this.object.programs.edge.testRun({ data: frame })
  }

  /** Packets counted under an index, over all CPUs. */
  count(map: 'reasonCounters' | 'serviceCounters' | 'backendCounters', index: number): number {
    const values = this.object.maps[map].lookupPerCpu(key(index))
    return values.reduce(
      (total, value) => total + Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true)),
      0,
    )
  }

  close(): void {
    this.object.close()
  }
}

/** Maps of an object that has the edge's. */
export type EdgeMaps = LoadedObject<typeof edgeObject>['maps']

/** Writes a world into maps, in place of another, in any order: no packet is under way. */
export function fillMaps(maps: EdgeMaps, world: World): void {
  const table = maps.services.memory()
  new Uint8Array(table).fill(0)
  const buckets = new AddressTable(table, 'services', '')
  for (const [index, backend] of world.backends.entries())
    maps.backends.update(key(index), encode(Backend, backendValue(backend, index)))
  maps.usualSecret.update(key(0), world.usualSecret ?? world.secret)
  let chunk = 0
  const chunks = new Uint16Array(maps.slots.memory())
  const pools = new BigUint64Array(maps.pools.memory())
  for (const [index, slots] of world.pools.entries()) {
    chunks.set(slots, chunk * TableConstant.chunkSlots)
    pools[2 * index] = tableAt(chunk, slots.length)
    chunk += Math.ceil(slots.length / TableConstant.chunkSlots)
    const before = world.previous?.[index]
    pools[2 * index + 1] = before ? tableAt(chunk, before.slots.length, before.phase) : 0n
    if (before === undefined) continue
    chunks.set(before.slots, chunk * TableConstant.chunkSlots)
    chunk += Math.ceil(before.slots.length / TableConstant.chunkSlots)
  }
  const blocks = new Map<string, Uint16Array>()
  const fragments = new Map<string, number>()
  for (const [index, service] of world.services.entries()) {
    maps.serviceTable.update(key(index), encode(Service, serviceValue(service, index, world.secret)))
    fragments.set(service.vip, service.fragments ? index : (fragments.get(service.vip) ?? ServiceValue.none))
    for (let port = service.ports[0]; port <= service.ports[1]; port++) {
      const name = `${service.vip} ${port >> 10}`
      const owners = blocks.get(name) ?? new Uint16Array(TableConstant.chunkSlots).fill(ServiceValue.none)
      owners[port & 1023] = index
      blocks.set(name, owners)
    }
  }
  const entry = (vip: string, kind: number, protocol: number, block: number, value: number) =>
    buckets.set({ address: addressBytes(vip), kind, protocol, block }, value)
  for (const [name, owners] of blocks) {
    const [vip, block] = name.split(' ') as [string, string]
    const whole = owners.every((owner) => owner === owners[0])
    if (whole) {
      entry(vip, ServiceKind.ports, 17, Number(block), owners[0]!)
    } else {
      chunks.set(owners, chunk * TableConstant.chunkSlots)
      entry(vip, ServiceKind.ports, 17, Number(block), ServiceValue.split + chunk++)
    }
  }
  for (const [vip, service] of fragments) entry(vip, ServiceKind.fragments, 17, 0, service)
  for (const vip of world.echo) entry(vip, ServiceKind.vip, 0, 0, ServiceValue.none)
  for (const map of [maps.quicServers, maps.endpoints, maps.sources]) for (const old of [...map.keys()]) map.delete(old)
  for (const { pool, config, id, backend } of world.quicServers ?? []) {
    const bytes = Buffer.alloc(8)
    const length = bytes.write(id, 'hex')
    const named = encode(QuicServerKey, { memory: pool, config, length, id: bytes })
    maps.quicServers.update(named, Uint32Array.of(backend))
  }
  for (const { address, guePort } of world.replies?.endpoints ?? [])
    maps.endpoints.update(addressBytes(address), encode(Endpoint, { guePort }))
  for (const [address, backend] of Object.entries(world.replies?.sources ?? {}))
    maps.sources.update(addressBytes(address), Uint32Array.of(backend))
}

function tableAt(chunk: number, size: number, phase = 0): bigint {
  return size === 0 ? 0n : BigInt(chunk) | (BigInt(size) << 32n) | (BigInt(phase) << 56n)
}

function backendValue(backend: TestBackend, index: number): layouts.Backend {
  return {
    address: addressBytes(backend.address),
    source: addressBytes(backend.source),
    nextHop: macOf(index),
    sourceMac: sourceMacOf(index),
    ifindex: backend.ifindex ?? 0,
    counters: index,
    vlan: backend.vlan ?? 0,
    mtu: backend.mtu ?? DEFAULT_MTU,
    port: backend.port ?? 0,
    delivery: Delivery[backend.delivery],
    flags: backend.flags ?? 0,
    epoch: backend.epoch ?? 0,
  }
}

function serviceValue(service: TestService, index: number, secret: Uint8Array): layouts.Service {
  const words = new DataView(secret.buffer, secret.byteOffset)
  return {
    secret: { words: [words.getUint32(0, true), words.getUint32(4, true)] },
    pool: service.pool,
    memory: service.pool,
    counters: index,
    affinity: AFFINITIES.indexOf(service.affinity),
    flags: service.flags ?? 0,
    quicConfigBits: service.quic?.configBits ?? 0,
    quicIdLength: service.quic?.idLength ?? 0,
  }
}
