import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { layouts } from '../../../src/bpf/index.js'
import { addressBytes } from '../address.js'
import { whyNoBpf } from '../kit.js'
import * as wire from '../packet.js'
import { model, VERDICT } from './model.js'
import { LoadedEdge, macOf, sourceMacOf, type TestBackend, type World } from './world.js'

/** What single packets become, each told by itself; test/bpf/edge/differential.test.ts has them in masses. */

const CLIENT = '203.0.113.2'
const VIP = '198.51.100.2'
const CLIENT6 = '2001:db8:113::2'
const VIP6 = '2001:db8:51::2'
const V4: TestBackend = { delivery: 'ipip', address: '10.0.0.11', source: '10.0.0.2' }
const V6: TestBackend = { delivery: 'ipip', address: '2001:db8:10::11', source: '2001:db8:10::2' }

beforeEach((context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})

const open: LoadedEdge[] = []
afterEach(() => {
  for (const edge of open.splice(0)) edge.close()
})

/** An edge with one backend, that both VIPs' port 53 leads to. */
function world(backend: TestBackend, more: Partial<World> = {}): World {
  const service = { ports: [53, 53] as const, affinity: 'client-ip-port' as const, pool: 0 }
  return {
    secret: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    services: [
      { vip: VIP, ...service },
      { vip: VIP6, ...service },
    ],
    pools: [[0, 0]],
    backends: [backend],
    echo: [VIP, VIP6],
    ...more,
  }
}

function load(what: World): LoadedEdge {
  const edge = new LoadedEdge(what)
  open.push(edge)
  return edge
}

const PAYLOAD = new TextEncoder().encode('who are you?')

function query(
  options: Partial<wire.IpOptions & wire.UdpOptions> & { payload?: Uint8Array; v6?: boolean } = {},
): Uint8Array {
  const ends = options.v6 ? { source: CLIENT6, destination: VIP6 } : { source: CLIENT, destination: VIP }
  const datagram = wire.udp(options.payload ?? PAYLOAD, {
    ...ends,
    sourcePort: 40_695,
    destinationPort: 53,
    ...options,
  })
  return wire.ip(datagram, { ...ends, ...options })
}

/** What a receiver makes of a frame: its parts. */
function dissect(frame: Uint8Array) {
  const tagged = frame[12] === 0x81
  const at = tagged ? 18 : 14
  const packet = frame.subarray(at)
  return {
    destination: frame.slice(0, 6),
    source: frame.slice(6, 12),
    tci: tagged ? (frame[14]! << 8) | frame[15]! : 0,
    packet,
  }
}

const right4 = (packet: Uint8Array) => wire.sum(packet.subarray(0, 4 * (packet[0]! & 0xf))) === 0xffff

function rightUdp(packet: Uint8Array): boolean {
  const v4 = packet[0]! >> 4 === 4
  const [from, to] = v4
    ? [packet.subarray(12, 16), packet.subarray(16, 20)]
    : [packet.subarray(8, 24), packet.subarray(24, 40)]
  const datagram = packet.subarray(v4 ? 20 : 40)
  return wire.sum(datagram, wire.pseudoSum(from, to, wire.UDP, datagram.length)) === 0xffff
}

describe('deliveries', () => {
  it('l2: the packet as it was, one hop older, to the backend’s Ethernet address', () => {
    const edge = load(world({ ...V4, delivery: 'l2' }))
    const { verdict, data } = edge.run(wire.ethernet(query({ ttl: 7 })))
    expect(verdict).toBe(VERDICT.tx)
    const { destination, source, packet } = dissect(data)
    expect([destination, source]).toEqual([macOf(0), sourceMacOf(0)])
    expect(packet).toEqual(query({ ttl: 6 }))
  })

  it.each([
    { inner: 4, outer: V4, protocol: 4 },
    { inner: 6, outer: V4, protocol: 41 },
    { inner: 4, outer: V6, protocol: 4 },
    { inner: 6, outer: V6, protocol: 41 },
  ])('ipip: IPv$inner in a header to $outer.address', ({ inner, outer, protocol }) => {
    const edge = load(world(outer))
    const v6 = inner === 6
    const { verdict, data } = edge.run(wire.ethernet(query({ v6, tos: 0xb9, ttl: 9 })))
    expect(verdict).toBe(VERDICT.tx)
    const { packet } = dissect(data)
    if (outer === V4) {
      expect(packet[0]).toBe(0x45)
      expect([packet[1], packet[8], packet[9]]).toEqual([0xb9, 64, protocol])
      expect(packet.subarray(12, 20)).toEqual(Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 11))
      expect(right4(packet)).toBe(true)
      expect(packet.subarray(20)).toEqual(query({ v6, tos: 0xb9, ttl: 8 }))
    } else {
      expect([packet[0]! >> 4, packet[6], packet[7]]).toEqual([6, protocol, 64])
      expect(((packet[0]! << 4) | (packet[1]! >> 4)) & 0xff).toBe(0xb9)
      expect(packet.subarray(8, 40)).toEqual(new Uint8Array([...addressBytes(V6.source), ...addressBytes(V6.address)]))
      expect(packet.subarray(40)).toEqual(query({ v6, tos: 0xb9, ttl: 8 }))
    }
    expect(edge.count('serviceCounters', v6 ? 1 : 0)).toBe(1)
    expect(edge.count('backendCounters', 0)).toBe(1)
  })

  it('gue: IP directly in UDP, whose source port is of the ephemeral range', () => {
    const edge = load(world({ ...V4, delivery: 'gue', port: 6080 }))
    const { packet } = dissect(edge.run(wire.ethernet(query())).data)
    const view = new DataView(packet.buffer, packet.byteOffset)
    expect(packet[9]).toBe(wire.UDP)
    expect(view.getUint16(20)).toBeGreaterThanOrEqual(0xc000)
    expect([view.getUint16(22), view.getUint16(24), view.getUint16(26)]).toEqual([6080, packet.length - 20, 0])
    expect(packet.subarray(28)).toEqual(query({ ttl: 63 }))
  })

  it.each([
    { v6: false, backend: V4, bytes: 28 },
    { v6: true, backend: V4, bytes: 52 },
    { v6: false, backend: V6, bytes: 28 },
    { v6: true, backend: V6, bytes: 52 },
  ])('proxy: a header of $bytes bytes before the payload, to $backend.address', ({ v6, backend, bytes }) => {
    const edge = load(world({ ...backend, delivery: 'proxy', port: 5300 }))
    const { packet } = dissect(edge.run(wire.ethernet(query({ v6 }))).data)
    const ip = backend === V4 ? 20 : 40
    expect(rightUdp(packet)).toBe(true)
    const datagram = packet.subarray(ip)
    expect(new DataView(datagram.buffer, datagram.byteOffset).getUint16(2)).toBe(5300)
    expect(datagram.subarray(8 + bytes)).toEqual(PAYLOAD)
    const addresses = v6 ? 36 : 12
    expect(Buffer.from(datagram.subarray(8, 24)).toString('hex')).toBe(
      `0d0a0d0a000d0a515549540a21${v6 ? '22' : '12'}${addresses.toString(16).padStart(4, '0')}`,
    )
  })

  it('proxy: IPv4 without a checksum stays without; to IPv6 it cannot go', () => {
    const edge = load(world({ ...V4, delivery: 'proxy' }))
    const { packet } = dissect(edge.run(wire.ethernet(query({ checksum: false }))).data)
    expect(packet.subarray(26, 28)).toEqual(Uint8Array.of(0, 0))
    const other = load(world({ ...V6, delivery: 'proxy' }))
    expect(other.run(wire.ethernet(query({ checksum: false }))).verdict).toBe(VERDICT.drop)
    expect(other.count('reasonCounters', layouts.Reason.noChecksum)).toBe(1)
  })

  it('tags are taken off, and one put on that the backend’s segment has', () => {
    const vlans = [{ tci: 100, protocol: 0x88a8 }, { tci: 7 }]
    const plain = load(world({ ...V4, delivery: 'l2' }))
    expect(dissect(plain.run(wire.ethernet(query(), { vlans })).data)).toMatchObject({
      tci: 0,
      packet: query({ ttl: 63 }),
    })
    const tagged = load(world({ ...V4, delivery: 'l2', vlan: 42 }))
    expect(dissect(tagged.run(wire.ethernet(query(), { vlans })).data)).toMatchObject({
      tci: 42,
      packet: query({ ttl: 63 }),
    })
  })

  it('another interface is reached by redirect', () => {
    const edge = load(world({ ...V4, ifindex: 7 }))
    expect(edge.run(wire.ethernet(query())).verdict).toBe(VERDICT.redirect)
  })
})

describe('which service', () => {
  const passes = (edge: LoadedEdge, frame: Uint8Array) => {
    const { verdict, data } = edge.run(frame)
    expect(verdict).toBe(VERDICT.pass)
    expect(data).toEqual(frame)
  }

  it('what is for none passes untouched', () => {
    const edge = load(world(V4))
    passes(edge, wire.ethernet(query({ destinationPort: 54 })))
    passes(edge, wire.ethernet(query({ destination: '198.51.100.9' })))
    passes(edge, wire.ethernet(wire.ipv4(new Uint8Array(20), { source: CLIENT, destination: VIP, protocol: 6 })))
    passes(edge, wire.ethernet(query()).subarray(0, 30))
    passes(edge, wire.ethernet(query(), { vlans: [{ tci: 1 }, { tci: 2 }, { tci: 3 }] }))
    expect(edge.count('serviceCounters', 0)).toBe(0)
  })

  it('a range of ports is exact, whatever blocks it lies in', () => {
    const backends = [V4, { ...V4, address: '10.0.0.12' }]
    const service = { vip: VIP, affinity: 'client-ip' as const }
    const edge = load(
      world(V4, {
        backends,
        pools: [[0], [1]],
        services: [
          { ...service, ports: [10_000, 19_999], pool: 0 },
          { ...service, ports: [20_000, 29_999], pool: 1 },
        ],
      }),
    )
    const backendOf = (destinationPort: number) => {
      const { verdict, data } = edge.run(wire.ethernet(query({ destinationPort })))
      return verdict === VERDICT.pass ? undefined : data[14 + 19]
    }
    const wanted = (port: number) => (port < 10_000 || port > 29_999 ? undefined : port < 20_000 ? 11 : 12)
    const wrong = Array.from({ length: 65_536 }, (_, port) => port).filter((port) => backendOf(port) !== wanted(port))
    expect(wrong).toEqual([])
  })
})

describe('fragments', () => {
  const services = [{ vip: VIP, ports: [53, 53] as const, affinity: 'client-ip' as const, pool: 0, fragments: true }]
  const later = wire.ethernet(wire.ipv4(PAYLOAD, { source: CLIENT, destination: VIP, fragment: 185 }))
  const first = wire.ethernet(query({ fragment: 0x2000 }))

  it('follow the client’s address where a service takes them', () => {
    const edge = load(world(V4, { services }))
    for (const frame of [first, later]) expect(edge.run(frame).verdict).toBe(VERDICT.tx)
  })

  it('are counted and dropped where none does, and pass to the host for other addresses', () => {
    const edge = load(world(V4))
    for (const frame of [first, later]) expect(edge.run(frame).verdict).toBe(VERDICT.drop)
    expect(edge.count('reasonCounters', layouts.Reason.fragment)).toBe(2)
    const other = wire.ethernet(wire.ipv4(PAYLOAD, { source: CLIENT, destination: '198.51.100.9', fragment: 185 }))
    expect(edge.run(other).verdict).toBe(VERDICT.pass)
  })
})

describe('ICMP', () => {
  it.each([{ v6: false }, { v6: true }])('an echo request to a VIP is answered (IPv6: $v6)', ({ v6 }) => {
    const edge = load(world(V4))
    const ends = v6 ? { source: CLIENT6, destination: VIP6 } : { source: CLIENT, destination: VIP }
    const back = { source: ends.destination, destination: ends.source }
    const protocol = v6 ? wire.ICMPV6 : wire.ICMP
    const [ask, answer] = v6 ? [128, 129] : [8, 0]
    const request = wire.ip(wire.icmp(ask, 0, 0x12340001, PAYLOAD, v6 ? ends : undefined), {
      ...ends,
      protocol,
      ttl: 9,
    })
    const reply = wire.ip(wire.icmp(answer, 0, 0x12340001, PAYLOAD, v6 ? back : undefined), { ...back, protocol })
    const { verdict, data } = edge.run(wire.ethernet(request))
    expect(verdict).toBe(VERDICT.tx)
    expect(data).toEqual(wire.ethernet(reply, { source: wire.MAC.edge, destination: wire.MAC.client }))
  })

  it('an error about a flow goes to the flow’s backend', () => {
    const backends = Array.from({ length: 4 }, (_, i) => ({ ...V4, address: `10.0.0.${11 + i}` }))
    const edge = load(world(V4, { backends, pools: [Array.from({ length: 64 }, (_, i) => i % 4)] }))
    const seen = new Set<number>()
    for (let port = 1024; port < 1124; port++) {
      const forwarded = edge.run(wire.ethernet(query({ sourcePort: port }))).data
      const answer = wire.udp(PAYLOAD, { source: VIP, destination: CLIENT, sourcePort: 53, destinationPort: port })
      const about = wire.ipv4(answer, { source: VIP, destination: CLIENT }).subarray(0, 28)
      const error = wire.ipv4(wire.icmp(3, 3, 0, about), { source: '192.0.2.1', destination: VIP, protocol: wire.ICMP })
      const steered = edge.run(wire.ethernet(error))
      expect(steered.verdict).toBe(VERDICT.tx)
      expect(steered.data.subarray(0, 6)).toEqual(forwarded.subarray(0, 6))
      seen.add(forwarded[5]!)
    }
    expect(seen.size).toBe(4)
    expect(edge.count('reasonCounters', layouts.Reason.icmpError)).toBe(100)
  })

  it.each([
    { v6: false, backend: V4, mtu: 1480 },
    { v6: false, backend: V6, mtu: 1460 },
    { v6: true, backend: V4, mtu: 1480 },
    { v6: true, backend: V6, mtu: 1460 },
  ])('what does not fit is refused with the MTU $mtu (IPv6: $v6)', ({ v6, backend, mtu }) => {
    const edge = load(world(backend))
    const headers = v6 ? 48 : 28
    const fits = wire.ethernet(query({ v6, payload: new Uint8Array(mtu - headers) }))
    expect(edge.run(fits).data.length).toBe(14 + 1500)
    const packet = query({ v6, payload: new Uint8Array(mtu - headers + 1) })
    const { verdict, data } = edge.run(wire.ethernet(packet))
    expect(verdict).toBe(VERDICT.tx)
    const { packet: message } = dissect(data)
    const icmp = message.subarray(v6 ? 40 : 20)
    expect([icmp[0], icmp[1], new DataView(icmp.buffer, icmp.byteOffset).getUint32(4)]).toEqual([
      v6 ? 2 : 3,
      v6 ? 0 : 4,
      mtu,
    ])
    const start = v6 ? wire.pseudoSum(message.subarray(8, 24), message.subarray(24, 40), wire.ICMPV6, icmp.length) : 0
    expect(wire.sum(icmp, start)).toBe(0xffff)
    expect(message.length).toBeLessThanOrEqual(v6 ? 1280 : 576)
    expect(icmp.subarray(8)).toEqual(
      query({ v6, payload: new Uint8Array(mtu - headers + 1), ttl: 63 }).subarray(0, icmp.length - 8),
    )
  })

  it('too-big messages are limited, and what is not told is counted', () => {
    const edge = load(world(V4, { settings: { icmpInterval: 60_000 } }))
    const frame = wire.ethernet(query({ payload: new Uint8Array(1453) }))
    const verdicts = Array.from({ length: 40 }, () => edge.run(frame).verdict)
    const told = verdicts.filter((verdict) => verdict === VERDICT.tx).length
    // A bucket a CPU, and this process may be moved between two.
    expect(told).toBeGreaterThanOrEqual(16)
    expect(told).toBeLessThanOrEqual(32)
    expect(edge.count('reasonCounters', layouts.Reason.tooBigSilent)).toBe(40 - told)
  })
})

describe('what is wrong', () => {
  it('a TTL that is used up', () => {
    const edge = load(world(V4))
    for (const v6 of [false, true]) expect(edge.run(wire.ethernet(query({ v6, ttl: 1 }))).verdict).toBe(VERDICT.drop)
    expect(edge.count('reasonCounters', layouts.Reason.ttl)).toBe(2)
  })

  it('a slot that nobody has', () => {
    for (const pools of [[[0xffff, 0xffff]], [[]]]) {
      const edge = load(world(V4, { pools }))
      expect(edge.run(wire.ethernet(query())).verdict).toBe(VERDICT.drop)
      expect(edge.count('reasonCounters', layouts.Reason.noBackend)).toBe(1)
    }
  })

  it('a length of UDP that its packet has no room for', () => {
    const edge = load(world(V4))
    const frame = wire.ethernet(query())
    new DataView(frame.buffer).setUint16(14 + 24, 200)
    expect(edge.run(frame).verdict).toBe(VERDICT.drop)
    expect(edge.count('reasonCounters', layouts.Reason.malformed)).toBe(1)
  })

  it('the model sees a program that does otherwise', () => {
    const told = world(V4)
    const edge = load({ ...told, backends: [{ ...V4, address: '10.0.0.12' }] })
    const frame = wire.ethernet(query())
    expect(edge.run(frame).data).not.toEqual(model(told, frame).frame)
  })
})
