import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backendObject, type LoadedObject, layouts, loadObject } from '../../../src/bpf/index.js'
import { whyNoBpf } from '../kit.js'
import * as wire from '../packet.js'
import { backendSettings, nameHosts } from './hosts.js'

/** Replies that go to the edge that the request came through. On a real network: test/netns/return-path.test.ts. */

const UNSPEC = 0xffff_ffff
const REDIRECT = 7
const EDGES = { 4: ['10.0.0.2', '10.0.0.3'], 6: ['2001:db8:10::2', '2001:db8:10::3'] } as const
const HERE = { 4: ['10.0.0.11', '10.0.0.12'], 6: ['2001:db8:10::11', '2001:db8:10::12'] } as const
const VIP = { 4: '198.51.100.2', 6: '2001:db8:51::2' } as const
const GUE_PORT = 6080
const versions = [4, 6] as const
type Version = (typeof versions)[number]

let loaded: LoadedObject<typeof backendObject>
beforeEach((context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  // One set of four: the fifth client pushes the first one out.
  loaded = loadObject(backendObject, { settings: backendSettings(GUE_PORT, { returns: 1 }) })
  nameHosts(loaded, [...HERE[4], ...HERE[6]], [...EDGES[4], ...EDGES[6]])
})
afterAll(() => loaded?.close())

const client = (version: Version, number = 2) => (version === 4 ? `203.0.113.${number}` : `2001:db8:113::${number}`)

interface Way {
  outer: Version
  gue?: boolean
  edge?: 0 | 1
  endpoint?: 0 | 1
}

/** A request of a client through an edge. */
function ask(version: Version, { outer, gue = false, edge = 0, endpoint = 0 }: Way, number = 2, payload?: Uint8Array) {
  const inner = { source: client(version, number), destination: VIP[version] }
  const datagram = wire.udp(payload ?? new Uint8Array(20), { ...inner, sourcePort: 4000, destinationPort: 53 })
  const packet = wire.ip(datagram, inner)
  const around = { source: EDGES[outer][edge], destination: HERE[outer][endpoint] }
  const protocol = gue ? wire.UDP : version === 4 ? wire.IPIP : wire.IPV6
  const wrapped = gue
    ? wire.udp(packet, { ...around, sourcePort: 50_000, destinationPort: GUE_PORT, checksum: false })
    : packet
  const frame = wire.ethernet(wire.ip(wrapped, { ...around, protocol }))
  expect(loaded.programs.backendXdp.testRun({ data: frame }).verdict).toBe(2)
}

/** The server's reply, before it leaves. */
function reply(version: Version, number = 2, bytes = 30, tos = 0): Uint8Array {
  const ends = { source: VIP[version], destination: client(version, number) }
  const datagram = wire.udp(new Uint8Array(bytes), { ...ends, sourcePort: 53, destinationPort: 4000 })
  return wire.ip(datagram, { ...ends, tos })
}

function send(packet: Uint8Array) {
  const { verdict, data } = loaded.programs.backendEgress.testRun({ data: wire.ethernet(packet) })
  return { verdict: verdict >>> 0, packet: data.subarray(14) }
}

/** What `send` makes of it by a way. */
function wrapped(packet: Uint8Array, { outer, gue = false, edge = 0, endpoint = 0 }: Way, sent: Uint8Array) {
  const around = { source: HERE[outer][endpoint], destination: EDGES[outer][edge] }
  const protocol = gue ? wire.UDP : packet[0]! >> 4 === 4 ? wire.IPIP : wire.IPV6
  // Port and flow label spread tunnels over paths: any will do.
  const sourcePort = gue ? (sent[outer === 4 ? 20 : 40]! << 8) | sent[outer === 4 ? 21 : 41]! : 0
  const flowLabel = outer === 6 ? ((sent[1]! & 15) << 16) | (sent[2]! << 8) | sent[3]! : 0
  if (gue) expect(sourcePort).toBeGreaterThanOrEqual(0xc000)
  const inside = gue ? wire.udp(packet, { ...around, sourcePort, destinationPort: GUE_PORT, checksum: false }) : packet
  return wire.ip(inside, { ...around, protocol, fragment: 0x4000, flowLabel })
}

const ways = versions.flatMap((outer) =>
  versions.flatMap((version) => [false, true].map((gue) => ({ outer, version, gue }))),
)

describe.each(ways)('IPv$version over IPv$outer (GUE: $gue)', ({ outer, version, gue }) => {
  it('replies go back as the request came, to the edge and from the address that it was sent to', () => {
    for (const edge of [0, 1] as const) {
      for (const endpoint of [0, 1] as const) {
        const way = { outer, gue, edge, endpoint }
        ask(version, way)
        const sent = send(reply(version))
        expect(sent).toEqual({ verdict: REDIRECT, packet: wrapped(reply(version), way, sent.packet) })
      }
    }
  })

  it('what does not fit goes directly', () => {
    const way = { outer, gue }
    ask(version, way, 20)
    const room = 1500 - (outer === 4 ? 20 : 40) - (gue ? 8 : 0) - (version === 4 ? 28 : 48)
    const before = counted(layouts.Reason.tooBigSilent)
    expect(send(reply(version, 20, room)).verdict).toBe(REDIRECT)
    expect(send(reply(version, 20, room + 1))).toMatchObject({ verdict: UNSPEC })
    expect(counted(layouts.Reason.tooBigSilent)).toBe(before + 1)
  })
})

it.each(versions)(
  'IPv%s: a client that others pushed out is answered directly, until it asks again',
  async (version) => {
    const way = { outer: 4 } as const
    ask(version, way, 10)
    expect(send(reply(version, 10)).verdict).toBe(REDIRECT)
    // Time is kept in seconds, nearly.
    await new Promise((resolve) => setTimeout(resolve, 1200))
    for (const number of [11, 12, 13, 14]) ask(version, way, number)
    expect(send(reply(version, 10))).toEqual({ verdict: UNSPEC, packet: reply(version, 10) })
    expect(send(reply(version, 14)).verdict).toBe(REDIRECT)
    ask(version, way, 10)
    expect(send(reply(version, 10)).verdict).toBe(REDIRECT)
  },
)

it.each(versions)('IPv%s: later fragments go the same way', (version) => {
  ask(version, { outer: 4 }, 30)
  const ends = { source: VIP[version], destination: client(version, 30) }
  const part =
    version === 4
      ? wire.ip(new Uint8Array(64), { ...ends, fragment: 185 })
      : wire.ip(new Uint8Array(64), { ...ends, options: wire.fragmentHeader(wire.UDP, 185, false), firstExtension: 44 })
  const sent = send(part)
  expect(sent).toEqual({ verdict: REDIRECT, packet: wrapped(part, { outer: 4 }, sent.packet) })
})

it('DSCP and ECN are copied (RFC 6040 §4.1, normal mode)', () => {
  for (const version of versions) {
    ask(version, { outer: 4 }, 40)
    const { packet } = send(reply(version, 40, 30, 0xba))
    expect(packet[1]).toBe(0xba)
  }
})

it('nothing else goes that way: other sources, other protocols, ICMP errors', () => {
  ask(4, { outer: 4 }, 50)
  const ends = { source: VIP[4], destination: client(4, 50) }
  const others = [
    wire.ip(wire.udp(new Uint8Array(8), { ...ends, source: '10.0.0.11', sourcePort: 53, destinationPort: 4000 }), {
      ...ends,
      source: '10.0.0.11',
    }),
    wire.ip(new Uint8Array(40), { ...ends, protocol: 6 }),
    wire.ip(wire.icmp(3, 3, 0, reply(4, 50)), { ...ends, protocol: wire.ICMP }),
  ]
  for (const packet of others) expect(send(packet)).toEqual({ verdict: UNSPEC, packet })
})

const gone: { what: string; endpoints: string[]; edges: string[] }[] = [
  { what: 'an edge', endpoints: [...HERE[4], ...HERE[6]], edges: [EDGES[4][0], ...EDGES[6]] },
  { what: 'an edge, and another has come,', endpoints: [...HERE[4], ...HERE[6]], edges: [EDGES[4][0], '10.0.0.4'] },
  { what: 'an endpoint', endpoints: [HERE[4][0], ...HERE[6]], edges: [...EDGES[4], ...EDGES[6]] },
  { what: 'an endpoint, and another has come,', endpoints: [HERE[4][0], '10.0.0.13'], edges: [...EDGES[4]] },
]
it.each(gone)('$what that is one no longer: replies go directly', ({ endpoints, edges }) => {
  ask(4, { outer: 4, edge: 1, endpoint: 1 }, 60)
  expect(send(reply(4, 60)).verdict).toBe(REDIRECT)
  try {
    nameHosts(loaded, endpoints, edges)
    expect(send(reply(4, 60)).verdict).toBe(UNSPEC)
  } finally {
    nameHosts(loaded, [...HERE[4], ...HERE[6]], [...EDGES[4], ...EDGES[6]])
  }
})

it.each(versions)('IPv%s: replies to many clients are spread over ports of GUE', (version) => {
  const ports = Array.from({ length: 32 }, (_, i) => {
    ask(version, { outer: 4, gue: true }, 100 + i)
    const { packet } = send(reply(version, 100 + i))
    return (packet[20]! << 8) | packet[21]!
  })
  expect(new Set(ports).size).toBeGreaterThan(24)
})

function counted(reason: number): number {
  return loaded.maps.reasonCounters
    .lookupPerCpu(Uint32Array.of(reason))
    .reduce((sum, value) => sum + new DataView(value.buffer, value.byteOffset).getUint32(0, true), 0)
}
