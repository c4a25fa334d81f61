import { layouts } from '../../../../src/bpf/index.js'
import { portKeyOf } from '../../../../src/forwarder/flow-memory.js'
import { readSecret } from '../../../../src/pinning/secret.js'
import { addressBytes } from '../../address.js'
import * as wire from '../../packet.js'
import { aged } from './deliver.js'
import { big, bytesOf, changedSum, same, u16 } from './octets.js'
import { drops, type Outcome, passes, VERDICT } from './outcome.js'
import { type Parsed, parseInside } from './parsed.js'
import type { Scene } from './scene.js'
import { serviceAt, servicesOf } from './services.js'

const CONGESTION_EXPERIENCED = 3
const ECT_0 = 2
const ECT_1 = 1
const NOT_ECT = 0

/** How a reply is wrapped. */
interface Tunnel {
  outer: Parsed
  /** From the inner IP header to the end of the frame. */
  inside: Uint8Array
  /** With GUE: the port that it came to. */
  gue?: number | undefined
}

/** What may be a reply that a backend sends through the edge; undefined when it is in no tunnel. */
export function tunnelOf(frame: Uint8Array, outer: Parsed): Tunnel | undefined {
  const { link, headers, protocol, fragment } = outer
  // Pieces of a tunnel's packets are the host's.
  if (fragment) return undefined
  const payload = frame.subarray(link.length + headers)
  if (protocol === wire.IPIP || protocol === wire.IPV6) return { outer, inside: payload }
  if (protocol !== wire.UDP || payload.length < 8) return undefined
  return { outer, inside: payload.subarray(8), gue: u16(payload, 2) }
}

/** What becomes of it. */
export function replyOf(scene: Scene, frame: Uint8Array, tunnel: Tunnel): Outcome {
  const { world } = scene
  const { outer, inside, gue } = tunnel
  const here = world.replies?.endpoints.find(({ address }) => same(addressBytes(address), outer.destination))
  if (!world.settings?.returnPath || here === undefined) return passes(frame)
  if (gue !== undefined && (here.guePort === 0 || gue !== here.guePort)) return passes(frame)
  const [, sender] =
    Object.entries(world.replies!.sources).find(([address]) => same(addressBytes(address), outer.source)) ?? []
  if (sender === undefined) return drops('untrusted')
  const inner = parseInside(inside)
  if (inner === undefined || !fromService(scene, inner, inside)) return drops('notOurs')
  const notes = [`reply: ${gue === undefined ? 'ipip' : 'gue'} ${inner.version} in ${outer.version}`]
  if (inner.fragment) notes.push('reply: fragment')
  else if (teach(scene, inner, sender)) notes.push('reply: taught')
  const marked = withMark(inner, outer.tos)
  if (marked === undefined) return { ...drops('malformed'), notes: ['reply: congestion not told'] }
  if (!same(marked, inner.packet)) notes.push('reply: congestion told')
  const outcome = onward(scene, outer, { ...inner, packet: marked })
  const end = outcome.verdict === VERDICT.pass ? 'left to the host' : outcome.reason
  return { ...outcome, notes: [...notes, `reply: ${end}`] }
}

/**
 * Whether its source is a VIP and port of a service; of a fragment, which has no ports, a VIP of one. What the lengths in it say,
 * beyond the headers' own, is between backend and client.
 */
function fromService({ world }: Scene, { protocol, fragment, source, headers }: Parsed, inside: Uint8Array): boolean {
  if (protocol !== wire.UDP) return false
  if (fragment) return servicesOf(world, source).length > 0
  return inside.length >= headers + 8 && serviceAt(world, source, u16(inside, headers)) >= 0
}

/** The sender owns the port that it sent from. Returns whether it did not already. */
function teach({ world, memory }: Scene, { source, packet, trailer, headers }: Parsed, sender: number): boolean {
  const port = u16(bytesOf(packet, trailer), headers)
  const service = world.services[serviceAt(world, source, port)]!
  if (!world.settings?.learnedPorts || ((service.flags ?? 0) & layouts.ServiceFlags.learnPorts) === 0) return false
  const key = portKeyOf(source, port, readSecret('secret', world.secret))
  const known = memory.recall(key, world.backends) === sender
  memory.remember(key, sender, world.backends[sender]!)
  return !known
}

/** The packet with what its tunnel saw of congestion (RFC 6040 §4.2); undefined where it cannot be told. */
function withMark({ version, packet, tos }: Parsed, outer: number): Uint8Array | undefined {
  const [wrapped, own] = [outer & 3, tos & 3]
  if (wrapped === CONGESTION_EXPERIENCED && own === NOT_ECT) return undefined
  let mark = own
  if (wrapped === CONGESTION_EXPERIENCED) mark = CONGESTION_EXPERIENCED
  if (wrapped === ECT_1 && own === ECT_0) mark = ECT_1
  const changed = packet.slice()
  const before = u16(packet, 0)
  const shift = version === 4 ? 0 : 4
  const after = (before & ~(3 << shift)) | (mark << shift)
  changed.set(big(after), 0)
  if (version === 4 && after !== before) changed.set(big(changedSum(u16(packet, 10), before, after)), 10)
  return changed
}

/** To the client, as the routing table says. */
function onward(scene: Scene, outer: Parsed, inner: Parsed): Outcome {
  const way = scene.wayTo(inner.destination, inner.packet.length)
  if (way.kind === 'none') return drops('noRoute')
  const type = inner.version === 4 ? [0x08, 0x00] : [0x86, 0xdd]
  if (way.kind === 'byHost') {
    // It asks for the neighbour, or cuts the packet, and forwards it with a hop less itself.
    const frame = bytesOf(outer.link.subarray(0, 12), type, inner.packet, inner.trailer)
    return { verdict: VERDICT.pass, frame, reason: 'returned' }
  }
  if (inner.ttl <= 1) return drops('ttl')
  const frame = bytesOf(way.destination, way.source, type, aged(inner), inner.trailer)
  return { verdict: VERDICT.redirect, frame, reason: 'returned' }
}
