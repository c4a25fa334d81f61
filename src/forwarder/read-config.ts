import { createHash } from 'node:crypto'
import { checkInteger, checkString } from '../errors/checks.js'
import { invalidArgType, invalidArgValue, missingArgument, outOfRange, unknownOption } from '../errors.js'
import { GUE_PORT } from '../net/gue.js'
import { type PooledBackend, readBackends } from '../pinning/backends.js'
import { AFFINITIES, type Affinity } from '../pinning/flow-key.js'
import { readSecret } from '../pinning/secret.js'
import { makeTable, type PinningTable, readKind, readSize, type TableKind } from '../pinning/table.js'
import { isIPv4, type MappedAddress, readAddress, textOf } from './address.js'
import type { DeliveryName, EdgeBackend, EdgeQuicLb, ForwarderConfig, PoolConfig, ServiceConfig } from './config.js'

/** A pool that has been checked, with its table. */
export interface Pool {
  name: string
  /** Names what remembers its flows: a digest of the name. */
  memory: number
  delivery: DeliveryName
  /** Sorted: the indices of the table are places in it. */
  backends: readonly (PooledBackend & { address: MappedAddress; serverId: Uint8Array | undefined })[]
  quicLb: EdgeQuicLb | undefined
  table: PinningTable
  source: MappedAddress | undefined
  mtu: number | undefined
  /** 0: none. */
  port: number
  vlan: number
}

/** A service that has been checked. */
export interface Service {
  name: string
  vips: readonly MappedAddress[]
  /** Ascending, without overlap. */
  ports: readonly (readonly [number, number])[]
  pool: string
  affinity: Affinity
  fragments: boolean
  flowTable: boolean
  quic: boolean
  learnPorts: boolean
  echo: boolean
}

/** A configuration that has been checked as a whole. */
export interface Settings {
  /** Halves of the secret. */
  secret: readonly [number, number]
  pools: ReadonlyMap<string, Pool>
  services: readonly Service[]
}

/** Tables that were built before: most of them come again with the next configuration, and in several pools. */
export class TableCache {
  #tables = new Map<string, PinningTable>()
  #used = new Map<string, PinningTable>()

  /** @throws ArgumentRangeError ERR_OUT_OF_RANGE */
  get(
    kind: TableKind,
    entries: readonly { id: string; weight: number }[],
    size: number,
    sizeName: string,
  ): PinningTable {
    const name = JSON.stringify([kind, size, entries.map(({ id, weight }) => [id, weight])])
    const table = this.#used.get(name) ?? this.#tables.get(name) ?? makeTable(kind, entries, size, sizeName)
    this.#used.set(name, table)
    return table
  }

  /** Forgets what was not asked for since this was called last. */
  forgetUnused(): void {
    this.#tables = this.#used
    this.#used = new Map()
  }
}

const CONFIG: readonly (keyof ForwarderConfig)[] = ['secret', 'pools', 'services']
const POOL: readonly (keyof PoolConfig)[] = [
  'backends',
  'delivery',
  'table',
  'tableSize',
  'source',
  'mtu',
  'port',
  'vlan',
  'quicLb',
]
const SERVICE: readonly (keyof ServiceConfig)[] = [
  'name',
  'vips',
  'ports',
  'pool',
  'affinity',
  'fragments',
  'flowTable',
  'quic',
  'learnPorts',
  'echo',
]
const DELIVERIES: readonly DeliveryName[] = ['l2', 'ipip', 'gue', 'proxy']

/** Port of GUE (IANA). */
const LOWEST_MTU = 576
const HIGHEST_MTU = 65_535
/** Configuration 7 is for connection IDs that cannot be routed. */
const HIGHEST_CONFIG_ID = 6
const LONGEST_SERVER_ID = 8
const LONGEST_NAME = 255

/**
 * Checks a configuration, all of it, and builds the tables.
 *
 * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION;
 * ArgumentRangeError ERR_OUT_OF_RANGE. Names are paths: `config.services[3].ports[1]`
 */
export function readConfig(config: ForwarderConfig, tables = new TableCache()): Settings {
  checkFields('config', config, CONFIG)
  const [first, second] = readSecret('config.secret', config.secret)
  if (config.pools === undefined) throw missingArgument('config.pools')
  if (config.pools === null || typeof config.pools !== 'object') {
    throw invalidArgType('config.pools', 'an object of pools by their names', config.pools)
  }
  const pools = new Map(Object.entries(config.pools).map(([name, pool]) => [name, readPool(name, pool, tables)]))
  tables.forgetUnused()
  if (!Array.isArray(config.services)) throw invalidArgType('config.services', 'an array of services', config.services)
  const services = config.services.map((service, i) => readService(`config.services[${i}]`, service, pools))
  checkNames(services)
  checkPorts(services)
  checkFragments(services, pools)
  return { secret: [first, second], pools, services }
}

function checkFields(name: string, given: unknown, known: readonly string[]): void {
  if (given === undefined) throw missingArgument(name)
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw invalidArgType(name, 'of type object', given)
  for (const field of Object.keys(given)) {
    if (!known.includes(field))
      throw unknownOption(
        `${name}.${field}`,
        known.map((one) => `${name}.${one}`),
      )
  }
}

function readPool(name: string, pool: PoolConfig, tables: TableCache): Pool {
  const where = `config.pools.${name}`
  checkFields(where, pool, POOL)
  const { delivery, mtu, vlan = 0 } = pool
  if (!DELIVERIES.includes(delivery)) {
    throw invalidArgValue(
      `${where}.delivery`,
      `must be one of ${DELIVERIES.map((one) => `'${one}'`).join(', ')}`,
      delivery,
    )
  }
  if (!Array.isArray(pool.backends)) throw invalidArgType(`${where}.backends`, 'an array of backends', pool.backends)
  const quicLb = readQuicLb(`${where}.quicLb`, pool.quicLb)
  const addresses = new Map<string, MappedAddress>()
  const serverIds = new Map<string, Uint8Array>()
  const members = pool.backends.map((backend: EdgeBackend, i) => {
    if (backend === null || typeof backend !== 'object')
      throw invalidArgType(`${where}.backends[${i}]`, 'of type object', backend)
    const { address, serverId, ...member } = backend
    if (address === undefined) throw missingArgument(`${where}.backends[${i}].address`)
    addresses.set(member.id, readAddress(`${where}.backends[${i}].address`, address))
    if (serverId !== undefined)
      serverIds.set(member.id, readServerId(`${where}.backends[${i}].serverId`, serverId, quicLb))
    return member
  })
  checkServerIds(where, serverIds)
  const backends = readBackends(`${where}.backends`, members)
  const kind = readKind(`${where}.table`, pool.table)
  const size = readSize(`${where}.tableSize`, pool.tableSize, kind)
  const entries = backends.map(({ id, weight, state }) => ({ id, weight: state === 'up' ? weight : 0 }))
  if (mtu !== undefined) checkInteger(`${where}.mtu`, mtu, LOWEST_MTU, HIGHEST_MTU)
  checkInteger(`${where}.vlan`, vlan, 0, 4094)
  const port = readPort(where, pool)
  const source = readSource(where, pool, [...addresses.values()])
  return {
    name,
    memory: createHash('sha256').update(name).digest().readUInt32LE(0),
    delivery,
    backends: backends.map((backend) => ({
      ...backend,
      address: addresses.get(backend.id)!,
      serverId: serverIds.get(backend.id),
    })),
    quicLb,
    table: tables.get(kind, entries, size, `${where}.tableSize`),
    source,
    mtu,
    port,
    vlan,
  }
}

function readQuicLb(name: string, quicLb: PoolConfig['quicLb']): EdgeQuicLb | undefined {
  if (quicLb === undefined) return undefined
  checkFields(name, quicLb, ['configIds', 'serverIdLength'])
  const { configIds, serverIdLength } = quicLb
  if (!Array.isArray(configIds) || configIds.length === 0) {
    throw invalidArgType(`${name}.configIds`, 'an array of configuration IDs', configIds)
  }
  for (const [i, id] of configIds.entries()) checkInteger(`${name}.configIds[${i}]`, id, 0, HIGHEST_CONFIG_ID)
  checkInteger(`${name}.serverIdLength`, serverIdLength, 1, LONGEST_SERVER_ID)
  return { configIds: [...new Set(configIds)].sort((a, b) => a - b), serverIdLength }
}

function readServerId(name: string, serverId: unknown, quicLb: EdgeQuicLb | undefined): Uint8Array {
  checkString(name, serverId)
  if (quicLb === undefined) throw invalidArgValue(name, 'needs quicLb of the pool', serverId)
  const digits = 2 * quicLb.serverIdLength
  if (serverId.length !== digits || !/^[0-9a-f]*$/i.test(serverId)) {
    throw invalidArgValue(name, `must have ${digits} hexadecimal digits (quicLb.serverIdLength)`, serverId)
  }
  return Uint8Array.from(Buffer.from(serverId, 'hex'))
}

function checkServerIds(where: string, serverIds: ReadonlyMap<string, Uint8Array>): void {
  const owners = new Map<string, string>()
  for (const [id, serverId] of serverIds) {
    const digits = Buffer.from(serverId).toString('hex')
    const other = owners.get(digits)
    if (other !== undefined) {
      throw invalidArgValue(
        `${where}.backends`,
        `must have server IDs that differ; ${other} and ${id} have the same`,
        digits,
      )
    }
    owners.set(digits, id)
  }
}

function readPort(where: string, { delivery, port }: PoolConfig): number {
  if (port === undefined) return delivery === 'gue' ? GUE_PORT : 0
  checkInteger(`${where}.port`, port, 1, 65_535)
  if (delivery === 'l2' || delivery === 'ipip') {
    throw invalidArgValue(
      `${where}.port`,
      `is not for the delivery '${delivery}', which has no port. Leave it out`,
      port,
    )
  }
  return port
}

function readSource(
  where: string,
  { delivery, source }: PoolConfig,
  addresses: readonly MappedAddress[],
): MappedAddress | undefined {
  if (source === undefined) return undefined
  if (delivery === 'l2')
    throw invalidArgValue(`${where}.source`, "is not for the delivery 'l2', which changes no address", source)
  const read = readAddress(`${where}.source`, source)
  if (addresses.some((address) => isIPv4(address) !== isIPv4(read))) {
    throw invalidArgValue(
      `${where}.source`,
      'must be of the family of all backends of the pool. Leave it out, or divide the pool',
      source,
    )
  }
  return read
}

function readService(where: string, service: ServiceConfig, pools: ReadonlyMap<string, Pool>): Service {
  checkFields(where, service, SERVICE)
  const {
    name,
    pool,
    affinity = 'client-ip-port',
    fragments = false,
    flowTable = false,
    quic = false,
    learnPorts = false,
    echo = true,
  } = service
  if (name === undefined) throw missingArgument(`${where}.name`)
  checkString(`${where}.name`, name)
  if (name.length < 1 || name.length > LONGEST_NAME)
    throw invalidArgValue(`${where}.name`, `must have 1 to ${LONGEST_NAME} characters`, name)
  if (!Array.isArray(service.vips)) throw invalidArgType(`${where}.vips`, 'an array of addresses', service.vips)
  if (service.vips.length === 0) throw invalidArgValue(`${where}.vips`, 'must have an address', service.vips)
  if (!pools.has(pool)) {
    const known = [...pools.keys()].map((one) => `'${one}'`).join(', ')
    throw invalidArgValue(
      `${where}.pool`,
      `must be the name of a pool; there ${known ? `are ${known}` : 'is none'}`,
      pool,
    )
  }
  if (quic && pools.get(pool)!.quicLb === undefined) {
    throw invalidArgValue(`${where}.quic`, `needs quicLb of the pool ${pool}`, quic)
  }
  if (!AFFINITIES.includes(affinity)) {
    throw invalidArgValue(
      `${where}.affinity`,
      `must be one of ${AFFINITIES.map((one) => `'${one}'`).join(', ')}`,
      affinity,
    )
  }
  for (const [field, value] of Object.entries({ fragments, flowTable, quic, learnPorts, echo })) {
    if (typeof value !== 'boolean') throw invalidArgType(`${where}.${field}`, 'of type boolean', value)
  }
  return {
    name,
    vips: service.vips.map((vip, i) => readAddress(`${where}.vips[${i}]`, vip)),
    ports: readPorts(`${where}.ports`, service.ports),
    pool,
    affinity,
    fragments,
    flowTable,
    quic,
    learnPorts,
    echo,
  }
}

/** Ports and ranges, sorted and joined. */
function readPorts(name: string, ports: unknown): [number, number][] {
  if (!Array.isArray(ports)) throw invalidArgType(name, 'an array of ports and ranges', ports)
  if (ports.length === 0) throw invalidArgValue(name, 'must have a port', ports)
  const ranges = ports.map((port, i) => readRange(`${name}[${i}]`, port)).sort(([a], [b]) => a - b)
  const joined: [number, number][] = []
  for (const [low, high] of ranges) {
    const last = joined.at(-1)
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high)
    else joined.push([low, high])
  }
  return joined
}

function readRange(name: string, port: unknown): [number, number] {
  if (typeof port === 'number') {
    checkInteger(name, port, 1, 65_535)
    return [port, port]
  }
  checkString(name, port)
  const [, low, high] = /^(\d{1,5})-(\d{1,5})$/.exec(port) ?? []
  if (low === undefined) throw invalidArgValue(name, "must be a port or a range like '10000-19999'", port)
  const range: [number, number] = [Number(low), Number(high)]
  for (const end of range) if (end < 1 || end > 65_535) throw outOfRange(name, 'ports >= 1 && <= 65535', port)
  if (range[0] > range[1]) throw outOfRange(name, 'a range whose first port is not above its last', port)
  return range
}

function checkNames(services: readonly Service[]): void {
  const seen = new Map<string, number>()
  for (const [i, { name }] of services.entries()) {
    const earlier = seen.get(name)
    if (earlier !== undefined) {
      throw invalidArgValue(
        `config.services[${i}].name`,
        `must differ from all others; config.services[${earlier}] has it`,
        name,
      )
    }
    seen.set(name, i)
  }
}

/** No port of a VIP belongs to two services. */
function checkPorts(services: readonly Service[]): void {
  const taken = new Map<string, { low: number; high: number; service: number }[]>()
  for (const [service, { vips, ports }] of services.entries()) {
    for (const vip of vips) {
      const others = taken.get(textOf(vip)) ?? []
      for (const [low, high] of ports) {
        const other = others.find((one) => low <= one.high && one.low <= high)
        if (other !== undefined) {
          const port = Math.max(low, other.low)
          const owner = `config.services[${other.service}] ("${services[other.service]!.name}")`
          throw invalidArgValue(
            `config.services[${service}].ports`,
            `must not have port ${port} of ${textOf(vip)}, which is that of ${owner}`,
            low === high ? low : `${low}-${high}`,
          )
        }
        others.push({ low, high, service })
      }
      taken.set(textOf(vip), others)
    }
  }
}

function checkFragments(services: readonly Service[], pools: ReadonlyMap<string, Pool>): void {
  const takers = new Map<string, number>()
  for (const [i, { vips, fragments, affinity, pool }] of services.entries()) {
    if (!fragments) continue
    const where = `config.services[${i}].fragments`
    if (affinity !== 'client-ip') {
      throw invalidArgValue(where, "needs affinity: 'client-ip': fragments have no ports to go by", fragments)
    }
    if (pools.get(pool)!.delivery === 'proxy') {
      throw invalidArgValue(
        where,
        "is not for a pool with the delivery 'proxy', whose header goes into whole datagrams",
        fragments,
      )
    }
    for (const vip of vips.map(textOf)) {
      const earlier = takers.get(vip)
      if (earlier !== undefined) {
        throw invalidArgValue(
          where,
          `must not be set here: config.services[${earlier}] has the fragments to ${vip}`,
          fragments,
        )
      }
      takers.set(vip, i)
    }
  }
}
