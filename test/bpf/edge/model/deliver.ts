import { layouts } from '../../../../src/bpf/index.js'
import { addressBytes } from '../../address.js'
import * as wire from '../../packet.js'
import { macOf, sourceMacOf, type TestBackend } from '../world.js'
import type { FlowBytes } from './choose.js'
import { big, bytesOf, changedSum, isV4, subtract, u16 } from './octets.js'
import { drops, type Outcome, VERDICT } from './outcome.js'
import type { Parsed } from './parsed.js'
import type { Scene } from './scene.js'

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)

/** A packet that has its backend. */
export interface Delivery {
  parsed: Parsed
  backend: TestBackend
  /** Its index. */
  number: number
  hash: number
  flow: FlowBytes
  /** A datagram that fills its packet. */
  whole: boolean
}

const familyOf = ({ address }: TestBackend): 4 | 6 => (isV4(addressBytes(address)) ? 4 : 6)

/** Bytes that delivery adds to a packet. */
export function addedBytes(backend: TestBackend, { version, headers }: Parsed): number {
  const outer = familyOf(backend) === 4 ? 20 : 40
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
export function aged({ version, packet }: Pick<Parsed, 'version' | 'packet'>): Uint8Array {
  const older = packet.slice()
  if (version === 6) {
    older[7]!--
    return older
  }
  const before = u16(older, 8)
  older[8]!--
  older.set(big(changedSum(u16(older, 10), before, u16(older, 8))), 10)
  return older
}

export function deliver(scene: Scene, delivery: Delivery): Outcome {
  const { parsed, backend, hash, whole } = delivery
  const inner = aged(parsed)
  switch (backend.delivery) {
    case 'l2':
      return leaves(scene, delivery, inner, parsed.version)
    case 'ipip': {
      const protocol = parsed.version === 4 ? wire.IPIP : wire.IPV6
      return leaves(scene, delivery, outerHeader(delivery, inner, protocol), familyOf(backend))
    }
    case 'gue': {
      const udp = bytesOf(big(0xc000 | (hash >>> 18)), big(backend.port ?? 0), big(8 + inner.length), [0, 0], inner)
      return leaves(scene, delivery, outerHeader(delivery, udp, wire.UDP), familyOf(backend))
    }
    case 'proxy':
      return whole ? proxied(scene, delivery) : drops('unsupported')
  }
}

/** An outer header before `payload`. */
function outerHeader({ backend, parsed: { tos }, hash }: Delivery, payload: Uint8Array, protocol: number): Uint8Array {
  const ends = { source: backend.source, destination: backend.address, protocol, tos }
  return familyOf(backend) === 4
    ? wire.ipv4(payload, { ...ends, fragment: 0x4000 })
    : wire.ipv6(payload, { ...ends, flowLabel: hash & 0xfffff })
}

function proxied(scene: Scene, delivery: Delivery): Outcome {
  const { parsed, backend, hash, flow } = delivery
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
  return leaves(scene, delivery, outerHeader(delivery, made, wire.UDP), familyOf(backend))
}

/** With the Ethernet addresses that the backend has, or those that the routing table says. */
function leaves(scene: Scene, { backend, number, parsed }: Delivery, packet: Uint8Array, version: 4 | 6): Outcome {
  const type = version === 4 ? [0x08, 0x00] : [0x86, 0xdd]
  const tag = backend.vlan ? bytesOf([0x81, 0x00], big(backend.vlan)) : new Uint8Array(0)
  const rest = bytesOf(tag, type, packet, parsed.trailer)
  if (!scene.world.settings?.fib || ((backend.flags ?? 0) & layouts.BackendFlags.fib) === 0) {
    const frame = bytesOf(macOf(number), sourceMacOf(number), rest)
    return { verdict: backend.ifindex ? VERDICT.redirect : VERDICT.tx, frame }
  }
  // The routing table knows the way to addresses, and a packet of `l2` keeps that of the VIP.
  if (backend.delivery === 'l2') return { ...drops('noRoute'), notes: ['routed: l2'] }
  const way = scene.wayTo(addressBytes(backend.address), packet.length)
  if (way.kind !== 'found') return { ...drops('noRoute'), notes: [`routed: ${way.kind}`] }
  return { verdict: VERDICT.redirect, frame: bytesOf(way.destination, way.source, rest), notes: ['routed: found'] }
}
