import { expect, it, vi } from 'vitest'
import { backendObject, loadObject } from '../../../src/bpf/index.js'
import { model, VERDICT } from '../edge/model.js'
import { Random, randomFrame, randomWorld } from '../edge/traffic.js'
import { LoadedEdge, type World } from '../edge/world.js'
import { whyNoBpf } from '../kit.js'
import { backendSettings, nameHosts } from './hosts.js'

/** Edge and backend, one behind the other: what the edge wraps the backend unwraps, whatever it is. */

const PACKETS = 30_000
const PER_WORLD = 200
vi.setConfig({ testTimeout: 60_000 })

it('random packets through both are as they were, one hop older', (context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
  const seed = Date.now() % 2 ** 31
  const backend = loadObject(backendObject, { settings: backendSettings(6080) })
  const here = Array.from({ length: 8 }, (_, i) => [`10.0.0.${11 + i}`, `2001:db8:10::${11 + i}`]).flat()
  nameHosts(backend, here, { '10.0.0.2': 0, '2001:db8:10::2': 0 })
  const edges = new Map<string, LoadedEdge>()
  let through = 0
  try {
    for (let done = 0; done < PACKETS; done += PER_WORLD) {
      const random = new Random(seed + done)
      const made = randomWorld(random)
      // GUE to the one port that the backend knows, and no tag: what is compared is the packet.
      const world: World = { ...made, backends: made.backends.map((one) => ({ ...one, port: 6080, vlan: 0 })) }
      const name = JSON.stringify(world.settings)
      const edge = edges.get(name) ?? new LoadedEdge(world)
      edges.set(name, edge)
      edge.fill(world)
      for (let i = 0; i < PER_WORLD; i++) {
        const frame = randomFrame(random, world)
        const { service, backend: number } = model(world, frame)
        const delivery = number === undefined ? undefined : world.backends[number]!.delivery
        if (service === undefined || (delivery !== 'ipip' && delivery !== 'gue')) continue
        const { verdict, data } = edge.run(frame)
        expect([VERDICT.tx, VERDICT.redirect]).toContain(verdict)
        const unwrapped = backend.programs.backendXdp.testRun({ data })
        // The same packet, as an edge that delivers on its segment would send it.
        const plain = {
          ...world,
          backends: world.backends.map((one) => ({ ...one, delivery: 'l2' as const, mtu: 65_535 })),
        }
        const wanted = model(plain, frame)
        expect([seed + done, unwrapped.verdict]).toEqual([seed + done, VERDICT.pass])
        expect(Buffer.compare(unwrapped.data, wanted.frame!)).toBe(0)
        through++
      }
    }
  } finally {
    backend.close()
    for (const edge of edges.values()) edge.close()
  }
  expect(through).toBeGreaterThan(1000)
})
