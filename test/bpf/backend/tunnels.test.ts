import { expect, it, vi } from 'vitest'
import { backendObject, loadObject } from '../../../src/bpf/index.js'
import { usualEndpoints } from '../../../src/forwarder/hosts.js'
import { addressBytes } from '../address.js'
import { model, VERDICT } from '../edge/model.js'
import { Random } from '../edge/random.js'
import { randomFrame } from '../edge/traffic.js'
import { LoadedEdge, type World } from '../edge/world.js'
import { randomWorld } from '../edge/worlds.js'
import { whyNoBpf } from '../kit.js'
import * as wire from '../packet.js'
import { backendSettings, nameHosts } from './hosts.js'

/** Edge and backend, one behind the other: what the edge wraps the backend unwraps, whatever it is. */

const PACKETS = 30_000
const PER_WORLD = 200
/** Fragment header of IPv6. */
const FRAGMENT = 44
vi.setConfig({ testTimeout: 60_000 })

/** What a PROXY header tells of a datagram: its ends and its payload; and whether its checksum is right. */
function datagramOf(frame: Uint8Array) {
  const packet = frame.subarray(14)
  const v4 = packet[0]! >> 4 === 4
  // Options and extension headers do not come back.
  let at = v4 ? (packet[0]! & 15) * 4 : 40
  if (!v4) {
    for (let next = packet[6]!; next !== wire.UDP && at < packet.length; ) {
      // A fragment header has no length (RFC 8200 §4.5).
      const size = next === FRAGMENT ? 8 : (packet[at + 1]! + 1) * 8
      next = packet[at]!
      at += size
    }
  }
  const [from, to] = v4
    ? [packet.subarray(12, 16), packet.subarray(16, 20)]
    : [packet.subarray(8, 24), packet.subarray(24, 40)]
  const length = (packet[at + 4]! << 8) | packet[at + 5]!
  const datagram = packet.subarray(at, at + length)
  const checksum = (datagram[6]! << 8) | datagram[7]!
  return {
    from: Buffer.from(from).toString('hex'),
    to: Buffer.from(to).toString('hex'),
    ports: Buffer.from(datagram.subarray(0, 4)).toString('hex'),
    payload: Buffer.from(datagram.subarray(8)).toString('hex'),
    right: checksum === 0 || wire.sum(datagram, wire.pseudoSum(from, to, wire.UDP, length)) === 0xffff,
  }
}

it('random packets through both are as they were, one hop older; of those with a PROXY header the datagrams', (context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
  const seed = Date.now() % 2 ** 31
  const here = Array.from({ length: 8 }, (_, i) => [`10.0.0.${11 + i}`, `2001:db8:10::${11 + i}`]).flat()
  const usual = usualEndpoints(here.map(addressBytes))
  const backend = loadObject(backendObject, { settings: backendSettings(6080, { proxy: 1, ...usual }) })
  nameHosts(backend, here, ['10.0.0.2', '2001:db8:10::2'])
  const edges = new Map<string, LoadedEdge>()
  let through = 0
  let proxied = 0
  try {
    for (let done = 0; done < PACKETS; done += PER_WORLD) {
      const random = new Random(seed + done)
      const made = randomWorld(random)
      // GUE to the one port that the backend knows, and no tag: what is compared is the packet.
      const world: World = {
        ...made,
        backends: made.backends.map((one) => ({ ...one, port: one.delivery === 'gue' ? 6080 : 0, vlan: 0 })),
      }
      const name = JSON.stringify(world.settings)
      const edge = edges.get(name) ?? new LoadedEdge(world)
      edges.set(name, edge)
      edge.fill(world)
      for (let i = 0; i < PER_WORLD; i++) {
        const frame = randomFrame(random, world)
        const { service, backend: number, verdict: expected } = model(world, frame)
        const delivery = number === undefined ? undefined : world.backends[number]!.delivery
        if (service === undefined || delivery === undefined || delivery === 'l2') continue
        // What cannot have a PROXY header is dropped.
        if (delivery === 'proxy' && expected !== VERDICT.tx && expected !== VERDICT.redirect) continue
        const { verdict, data } = edge.run(frame)
        expect([VERDICT.tx, VERDICT.redirect]).toContain(verdict)
        const unwrapped = backend.programs.backendXdp.testRun({ data })
        const behindTc = backend.programs.backendIngress.testRun({ data })
        // The same packet, as an edge that delivers on its segment would send it.
        const plain = {
          ...world,
          backends: world.backends.map((one) => ({ ...one, delivery: 'l2' as const, mtu: 65_535 })),
        }
        const wanted = model(plain, frame)
        expect([seed + done, unwrapped.verdict]).toEqual([seed + done, VERDICT.pass])
        expect(behindTc.verdict >>> 0).toBe(0xffff_ffff)
        expect(Buffer.compare(unwrapped.data.subarray(14), behindTc.data.subarray(14))).toBe(0)
        if (delivery === 'proxy') {
          expect(datagramOf(unwrapped.data)).toEqual(datagramOf(wanted.frame!))
          proxied++
          continue
        }
        expect(Buffer.compare(unwrapped.data, wanted.frame!)).toBe(0)
        through++
      }
    }
  } finally {
    backend.close()
    for (const edge of edges.values()) edge.close()
  }
  expect(through).toBeGreaterThan(1000)
  expect(proxied).toBeGreaterThan(300)
})
