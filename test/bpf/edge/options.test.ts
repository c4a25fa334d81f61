import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decode, layouts } from '../../../src/bpf/index.js'
import { thread } from '../../../src/internal/thread.js'
import { whyNoBpf } from '../kit.js'
import * as wire from '../packet.js'
import { VERDICT } from './model.js'
import { LoadedEdge, type TestService, type World } from './world.js'

/** What is off by default, one by one. */

const CLIENT = '203.0.113.2'
const VIP = '198.51.100.2'
const { BackendFlags, DrainPhase, Reason, ServiceFlags } = layouts

beforeEach((context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})

const open: LoadedEdge[] = []
afterEach(() => {
  for (const edge of open.splice(0)) edge.close()
})

const SERVICE: TestService = { vip: VIP, ports: [443, 443], affinity: 'client-ip-port', pool: 0 }
const BACKENDS = [0, 1, 2].map((i) => ({ delivery: 'ipip' as const, address: `10.0.0.${11 + i}`, source: '10.0.0.2' }))

/** A pool whose every flow goes to backend 0. */
function world(settings: Partial<layouts.EdgeSettings>, service: Partial<TestService> = {}): World {
  return {
    secret: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    services: [{ ...SERVICE, ...service }],
    pools: [[0]],
    backends: BACKENDS,
    echo: [],
    settings: { flowSets: 1024, ...settings },
  }
}

function load(what: World): LoadedEdge {
  const edge = new LoadedEdge(what)
  open.push(edge)
  return edge
}

function query(sourcePort: number, payload: Uint8Array = new Uint8Array(32)): Uint8Array {
  const ends = { source: CLIENT, destination: VIP }
  return wire.ethernet(wire.ip(wire.udp(payload, { ...ends, sourcePort, destinationPort: 443 }), ends))
}

/** The backend that a flow goes to, by the last byte of its address. */
function backendOf(edge: LoadedEdge, sourcePort: number, payload?: Uint8Array): number {
  const { verdict, data } = edge.run(query(sourcePort, payload))
  expect(verdict).toBe(VERDICT.tx)
  return data[14 + 19]! - 11
}

describe('a flow table', () => {
  const remembering = { flags: ServiceFlags.flowTable }

  it('keeps flows where they were, and others not', () => {
    const before = world({ flowTable: 1 }, remembering)
    const edge = load(before)
    expect([backendOf(edge, 1000), backendOf(edge, 1001)]).toEqual([0, 0])
    edge.fill({ ...before, pools: [[1]] })
    expect([1000, 1001, 1002].map((port) => backendOf(edge, port))).toEqual([0, 0, 1])
    edge.fill(before)
    expect([1000, 1001, 1002].map((port) => backendOf(edge, port))).toEqual([0, 0, 1])
  })

  it('is a choice of each service', () => {
    const before = world({ flowTable: 1 })
    const edge = load(before)
    expect(backendOf(edge, 1000)).toBe(0)
    edge.fill({ ...before, pools: [[1]] })
    expect(backendOf(edge, 1000)).toBe(1)
  })

  it('forgets a backend that is gone, though another has its index', () => {
    const before = world({ flowTable: 1 }, remembering)
    const edge = load(before)
    expect(backendOf(edge, 1000)).toBe(0)
    const backends = BACKENDS.map((backend) => ({ ...backend, epoch: 1 }))
    edge.fill({ ...before, pools: [[1]], backends })
    expect(backendOf(edge, 1000)).toBe(1)
  })

  it('forgets flows that were idle, not those in use', async () => {
    const before = world({ flowTable: 1, flowIdle: 1 }, remembering)
    const edge = load(before)
    for (const port of [1000, 1001]) expect(backendOf(edge, port)).toBe(0)
    edge.fill({ ...before, pools: [[1]] })
    for (let i = 0; i < 6; i++) {
      await sleep(500)
      expect(backendOf(edge, 1001)).toBe(0)
    }
    expect(backendOf(edge, 1000)).toBe(1)
  })

  it('holds as many flows as there are entries, the last ones', () => {
    const before = world({ flowTable: 1, flowSets: 256 }, remembering)
    const edge = load(before)
    const all = Array.from({ length: 10_000 }, (_, i) => 1024 + i)
    for (const port of all) backendOf(edge, port)
    edge.fill({ ...before, pools: [[1]] })
    const kept = all.filter((port) => edge.run(query(port)).data[14 + 19] === 11).length
    expect(kept).toBeGreaterThan(0)
    expect(kept).toBeLessThanOrEqual(256 * 4)
  })

  it('remembers what steers ICMP errors, and errors are not flows', () => {
    const before = world({ flowTable: 1 }, remembering)
    const edge = load(before)
    const error = (port: number) => {
      const answer = wire.udp(new Uint8Array(8), {
        source: VIP,
        destination: CLIENT,
        sourcePort: 443,
        destinationPort: port,
      })
      const about = wire.ipv4(answer, { source: VIP, destination: CLIENT })
      const ends = { source: '192.0.2.1', destination: VIP, protocol: wire.ICMP }
      return edge.run(wire.ethernet(wire.ipv4(wire.icmp(3, 3, 0, about), ends))).data[14 + 19]! - 11
    }
    expect([backendOf(edge, 1000), error(2000)]).toEqual([0, 0])
    edge.fill({ ...before, pools: [[1]] })
    expect([error(1000), error(2000), backendOf(edge, 2000)]).toEqual([0, 1, 1])
  })
})

describe('draining', () => {
  const leaving = BACKENDS.map((backend, i) => (i === 0 ? { ...backend, flags: BackendFlags.draining } : backend))
  const drains = (phase: number): World => ({
    ...world({ draining: 1 }),
    backends: leaving,
    pools: [[1]],
    previous: { 0: { slots: [0], phase } },
  })

  it('learns the flows of who leaves, and then holds those and no others', () => {
    const edge = load(drains(DrainPhase.learn))
    expect(backendOf(edge, 1000)).toBe(0)
    edge.fill(drains(DrainPhase.hold))
    expect([backendOf(edge, 1000), backendOf(edge, 1001)]).toEqual([0, 1])
    edge.fill({ ...drains(DrainPhase.hold), previous: {} })
    expect(backendOf(edge, 1000)).toBe(1)
  })

  it('moves flows of slots whose owner stays', () => {
    const edge = load({ ...drains(DrainPhase.learn), backends: BACKENDS })
    expect(backendOf(edge, 1000)).toBe(1)
  })
})

describe('QUIC-LB', () => {
  const quic = { flags: ServiceFlags.quic, quic: { configBits: 0b101, idLength: 3 } }
  const what: World = {
    ...world({ quic: 1 }, quic),
    quicServers: [
      { pool: 0, config: 0, id: 'c4605e', backend: 1 },
      { pool: 0, config: 2, id: 'c4605e', backend: 2 },
    ],
  }
  const short = (first: number, id: string) =>
    Buffer.concat([Buffer.of(0x40, first), Buffer.from(`${id}00112233`, 'hex')])
  const long = (first: number, id: string, length = 8) =>
    Buffer.concat([Buffer.of(0xc0, 0, 0, 0, 1, length, first), Buffer.from(`${id}00112233`, 'hex'), Buffer.alloc(20)])

  it.each([
    ['a short header', short(0x07, 'c4605e'), 1],
    ['a long header', long(0x07, 'c4605e'), 1],
    ['another configuration', short(0x47, 'c4605e'), 2],
    ['a configuration that is not ours', short(0x27, 'c4605e'), 0],
    ['unroutable', short(0xe7, 'c4605e'), 0],
    ['an ID that nobody has', short(0x07, 'c4605f'), 0],
    ['a connection ID that is too short', long(0x07, 'c4605e', 3), 0],
    ['a length beyond the datagram', long(0x07, 'c4605e', 200), 0],
    ['a datagram that ends early', Buffer.of(0x40, 0x07, 0xc4, 0x60), 0],
  ] as const)('%s', (_, payload, backend) => {
    expect(backendOf(load(what), 1000, payload)).toBe(backend)
  })
})

describe('events', () => {
  const PAGE = 4096
  /** All records of a ring buffer: a position of the consumer, one of the producer, and the data (linux/bpf.h). */
  function events(edge: LoadedEdge): layouts.Event[] {
    const { bpf } = thread().addon
    const { fd } = edge.object.maps.events
    const memory = bpf.memoryOf(fd, PAGE, 2 * PAGE, false)
    if (typeof memory === 'number') throw new Error(`ring buffer: ${memory}`)
    const view = new DataView(memory)
    const found: layouts.Event[] = []
    for (let at = 0; at < Number(view.getBigUint64(0, true)); at += 8 + layouts.Event.size) {
      found.push(decode(layouts.Event, new Uint8Array(memory, PAGE + at + 8, layouts.Event.size)))
    }
    return found
  }

  it('tell what became of packets', () => {
    const edge = load(world({ events: 1, eventMask: 0 }))
    edge.run(query(1000))
    edge.fill({ ...world({}), pools: [[]] })
    edge.run(query(1001))
    expect(events(edge)).toMatchObject([
      { reason: Reason.forwarded, backend: 0, service: 0, length: 60, protocol: 17, clientPort: 1000, localPort: 443 },
      { reason: Reason.noBackend, backend: 0xffff, service: 0, length: 60, clientPort: 1001 },
    ])
  })

  it('are of one packet in so many', () => {
    const edge = load(world({ events: 1, eventMask: 63 }))
    for (let i = 0; i < 1000; i++) edge.run(query(1000 + i))
    const { length } = events(edge)
    expect(length).toBeGreaterThan(0)
    expect(length).toBeLessThan(60)
  })
})
