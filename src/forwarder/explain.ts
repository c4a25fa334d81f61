import { missingArgument } from '../errors.js'
import { NO_BACKEND } from '../pinning/backends.js'
import { type Flow, FlowKey } from '../pinning/flow-key.js'
import { halfSipHash24, slotOf } from '../pinning/half-siphash.js'
import { type ConnectionIdPlace, findConnectionId } from '../pinning/quic-lb-header.js'
import { readAddress, textOf } from './address.js'
import type { DeliveryName, ForwarderConfig } from './config.js'
import { flowKeyOf, portKeyOf } from './flow-memory.js'
import { type Pool, readConfig, type Settings } from './read-config.js'

/** Where a flow's packets go, and why. It holds neither the secret nor the hash. */
export interface EdgeExplanation {
  /** Name of the service; undefined: the packets go to the host. */
  service: string | undefined
  pool: string | undefined
  /** The slot of the pool's table that the flow leads to. */
  slot: number | undefined
  table: { kind: string; size: number; digest: string } | undefined
  /** Whether the datagram's QUIC connection ID says so (`quic`). */
  named: boolean
  /** Whether it goes where it went before, whatever the table says (`flowTable`). */
  remembered: boolean
  /** Whether it goes to the backend that owns the port (`learnPorts`). */
  learned: boolean
  /** Undefined when there is none: the packets are dropped. */
  backend: { id: string; address: string; delivery: DeliveryName } | undefined
  /** The same in words. */
  why: string
}

const NOTHING = {
  service: undefined,
  pool: undefined,
  slot: undefined,
  table: undefined,
  named: false,
  remembered: false,
  learned: false,
  backend: undefined,
}

/** Finds the backend that is remembered under a key. */
export type Remembered = (flow: bigint) => EdgeExplanation['backend']

/** Finds the backend that drains and keeps a flow: by the pool's name, the flow's hash, and its key. */
export type Kept = (pool: string, hash: number, flow: bigint) => EdgeExplanation['backend']

/** Bytes of a datagram below which no connection ID is looked for. */
const LEAST_QUIC = 6
const CONFIG_SHIFT = 5

/** The backend that a datagram names, as bpf/edge/quic.h finds it. */
function namedBy({ quicLb, backends }: Pool, datagram: Uint8Array): Pool['backends'][number] | undefined {
  if (quicLb === undefined || datagram.length < LEAST_QUIC) return undefined
  const place: ConnectionIdPlace = { form: 'none', at: 0, length: 0 }
  findConnectionId(datagram, place)
  const { form, at, length } = place
  if (form === 'none' || length < 1 + quicLb.serverIdLength) return undefined
  if (!quicLb.configIds.includes(datagram[at]! >> CONFIG_SHIFT)) return undefined
  const id = Buffer.from(datagram.subarray(at + 1, at + 1 + quicLb.serverIdLength))
  return backends.find(({ serverId, state }) => serverId !== undefined && state !== 'down' && id.equals(serverId))
}

/**
 * Where an edge that follows a configuration sends a flow, and why; without an edge. What only a running one knows, remembered flows
 * and owned ports, is not in it.
 *
 * @throws as `Forwarder.apply` and `Forwarder.explain`
 */
export function explainConfig(config: ForwarderConfig, flow: Flow, datagram?: Uint8Array): EdgeExplanation {
  return explainFlow(readConfig(config), flow, undefined, datagram)
}

/** @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; ArgumentRangeError */
export function explainFlow(
  settings: Settings | undefined,
  flow: Flow,
  remembered: Remembered = () => undefined,
  datagram?: Uint8Array,
  kept: Kept = () => undefined,
): EdgeExplanation {
  if (flow.local === undefined) throw missingArgument('flow.local')
  const { address, port } = flow.local
  const mapped = readAddress('flow.local.address', address)
  const vip = textOf(mapped)
  if (settings === undefined) return { ...NOTHING, why: 'nothing has been applied yet: the host gets all packets' }
  const here = settings.services.filter(({ vips }) => vips.some((one) => textOf(one) === vip))
  const service = here.find(({ ports }) => ports.some(([low, high]) => port >= low && port <= high))
  if (service === undefined) {
    const why = here.length === 0 ? `no service has the VIP ${vip}` : `no service has port ${port} of ${vip}`
    return { ...NOTHING, why: `${why}: the host gets the packets` }
  }
  const pool = settings.pools.get(service.pool)!
  const { kind, size, digest, slots } = pool.table
  const key = new FlowKey(service.affinity).set(flow)
  const hash = halfSipHash24(key.words, key.length, ...settings.secret)
  const slot = slotOf(hash, size)
  const found = {
    service: service.name,
    pool: pool.name,
    slot,
    table: { kind, size, digest },
    named: false,
    remembered: false,
    learned: false,
  }
  const place = slots[slot]!
  const backend = place === NO_BACKEND ? undefined : pool.backends[place]
  const way = `${vip} port ${port} is of the service ${service.name}, whose pool is ${pool.name}`
  const owner = service.learnPorts ? remembered(portKeyOf(mapped, port, settings.secret)) : undefined
  if (owner !== undefined) {
    return { ...found, learned: true, backend: owner, why: `${way}; ${owner.id} owns the port, which it sent from` }
  }
  const named = service.quic && datagram !== undefined ? namedBy(pool, datagram) : undefined
  if (named !== undefined) {
    const { id, address: at } = named
    const backend = { id, address: textOf(at), delivery: pool.delivery }
    return { ...found, named: true, backend, why: `${way}; the connection ID names ${id}` }
  }
  const flowKey = flowKeyOf(hash, key.words, key.length, settings.secret, pool.memory)
  const before = service.flowTable ? remembered(flowKey) : undefined
  if (before !== undefined) {
    return {
      ...found,
      remembered: true,
      backend: before,
      why: `${way}; the flow is remembered, and stays with ${before.id}`,
    }
  }
  const leaving = kept(pool.name, hash, flowKey)
  if (leaving !== undefined) {
    return {
      ...found,
      remembered: true,
      backend: leaving,
      why: `${way}; the flow was ${leaving.id}'s, which drains and keeps it`,
    }
  }
  if (backend === undefined)
    return { ...found, backend: undefined, why: `${way}; nobody there is up: the packets are dropped` }
  return {
    ...found,
    backend: { id: backend.id, address: textOf(backend.address), delivery: pool.delivery },
    why: `${way}; by ${service.affinity} the flow has slot ${slot} of ${size}, which is ${backend.id}'s`,
  }
}
