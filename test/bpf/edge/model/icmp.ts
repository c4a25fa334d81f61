import { addressBytes } from '../../address.js'
import * as wire from '../../packet.js'
import { DEFAULT_MTU, type World } from '../world.js'
import { choose, type FlowBytes } from './choose.js'
import { addedBytes, aged, deliver } from './deliver.js'
import { big, bytesOf, changedSum, isV4, MAPPED, same, textOf, u16 } from './octets.js'
import { drops, type Outcome, passes, VERDICT } from './outcome.js'
import type { Parsed } from './parsed.js'
import type { Scene } from './scene.js'
import { serviceAt } from './services.js'

/** Whether an answer may go to a source (RFC 1122 §3.2.2, RFC 4443 §2.4). */
export function isHost(source: Uint8Array): boolean {
  if (isV4(source)) return source[12] !== 0 && source[12] !== 127 && source[12]! < 224
  const nowhere =
    source.subarray(0, 12).every((octet) => octet === 0) &&
    new DataView(source.buffer, source.byteOffset).getUint32(12) <= 1
  return source[0] !== 0xff && !nowhere
}

/** The link header with its addresses exchanged. */
function turned(link: Uint8Array): Uint8Array {
  return bytesOf(link.subarray(6, 12), link.subarray(0, 6), link.subarray(12))
}

/** Tells the client what size fits. */
export function tooBig({ link, version, packet, source, destination }: Parsed, mtu: number): Outcome {
  const ends = { source: textOf(destination), destination: textOf(source) }
  if (version === 4) {
    const message = wire.icmp(3, 4, mtu, aged({ version, packet }).subarray(0, 512))
    return {
      verdict: VERDICT.tx,
      frame: bytesOf(turned(link), wire.ipv4(message, { ...ends, protocol: wire.ICMP, fragment: 0x4000 })),
      reason: 'tooBig',
    }
  }
  const quoted = aged({ version, packet }).subarray(0, packet.length >= 1232 ? 1232 : 512)
  const message = wire.icmp(2, 0, Math.max(mtu, 1280), quoted, ends)
  return {
    verdict: VERDICT.tx,
    frame: bytesOf(turned(link), wire.ipv6(message, { ...ends, protocol: wire.ICMPV6 })),
    reason: 'tooBig',
  }
}

/** An ICMP message: an echo request to a VIP, an error about what a backend sent, or the host's. */
export function icmpOf(scene: Scene, frame: Uint8Array, parsed: Parsed): Outcome {
  // The program sees the frame, and a body that ends before it does is not looked for.
  const message = bytesOf(parsed.packet, parsed.trailer).subarray(parsed.headers)
  if (message.length < 8) return passes(frame)
  const type = message[0]!
  const v4 = parsed.version === 4
  if (type === (v4 ? 8 : 128)) return echo(scene.world, frame, parsed)
  const errors = v4 ? [3, 11, 12] : [1, 2, 3, 4]
  const flow = errors.includes(type) ? flowIn(message.subarray(8), v4) : undefined
  if (flow === undefined || !same(flow.local, parsed.destination)) return passes(frame)
  return errorAbout(scene, frame, parsed, flow)
}

const IPV6_FRAGMENT = 44

/** The flow whose datagram an error quotes, seen from the client. */
function flowIn(about: Uint8Array, v4: boolean): FlowBytes | undefined {
  // With IPv6 it may be the first part of a datagram that was sent in fragments, which has the ports.
  const part = !v4 && about[6] === IPV6_FRAGMENT
  const header = v4 ? 20 : part ? 48 : 40
  if (about.length < header + 8) return undefined
  if (v4 && (about[0] !== 0x45 || about[9] !== wire.UDP || (u16(about, 6) & 0x1fff) !== 0)) return undefined
  if (!v4 && (about[0]! >> 4 !== 6 || about[part ? 40 : 6] !== wire.UDP)) return undefined
  if (part && (u16(about, 42) & 0xfff8) !== 0) return undefined
  const at = (start: number) =>
    v4 ? bytesOf(MAPPED, about.subarray(start, start + 4)) : about.slice(start, start + 16)
  return {
    local: at(v4 ? 12 : 8),
    client: at(v4 ? 16 : 24),
    localPort: u16(about, header),
    clientPort: u16(about, header + 2),
  }
}

function errorAbout(scene: Scene, frame: Uint8Array, parsed: Parsed, flow: FlowBytes): Outcome {
  const { world } = scene
  const service = world.services[serviceAt(world, flow.local, flow.localPort)]
  if (service === undefined) return passes(frame)
  const choice = choose(scene, { service, flow, kind: 'error' })
  const { backend: number, hash } = choice
  const backend = world.backends[number]
  if (backend === undefined) return drops('noBackend')
  // One that is addressed by itself has no use for a message to the VIP; and no error answers an error.
  if (backend.delivery === 'proxy') return passes(frame)
  if (parsed.packet.length + addedBytes(backend, parsed) > (backend.mtu ?? DEFAULT_MTU)) return passes(frame)
  if (parsed.ttl <= 1) return drops('ttl')
  const delivered = deliver(scene, { parsed, backend, number, hash, flow, whole: false })
  // Where the routing table knows no way, it is counted as both.
  const also = delivered.reason
  return { ...delivered, reason: 'icmpError', also, backend: number, choice }
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
    ip.set(big(changedSum(u16(ip, 10), ip[8]! << 8, 64 << 8)), 10)
    ip[8] = 64
  } else {
    ip[7] = 64
  }
  const message = ip.subarray(parsed.headers)
  const [was, is] = v4 ? [8 << 8, 0] : [128 << 8, 129 << 8]
  message[0] = is >> 8
  message.set(big(changedSum(u16(message, 2), was, is)), 2)
  return { verdict: VERDICT.tx, frame: answer, reason: 'echo' }
}
