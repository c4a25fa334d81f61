/**
 * What the edge does with a packet, written from the contract (layouts.h, docs/architecture.md) and the RFCs, not from
 * the program: tests hold the two against each other. It recomputes every checksum where the program changes it by what
 * differs.
 */
import { FlowKey } from '../../../src/pinning/flow-key.js'
import { halfSipHash24, slotOf } from '../../../src/pinning/half-siphash.js'
import { readSecret } from '../../../src/pinning/secret.js'
import { addressBytes } from '../address.js'
import * as wire from '../packet.js'
import { DEFAULT_MTU, macOf, sourceMacOf, type TestBackend, type TestService, type World } from './world.js'

export const VERDICT = { drop: 1, pass: 2, tx: 3, redirect: 4 } as const
const NOBODY = 0xffff
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff)
const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)

export interface Outcome {
  verdict: number
  /** The frame that leaves; what was given when it passes. Undefined when it is dropped. */
  frame: Uint8Array | undefined
  /** Why, by its name in `Reason`; undefined when it passed or was simply forwarded. */
  reason?: string | undefined
  service?: number | undefined
  backend?: number | undefined
}

interface Parsed {
  /** Ethernet and tags. */
  link: Uint8Array
  version: 4 | 6
  /** From the IP header on, and no further than its length says. */
  packet: Uint8Array
  /** What lies behind it in the frame: Ethernet's padding. */
  trailer: Uint8Array
  headers: number
  protocol: number
  fragment: boolean
  source: Uint8Array
  destination: Uint8Array
  tos: number
  ttl: number
}

const bytesOf = (...parts: readonly (Uint8Array | readonly number[])[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))))
const u16 = (bytes: Uint8Array, at: number) => (bytes[at]! << 8) | bytes[at + 1]!
const big = (value: number) => [value >>> 8, value & 0xff]
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const isV4 = (address: Uint8Array) => same(address.subarray(0, 12), MAPPED)
const passes = (frame: Uint8Array): Outcome => ({ verdict: VERDICT.pass, frame })
const drops = (reason: string): Outcome => ({ verdict: VERDICT.drop, frame: undefined, reason })

export function model(world: World, frame: Uint8Array): Outcome {
  const parsed = parse(frame)
  if (parsed === undefined) return passes(frame)
  const { protocol, fragment, packet, headers } = parsed
  if (protocol === wire.UDP && fragment) return fragmentOf(world, frame, parsed)
  if (protocol === wire.UDP) return datagramOf(world, frame, parsed)
  if (protocol === (parsed.version === 4 ? wire.ICMP : wire.ICMPV6) && !fragment) {
    // The program sees the frame, and a body that ends before it does is not looked for.
    if (frame.length < parsed.link.length + headers + 8) return passes(frame)
    return icmpOf(world, frame, parsed, bytesOf(packet, parsed.trailer))
  }
  return passes(frame)
}

function parse(frame: Uint8Array): Parsed | undefined {
  let at = 14
  if (frame.length < at) return undefined
  let type = u16(frame, 12)
  for (let tags = 0; tags < 2 && (type === 0x8100 || type === 0x88a8); tags++) {
    if (frame.length < at + 4) return undefined
    type = u16(frame, at + 2)
    at += 4
  }
  const link = frame.subarray(0, at)
  const rest = frame.subarray(at)
  if (type === 0x0800) return parse4(link, rest)
  if (type === 0x86dd) return parse6(link, rest)
  return undefined
}

function parse4(link: Uint8Array, rest: Uint8Array): Parsed | undefined {
  if (rest.length < 20 || rest[0]! >> 4 !== 4) return undefined
  const headers = 4 * (rest[0]! & 0xf)
  const length = u16(rest, 2)
  if (headers < 20 || length < headers || length > rest.length) return undefined
  return {
    link,
    version: 4,
    packet: rest.subarray(0, length),
    trailer: rest.subarray(length),
    headers,
    protocol: rest[9]!,
    fragment: (u16(rest, 6) & 0x3fff) !== 0,
    source: bytesOf(MAPPED, rest.subarray(12, 16)),
    destination: bytesOf(MAPPED, rest.subarray(16, 20)),
    tos: rest[1]!,
    ttl: rest[8]!,
  }
}

function parse6(link: Uint8Array, rest: Uint8Array): Parsed | undefined {
  if (rest.length < 40 || rest[0]! >> 4 !== 6) return undefined
  const length = 40 + u16(rest, 4)
  if (length > rest.length) return undefined
  let next = rest[6]!
  let at = 40
  let fragment = false
  for (let extensions = 0; extensions < 4; extensions++) {
    if (next === 44) {
      if (rest.length < at + 8) return undefined
      fragment = (u16(rest, at + 2) & 0xfff9) !== 0
      next = rest[at]!
      at += 8
      if (fragment) break
    } else if (next === 0 || next === 43 || next === 60) {
      if (rest.length < at + 2) return undefined
      const units = rest[at + 1]! + 1
      next = rest[at]!
      at += 8 * units
    } else break
  }
  if (at > length) return undefined
  return {
    link,
    version: 6,
    packet: rest.subarray(0, length),
    trailer: rest.subarray(length),
    headers: at,
    protocol: next,
    fragment,
    source: rest.slice(8, 24),
    destination: rest.slice(24, 40),
    tos: (u16(rest, 0) >> 4) & 0xff,
    ttl: rest[7]!,
  }
}

function serviceAt(world: World, vip: Uint8Array, port: number): number {
  const owns = ({ vip: own, ports }: TestService) =>
    same(addressBytes(own), vip) && port >= ports[0] && port <= ports[1]
  // Of two that own a port, the later one was written over the earlier.
  return world.services.map(owns).lastIndexOf(true)
}

interface FlowBytes {
  client: Uint8Array
  local: Uint8Array
  clientPort: number
  localPort: number
}

/** The backend of a flow, and the hash that led to it. */
function owner(world: World, service: TestService, flow: FlowBytes): { backend: number; hash: number } {
  const key = new FlowKey(service.affinity)
  key.setBytes(flow.client, flow.clientPort, flow.local, flow.localPort)
  const [first, second] = readSecret('secret', world.secret)
  const hash = halfSipHash24(key.words, key.length, first, second) >>> 0
  const table = world.pools[service.pool]!
  return { backend: table.length === 0 ? NOBODY : table[slotOf(hash, table.length)]!, hash }
}

function text(address: Uint8Array): string {
  if (isV4(address)) return address.subarray(12).join('.')
  return Array.from({ length: 8 }, (_, i) => u16(address, 2 * i).toString(16)).join(':')
}

function datagramOf(world: World, frame: Uint8Array, parsed: Parsed): Outcome {
  const { packet, headers, link } = parsed
  if (frame.length < link.length + headers + 8) return passes(frame)
  const udp = frame.subarray(link.length + headers)
  const flow = { client: parsed.source, local: parsed.destination, clientPort: u16(udp, 0), localPort: u16(udp, 2) }
  const service = serviceAt(world, parsed.destination, flow.localPort)
  if (service < 0) return passes(frame)
  const length = u16(udp, 4)
  const room = packet.length - headers
  if (length < 8 || length > room) return drops('malformed')
  return send(world, parsed, service, flow, length === room)
}

function fragmentOf(world: World, frame: Uint8Array, parsed: Parsed): Outcome {
  const here = world.services.filter(({ vip }) => same(addressBytes(vip), parsed.destination))
  if (here.length === 0) return passes(frame)
  const service = world.services.map((one) => Boolean(one.fragments) && here.includes(one)).lastIndexOf(true)
  if (service < 0 || world.settings?.fragments === 0) return drops('fragment')
  return send(
    world,
    parsed,
    service,
    { client: parsed.source, local: parsed.destination, clientPort: 0, localPort: 0 },
    false,
  )
}

function send(world: World, parsed: Parsed, index: number, flow: FlowBytes, whole: boolean): Outcome {
  const service = world.services[index]!
  const { backend: number, hash } = owner(world, service, flow)
  const backend = world.backends[number]
  if (backend === undefined) return drops('noBackend')
  if (parsed.ttl <= 1) return drops('ttl')
  const added = addedBytes(backend, parsed)
  const mtu = backend.mtu ?? DEFAULT_MTU
  if (parsed.packet.length + added > mtu) {
    const later = parsed.version === 4 && (u16(parsed.packet, 6) & 0x1fff) !== 0
    return later || !isHost(parsed.source) ? drops('tooBigSilent') : tooBig(parsed, mtu - added)
  }
  const counted = { service: index, backend: number }
  return { ...deliver(parsed, backend, number, hash, flow, whole), ...counted }
}

/** Whether an answer may go to a source (RFC 1122 §3.2.2, RFC 4443 §2.4). */
function isHost(source: Uint8Array): boolean {
  if (isV4(source)) return source[12] !== 0 && source[12] !== 127 && source[12]! < 224
  const nowhere =
    source.subarray(0, 12).every((octet) => octet === 0) &&
    new DataView(source.buffer, source.byteOffset).getUint32(12) <= 1
  return source[0] !== 0xff && !nowhere
}

function addedBytes(backend: TestBackend, { version, headers }: Parsed): number {
  const outer = isV4(addressBytes(backend.address)) ? 20 : 40
  switch (backend.delivery) {
    case 'l2':
      return 0
    case 'ipip':
      return outer
    case 'gue':
      return outer + 8
    case 'proxy':
      return outer - headers + (version === 4 ? 28 : 52)
  }
}

/** The packet with one hop less. */
function aged({ version, packet }: Parsed): Uint8Array {
  const older = packet.slice()
  if (version === 6) {
    older[7]!--
    return older
  }
  // A checksum that was wrong stays as wrong as it was: what changes is one word.
  const before = u16(older, 8)
  older[8]!--
  const after = u16(older, 8)
  let total = (~u16(older, 10) & 0xffff) + (~before & 0xffff) + after
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  older.set(big(~total & 0xffff), 10)
  return older
}

function deliver(
  parsed: Parsed,
  backend: TestBackend,
  number: number,
  hash: number,
  flow: FlowBytes,
  whole: boolean,
): Outcome {
  const inner = aged(parsed)
  switch (backend.delivery) {
    case 'l2':
      return leaves(backend, number, parsed, inner, parsed.version)
    case 'ipip':
      return leaves(
        backend,
        number,
        parsed,
        outerHeader(backend, parsed, inner, hash, parsed.version === 4 ? wire.IPIP : wire.IPV6),
        familyOf(backend),
      )
    case 'gue': {
      const udp = bytesOf(big(0xc000 | (hash >>> 18)), big(backend.port ?? 0), big(8 + inner.length), [0, 0], inner)
      return leaves(backend, number, parsed, outerHeader(backend, parsed, udp, hash, wire.UDP), familyOf(backend))
    }
    case 'proxy':
      return whole ? proxied(parsed, backend, number, hash, flow) : drops('unsupported')
  }
}

const familyOf = ({ address }: TestBackend): 4 | 6 => (isV4(addressBytes(address)) ? 4 : 6)

/** An outer header before `payload`. */
function outerHeader(
  backend: TestBackend,
  { tos }: Parsed,
  payload: Uint8Array,
  hash: number,
  protocol: number,
): Uint8Array {
  const ends = { source: backend.source, destination: backend.address, protocol, tos }
  return familyOf(backend) === 4
    ? wire.ipv4(payload, { ...ends, fragment: 0x4000 })
    : wire.ipv6(payload, { ...ends, flowLabel: hash & 0xfffff })
}

function proxied(parsed: Parsed, backend: TestBackend, number: number, hash: number, flow: FlowBytes): Outcome {
  const datagram = parsed.packet.subarray(parsed.headers)
  const check = u16(datagram, 6)
  const [from4, to4] = [parsed.version === 4, familyOf(backend) === 4]
  if (check === 0 && !(from4 && to4)) return drops('noChecksum')
  const short = (address: Uint8Array) => (from4 ? address.subarray(12) : address)
  const addresses = bytesOf(short(flow.client), short(flow.local), big(flow.clientPort), big(flow.localPort))
  const header = bytesOf(SIGNATURE, [0x21, from4 ? 0x12 : 0x22], big(addresses.length), addresses)
  const payload = bytesOf(header, datagram.subarray(8))
  const ports = { sourcePort: 0xc000 | (hash >>> 18), destinationPort: backend.port || flow.localPort }
  const ends = { source: backend.source, destination: backend.address }
  const made = wire.udp(payload, { ...ends, ...ports, checksum: check !== 0 })
  if (check !== 0) {
    // As wrong as the client's was: by how much, the sum of its own datagram says.
    const start = wire.pseudoSum(flow.client, flow.local, wire.UDP, datagram.length)
    const error = wire.sum(datagram, start)
    const total = wire.sum(Uint8Array.from(big(~u16(made, 6) & 0xffff)), 0)
    // sum of everything is `error`; a right one has 0xffff (or 0).
    const wrong = subtract(error, 0xffff)
    const fixed = ~subtract(total, wrong) & 0xffff
    made.set(big(fixed || 0xffff), 6)
  }
  const packet = outerHeader(backend, parsed, made, hash, wire.UDP)
  return leaves(backend, number, parsed, packet, familyOf(backend))
}

/** a − b in one's complement. */
function subtract(a: number, b: number): number {
  let total = a + (~b & 0xffff)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

function leaves(backend: TestBackend, number: number, parsed: Parsed, packet: Uint8Array, version: 4 | 6): Outcome {
  const type = version === 4 ? [0x08, 0x00] : [0x86, 0xdd]
  const tag = backend.vlan ? bytesOf([0x81, 0x00], big(backend.vlan)) : new Uint8Array(0)
  const frame = bytesOf(macOf(number), sourceMacOf(number), tag, type, packet, parsed.trailer)
  return { verdict: backend.ifindex ? VERDICT.redirect : VERDICT.tx, frame }
}

function turned(link: Uint8Array): Uint8Array {
  return bytesOf(link.subarray(6, 12), link.subarray(0, 6), link.subarray(12))
}

function tooBig({ link, version, packet, source, destination }: Parsed, mtu: number): Outcome {
  const ends = { source: text(destination), destination: text(source) }
  if (version === 4) {
    const message = wire.icmp(3, 4, mtu, packet4Aged(packet).subarray(0, 512))
    return {
      verdict: VERDICT.tx,
      frame: bytesOf(turned(link), wire.ipv4(message, { ...ends, protocol: wire.ICMP, fragment: 0x4000 })),
      reason: 'tooBig',
    }
  }
  const quoted = packet.slice(0, packet.length >= 1232 ? 1232 : 512)
  quoted[7]!--
  const message = wire.icmp(2, 0, Math.max(mtu, 1280), quoted, ends)
  return {
    verdict: VERDICT.tx,
    frame: bytesOf(turned(link), wire.ipv6(message, { ...ends, protocol: wire.ICMPV6 })),
    reason: 'tooBig',
  }
}

const packet4Aged = (packet: Uint8Array) => aged({ version: 4, packet } as Parsed)

function icmpOf(world: World, frame: Uint8Array, parsed: Parsed, whole: Uint8Array): Outcome {
  const message = whole.subarray(parsed.headers)
  const type = message[0]!
  const v4 = parsed.version === 4
  if (type === (v4 ? 8 : 128)) return echo(world, frame, parsed)
  const errors = v4 ? [3, 11, 12] : [1, 2, 3, 4]
  if (!errors.includes(type)) return passes(frame)
  const about = message.subarray(8)
  const header = v4 ? 20 : 40
  if (about.length < header + 8) return passes(frame)
  if (v4 && (about[0] !== 0x45 || about[9] !== wire.UDP || (u16(about, 6) & 0x1fff) !== 0)) return passes(frame)
  if (!v4 && (about[0]! >> 4 !== 6 || about[6] !== wire.UDP)) return passes(frame)
  const at = (start: number) =>
    v4 ? bytesOf(MAPPED, about.subarray(start, start + 4)) : about.slice(start, start + 16)
  const flow = {
    local: at(v4 ? 12 : 8),
    client: at(v4 ? 16 : 24),
    localPort: u16(about, header),
    clientPort: u16(about, header + 2),
  }
  if (!same(flow.local, parsed.destination)) return passes(frame)
  const service = serviceAt(world, flow.local, flow.localPort)
  if (service < 0) return passes(frame)
  const { backend: number, hash } = owner(world, world.services[service]!, flow)
  const backend = world.backends[number]
  if (backend === undefined) return drops('noBackend')
  if (backend.delivery === 'proxy') return passes(frame)
  if (parsed.packet.length + addedBytes(backend, parsed) > (backend.mtu ?? DEFAULT_MTU)) return passes(frame)
  if (parsed.ttl <= 1) return drops('ttl')
  return { ...deliver(parsed, backend, number, hash, flow, false), reason: 'icmpError', backend: number }
}

function echo(world: World, frame: Uint8Array, parsed: Parsed): Outcome {
  if (!world.echo.some((vip) => same(addressBytes(vip), parsed.destination))) return passes(frame)
  if (!isHost(parsed.source)) return passes(frame)
  const answer = frame.slice()
  answer.set(turned(parsed.link))
  const ip = answer.subarray(parsed.link.length)
  const v4 = parsed.version === 4
  const [at, size] = v4 ? [12, 4] : [8, 16]
  const client = ip.slice(at, at + size)
  ip.copyWithin(at, at + size, at + 2 * size)
  ip.set(client, at + size)
  if (v4) {
    const before = ip[8]! << 8
    ip[8] = 64
    ip.set(big(~add(add(~u16(ip, 10) & 0xffff, ~before & 0xffff), 64 << 8) & 0xffff), 10)
  } else {
    ip[7] = 64
  }
  const message = ip.subarray(parsed.headers)
  const [was, is] = v4 ? [8 << 8, 0] : [128 << 8, 129 << 8]
  message[0] = is >> 8
  message.set(big(~add(add(~u16(message, 2) & 0xffff, ~was & 0xffff), is) & 0xffff), 2)
  return { verdict: VERDICT.tx, frame: answer, reason: 'echo' }
}

function add(a: number, b: number): number {
  const total = a + b
  return total > 0xffff ? (total & 0xffff) + 1 : total
}
