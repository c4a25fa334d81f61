import { decode } from '../bpf/codec.js'
import type { BpfMap } from '../bpf/index.js'
import {
  Backend as BackendLayout,
  Delivery,
  ServiceKind,
  Service as ServiceLayout,
  ServiceValue,
  TableConstant,
} from '../bpf/layouts.js'
import { AFFINITIES, type Flow, FlowKey } from '../pinning/flow-key.js'
import { halfSipHash24, slotOf } from '../pinning/half-siphash.js'
import { readAddress, textOf } from './address.js'
import { AddressTable } from './address-table.js'
import type { DeliveryName } from './config.js'

/** What the kernel's tables have for a flow, as they are at this moment. */
export interface KernelAnswer {
  /** Index in `service_table`; undefined: the packets go to the host. */
  service: number | undefined
  pool: number | undefined
  slot: number | undefined
  /** Index in `backends`, and what lies there; undefined: the packets are dropped. */
  backend: { index: number; address: string; source: string; delivery: DeliveryName } | undefined
}

const UDP = 17
const NOTHING: KernelAnswer = { service: undefined, pool: undefined, slot: undefined, backend: undefined }
const DELIVERIES = Object.keys(Delivery) as DeliveryName[]

interface Maps {
  services: BpfMap
  serviceTable: BpfMap
  pools: BpfMap
  slots: BpfMap
  backends: BpfMap
}

/**
 * Reads the way of a flow through the maps, as the program goes: entry, service, pool, slot, backend. What is remembered, and what
 * connection IDs say, comes before that in the program, and is not looked at here.
 */
export function kernelAnswer(maps: Maps, flow: Flow): KernelAnswer {
  const { address: text, port } = flow.local!
  const address = readAddress('flow.local.address', text)
  const size = TableConstant.chunkSlots
  const block = Math.floor(port / size)
  const table = new AddressTable(maps.services.memory(), 'services', '')
  const entry = table.get({ address, kind: ServiceKind.ports, protocol: UDP, block })
  if (entry === undefined) return NOTHING
  const chunks = new Uint16Array(maps.slots.memory())
  const service = entry >= ServiceValue.split ? chunks[(entry - ServiceValue.split) * size + (port % size)]! : entry
  if (service === ServiceValue.none) return NOTHING
  const { secret, pool, affinity } = decode(ServiceLayout, maps.serviceTable.lookup(Uint32Array.of(service))!)
  const [first, second] = secret.words as [number, number]
  const key = new FlowKey(AFFINITIES[affinity]!).set(flow)
  const word = new BigUint64Array(maps.pools.memory())[2 * pool]!
  const slots = Number((word >> 32n) & 0xffffffn)
  if (slots === 0) return { ...NOTHING, service, pool }
  const slot = slotOf(halfSipHash24(key.words, key.length, first, second), slots)
  const index = chunks[Number(word & 0xffff_ffffn) * size + slot]!
  if (index === TableConstant.backendNone) return { service, pool, slot, backend: undefined }
  const found = decode(BackendLayout, maps.backends.lookup(Uint32Array.of(index))!)
  const delivery = DELIVERIES.find((name) => Delivery[name] === found.delivery)!
  return {
    service,
    pool,
    slot,
    backend: { index, address: textOf(found.address), source: textOf(found.source), delivery },
  }
}
