/**
 * What the edge does with a packet, written from the contract (layouts.h, docs/architecture.md, docs/run-an-edge.md) and the RFCs, not
 * from the program: tests hold the two against each other. It recomputes every checksum where the program changes it by what
 * differs. Its parts are in model/.
 */
import * as wire from '../packet.js'
import { choose, type FlowBytes, type Question } from './model/choose.js'
import { addedBytes, deliver } from './model/deliver.js'
import { icmpOf, isHost, tooBig } from './model/icmp.js'
import { Memory } from './model/memory.js'
import { u16 } from './model/octets.js'
import { drops, type Outcome, passes } from './model/outcome.js'
import { type Parsed, parseFrame } from './model/parsed.js'
import { replyOf, tunnelOf } from './model/reply.js'
import type { Scene } from './model/scene.js'
import { serviceAt, servicesOf } from './model/services.js'
import { DEFAULT_MTU, type World } from './world.js'

export { VERDICT } from './model/outcome.js'

/** An edge that remembers nothing yet, on a host without routes. */
export function sceneOf(world: World): Scene {
  return { world, memory: new Memory(), wayTo: () => ({ kind: 'none' }) }
}

/** What becomes of a frame where nothing is remembered. */
export const model = (world: World, frame: Uint8Array): Outcome => outcomeOf(sceneOf(world), frame)

/** What becomes of a frame; what is to be remembered of it is in the scene's memory then. */
export function outcomeOf(scene: Scene, frame: Uint8Array): Outcome {
  const parsed = parseFrame(frame)
  if (parsed === undefined) return passes(frame)
  const { protocol, fragment } = parsed
  if (protocol === wire.UDP && fragment) return fragmentOf(scene, frame, parsed)
  if (protocol === (parsed.version === 4 ? wire.ICMP : wire.ICMPV6) && !fragment) return icmpOf(scene, frame, parsed)
  const forwarded = protocol === wire.UDP ? datagramOf(scene, frame, parsed) : undefined
  if (forwarded) return forwarded
  const tunnel = tunnelOf(frame, parsed)
  return tunnel ? replyOf(scene, frame, tunnel) : passes(frame)
}

/** Undefined when it is for no service. */
function datagramOf(scene: Scene, frame: Uint8Array, parsed: Parsed): Outcome | undefined {
  const { packet, headers, link } = parsed
  if (frame.length < link.length + headers + 8) return undefined
  const udp = frame.subarray(link.length + headers)
  const flow = { client: parsed.source, local: parsed.destination, clientPort: u16(udp, 0), localPort: u16(udp, 2) }
  const service = serviceAt(scene.world, parsed.destination, flow.localPort)
  if (service < 0) return undefined
  const length = u16(udp, 4)
  const room = packet.length - headers
  if (length < 8 || length > room) return drops('malformed')
  return send(scene, parsed, service, flow, { kind: 'datagram', payload: udp.subarray(8, length) }, length === room)
}

function fragmentOf(scene: Scene, frame: Uint8Array, parsed: Parsed): Outcome {
  const { world } = scene
  const here = servicesOf(world, parsed.destination)
  if (here.length === 0) return passes(frame)
  const service = world.services.map((one) => Boolean(one.fragments) && here.includes(one)).lastIndexOf(true)
  if (service < 0 || world.settings?.fragments === 0) return drops('fragment')
  const flow = { client: parsed.source, local: parsed.destination, clientPort: 0, localPort: 0 }
  return send(scene, parsed, service, flow, { kind: 'fragment' }, false)
}

function send(
  scene: Scene,
  parsed: Parsed,
  index: number,
  flow: FlowBytes,
  what: Pick<Question, 'kind' | 'payload'>,
  whole: boolean,
): Outcome {
  const service = scene.world.services[index]!
  const choice = choose(scene, { service, flow, ...what })
  const { backend: number, hash } = choice
  const backend = scene.world.backends[number]
  if (backend === undefined) return drops('noBackend')
  if (parsed.ttl <= 1) return drops('ttl')
  const added = addedBytes(backend, parsed)
  const mtu = backend.mtu ?? DEFAULT_MTU
  if (parsed.packet.length + added > mtu) {
    const later = parsed.version === 4 && (u16(parsed.packet, 6) & 0x1fff) !== 0
    return later || !isHost(parsed.source) ? drops('tooBigSilent') : tooBig(parsed, mtu - added)
  }
  const delivered = deliver(scene, { parsed, backend, number, hash, flow, whole })
  return { ...delivered, service: index, backend: number, choice }
}
