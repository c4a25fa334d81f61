import { isIP } from 'node:net'
import { isIPv4, readAddress } from '../../../forwarder/address.js'
import { quoted } from '../place.js'
import { type Problems, proposal } from '../problems.js'
import { canonical, entriesOf, type Parts, type PoolPart, poolsOf, servicesOf } from './parts.js'

/** What is in a pool must fit together, and its members are no VIPs. */
export function checkPools(parts: Parts, problems: Problems): void {
  const vips = vipsOf(parts)
  const used = new Set(servicesOf(parts).map(([, { pool }]) => pool))
  for (const [name, pool] of poolsOf(parts)) {
    if (pool === undefined) continue
    checkDelivery(name, pool, problems)
    checkIds(name, pool, problems)
    checkServerIds(name, pool, problems)
    checkAddresses(name, pool, vips, problems)
    checkTable(name, pool, problems)
    checkDiscover(name, pool, parts, problems)
    checkHealth(name, pool, problems)
    warnOf(name, pool, used.has(name), problems)
  }
}

function vipsOf(parts: Parts): Map<string, string> {
  const vips = servicesOf(parts).flatMap(([i, { name, vips }]) =>
    entriesOf(vips).map(([, vip]) => [canonical(vip), name === undefined ? `services[${i}]` : quoted(name)] as const),
  )
  return new Map(vips.reverse())
}

function checkDelivery(name: string, { delivery, port, source, backends }: PoolPart, problems: Problems): void {
  if (port !== undefined && (delivery === 'l2' || delivery === 'ipip')) {
    const expected = `left out: the delivery "${delivery}" has no port`
    problems.add({ kind: 'conflict', path: ['pools', name, 'port'], found: port, expected, remedy: 'Leave it out.' })
  }
  if (source === undefined) return
  const path = ['pools', name, 'source']
  if (delivery === 'l2') {
    const expected = 'left out: the delivery "l2" changes no address'
    problems.add({ kind: 'conflict', path, found: source, expected, remedy: 'Leave it out.' })
  }
  const family = (address: string) => isIPv4(readAddress('address', address))
  const other = entriesOf(backends).find(
    ([, { address }]) => address !== undefined && family(address) !== family(source),
  )
  if (delivery !== 'l2' && other !== undefined) {
    const expected = `of the family of all backends; ${quoted(other[1].id ?? `backends[${other[0]}]`)} is IPv${isIP(other[1].address!)}`
    problems.add({ kind: 'conflict', path, found: source, expected, remedy: 'Leave it out, or divide the pool.' })
  }
}

function checkIds(name: string, { backends }: PoolPart, problems: Problems): void {
  const places = new Map<string, number>()
  for (const [i, { id }] of entriesOf(backends)) {
    if (id === undefined) continue
    const earlier = places.get(id)
    if (earlier === undefined) places.set(id, i)
    else {
      const expected = `another id than backends[${earlier}] has`
      problems.add({
        kind: 'conflict',
        path: ['pools', name, 'backends', i, 'id'],
        found: id,
        expected,
        remedy: 'Rename one of them.',
      })
    }
  }
}

function checkServerIds(name: string, { backends, quic_lb }: PoolPart, problems: Problems): void {
  const places = new Map<string, number>()
  for (const [i, { server_id }] of entriesOf(backends)) {
    if (server_id === undefined) continue
    const path = ['pools', name, 'backends', i, 'server_id']
    if (quic_lb === undefined) {
      if (problems.concern(['pools', name, 'quic_lb'])) continue
      const expected = 'left out, since the pool has no quic_lb'
      problems.add({ kind: 'conflict', path, found: server_id, expected, remedy: `Add quic_lb to [pools.${name}].` })
      continue
    }
    const { server_id_length: bytes } = quic_lb
    if (bytes !== undefined && server_id.length !== 2 * bytes) {
      const expected = `${2 * bytes} hexadecimal digits (quic_lb.server_id_length)`
      problems.add({ kind: 'conflict', path, found: server_id, expected, remedy: '' })
      continue
    }
    const digits = server_id.toLowerCase()
    const earlier = places.get(digits)
    if (earlier === undefined) places.set(digits, i)
    else {
      const expected = `another one than backends[${earlier}] has`
      problems.add({ kind: 'conflict', path, found: server_id, expected, remedy: 'Give each server an ID of its own.' })
    }
  }
}

function checkAddresses(
  name: string,
  { backends }: PoolPart,
  vips: ReadonlyMap<string, string>,
  problems: Problems,
): void {
  for (const [i, { address }] of entriesOf(backends)) {
    const service = address === undefined ? undefined : vips.get(canonical(address))
    if (service === undefined) continue
    problems.add({
      kind: 'conflict',
      path: ['pools', name, 'backends', i, 'address'],
      found: address,
      expected: `the backend’s own address: this one is a VIP of the service ${service}`,
      remedy: 'Packets would come back to the edge.',
    })
  }
}

function checkTable(name: string, { backends, table_size }: PoolPart, problems: Problems): void {
  const up = entriesOf(backends).filter(([, { state, weight }]) => state === 'up' && weight !== 0).length
  if (table_size === undefined || up <= table_size) return
  const path = ['pools', name, 'table_size']
  problems.add({
    kind: 'conflict',
    path,
    found: table_size,
    expected: `at least ${up}, a slot for each backend`,
    remedy: 'A hundred for each make loads even.',
  })
}

function checkDiscover(name: string, { discover }: PoolPart, parts: Parts, problems: Problems): void {
  const known = Object.keys(parts.discovery ?? {})
  const seen = new Set<string>()
  for (const [i, source] of entriesOf(discover)) {
    const path = ['pools', name, 'discover', i]
    if (!known.includes(source)) {
      const expected = `the name of a [discovery.*]: ${known.length === 0 ? 'there is none' : known.map(quoted).join(', ')}`
      problems.add({
        kind: 'reference',
        path,
        found: source,
        expected,
        remedy: proposal(source, known) ?? `Add [discovery.${source}].`,
      })
    } else if (seen.has(source)) {
      problems.add({ kind: 'conflict', path, found: source, expected: 'in the list once', remedy: 'Leave it out.' })
    }
    seen.add(source)
  }
}

function checkHealth(name: string, { health }: PoolPart, problems: Problems): void {
  const { timeout, interval, fast_interval } = health ?? {}
  if (timeout === undefined) return
  for (const [key, other] of [
    ['interval', interval],
    ['fast_interval', fast_interval],
  ] as const) {
    if (other === undefined || timeout < other) continue
    problems.add({
      kind: 'conflict',
      path: ['pools', name, 'health', 'timeout'],
      found: timeout,
      expected: `less than ${key}, which is ${other}`,
      remedy: 'A check must end before the next one begins.',
    })
  }
}

function warnOf(name: string, { backends, discover }: PoolPart, used: boolean, problems: Problems): void {
  const path = ['pools', name]
  if (!used) {
    problems.warn({
      kind: 'unused',
      path,
      says: 'a pool of no service',
      expected: 'the pool of a service',
      remedy: 'Leave it out, or name it in services.',
      at: 'key',
    })
  }
  if (backends?.length === 0 && discover?.length === 0) {
    problems.warn({
      kind: 'unused',
      path,
      says: 'without backends and discover',
      expected: 'a pool with members',
      remedy: 'Its packets are dropped until it has some.',
      at: 'key',
    })
  }
}
