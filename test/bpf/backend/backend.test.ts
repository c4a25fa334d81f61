import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backendObject, type LoadedObject, layouts, loadObject } from '../../../src/bpf/index.js'
import { usualEndpoints } from '../../../src/forwarder/hosts.js'
import { addressBytes } from '../address.js'
import { whyNoBpf } from '../kit.js'
import * as wire from '../packet.js'
import { backendSettings, nameHosts } from './hosts.js'

/** What a backend makes of single packets. Random ones, edge and backend together: tunnels.test.ts. */

const PASS = 2
const DROP = 1
const EDGE = { 4: '10.0.0.2', 6: '2001:db8:10::2' } as const
const HERE = { 4: '10.0.0.11', 6: '2001:db8:10::11' } as const
const CLIENT = { 4: '203.0.113.2', 6: '2001:db8:113::2' } as const
const VIP = { 4: '198.51.100.2', 6: '2001:db8:51::2' } as const
const GUE_PORT = 6080

let loaded: LoadedObject<typeof backendObject>
beforeEach((context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  loaded = loadObject(backendObject, { settings: backendSettings(GUE_PORT) })
  nameHosts(loaded, Object.values(HERE), Object.values(EDGE))
})
afterAll(() => loaded?.close())

type Version = 4 | 6

function inner(version: Version, tos = 0): Uint8Array {
  const ends = { source: CLIENT[version], destination: VIP[version] }
  return wire.ip(
    wire.udp(new TextEncoder().encode('who are you?'), { ...ends, sourcePort: 4000, destinationPort: 53 }),
    { ...ends, tos },
  )
}

interface Around {
  outer: Version
  gue?: boolean
  source?: string
  destination?: string
  tos?: number
  fragment?: number
  protocol?: number
}

/** A packet in a tunnel. */
function tunnelled(
  packet: Uint8Array,
  { outer, gue = false, source = EDGE[outer], destination = HERE[outer], ...rest }: Around,
): Uint8Array {
  const protocol = gue ? wire.UDP : packet[0]! >> 4 === 4 ? wire.IPIP : wire.IPV6
  const ends = { source, destination }
  const payload = gue
    ? wire.udp(packet, { ...ends, sourcePort: 50_000, destinationPort: GUE_PORT, checksum: false })
    : packet
  return wire.ip(payload, { ...ends, protocol, ...rest })
}

function run(packet: Uint8Array, vlans: { tci: number }[] = []) {
  const frame = wire.ethernet(packet, { vlans })
  const { verdict, data } = loaded.programs.backendXdp.testRun({ data: frame })
  return { verdict, data, untouched: Buffer.compare(data, frame) === 0 }
}

const VERDICTS_OF_TC = new Map([
  [0xffff_ffff, PASS], // TC_ACT_UNSPEC
  [2, DROP], // TC_ACT_SHOT
])

/** The same by the program for devices of layer 3, which has Ethernet before it here. */
function runTc(packet: Uint8Array) {
  const frame = wire.ethernet(packet)
  const { verdict, data } = loaded.programs.backendIngress.testRun({ data: frame })
  return { verdict: VERDICTS_OF_TC.get(verdict >>> 0), data, untouched: Buffer.compare(data, frame) === 0 }
}

function counted(reason: number): number {
  return loaded.maps.reasonCounters
    .lookupPerCpu(Uint32Array.of(reason))
    .reduce((sum, value) => sum + new DataView(value.buffer, value.byteOffset).getUint32(0, true), 0)
}

const versions = [4, 6] as const
const tunnels = versions.flatMap((outer) =>
  versions.flatMap((version) => [false, true].map((gue) => ({ outer, version, gue }))),
)

it.each(tunnels)(
  'IPv$version in a tunnel over IPv$outer (GUE: $gue) comes out as it went in',
  ({ outer, version, gue }) => {
    const packet = inner(version)
    expect(run(tunnelled(packet, { outer, gue }))).toMatchObject({ verdict: PASS, data: wire.ethernet(packet) })
    const { verdict, data } = runTc(tunnelled(packet, { outer, gue }))
    // There the network stack goes by what the packet says it is, not by the frame.
    expect({ verdict, data: data.subarray(14) }).toEqual({ verdict: PASS, data: packet })
    for (const vlans of [[{ tci: 7 }], [{ tci: 7 }, { tci: 8 }]]) {
      expect(run(tunnelled(packet, { outer, gue }), vlans)).toMatchObject({
        verdict: PASS,
        data: wire.ethernet(packet, { vlans }),
      })
    }
  },
)

it.each(tunnels)(
  'a stranger’s tunnel is dropped (IPv$version over IPv$outer, GUE: $gue)',
  ({ outer, version, gue }) => {
    const before = counted(layouts.Reason.untrusted)
    const source = outer === 4 ? '10.0.0.99' : '2001:db8:10::99'
    expect(run(tunnelled(inner(version), { outer, gue, source })).verdict).toBe(DROP)
    expect(runTc(tunnelled(inner(version), { outer, gue, source })).verdict).toBe(DROP)
    expect(counted(layouts.Reason.untrusted)).toBe(before + 2)
  },
)

it.each(tunnels)(
  'a tunnel to somebody else passes (IPv$version over IPv$outer, GUE: $gue)',
  ({ outer, version, gue }) => {
    const destination = outer === 4 ? '10.0.0.12' : '2001:db8:10::12'
    for (const through of [run, runTc]) {
      expect(through(tunnelled(inner(version), { outer, gue, destination }))).toMatchObject({
        verdict: PASS,
        untouched: true,
      })
    }
  },
)

describe('an endpoint that most tunnels end at', () => {
  const OTHER = { 4: '10.0.0.21', 6: '2001:db8:10::21' } as const
  const NOBODY = { 4: '10.0.0.12', 6: '2001:db8:10::12' } as const
  // Not in the table, where it would be found as well.
  const usual = usualEndpoints(['169.254.0.1', 'fe80::1', HERE[4], OTHER[4], HERE[6], OTHER[6]].map(addressBytes))

  it.each(tunnels)('is known without the table (IPv$version over IPv$outer, GUE: $gue)', ({ outer, version, gue }) => {
    using usually = loadObject(backendObject, { settings: backendSettings(GUE_PORT, usual) })
    nameHosts(usually, Object.values(OTHER), Object.values(EDGE))
    const of = (destination: string, source?: string) => {
      const around = { outer, gue, destination, ...(source && { source }) }
      const data = wire.ethernet(tunnelled(inner(version), around))
      return usually.programs.backendXdp.testRun({ data })
    }
    const out = { verdict: PASS, data: wire.ethernet(inner(version)) }
    expect(of(HERE[outer])).toMatchObject(out)
    expect(of(OTHER[outer])).toMatchObject(out)
    expect(of(HERE[outer], NOBODY[outer]).verdict).toBe(DROP)
    expect(of(NOBODY[outer]).data).toEqual(
      wire.ethernet(tunnelled(inner(version), { outer, gue, destination: NOBODY[outer] })),
    )
  })

  it('has a number where ways refer to it, and is looked for', () => {
    using returning = loadObject(backendObject, { settings: backendSettings(GUE_PORT, { ...usual, returns: 1 }) })
    nameHosts(returning, Object.values(OTHER), Object.values(EDGE))
    const data = wire.ethernet(tunnelled(inner(4), { outer: 4 }))
    expect(returning.programs.backendXdp.testRun({ data }).data).toEqual(data)
  })
})

describe('what is wrong, or not a tunnel', () => {
  it('ordinary datagrams pass', () => {
    for (const version of versions) {
      expect(run(inner(version))).toMatchObject({ verdict: PASS, untouched: true })
      expect(runTc(inner(version))).toMatchObject({ verdict: PASS, untouched: true })
    }
    const ends = { source: CLIENT[4], destination: HERE[4] }
    const other = wire.ip(wire.udp(inner(4), { ...ends, sourcePort: 1, destinationPort: GUE_PORT + 1 }), ends)
    expect(run(other)).toMatchObject({ verdict: PASS, untouched: true })
  })

  it.each([
    { name: 'the other version than announced', packet: inner(4), protocol: wire.IPV6 },
    { name: 'no IP', packet: new Uint8Array(60).fill(0x50), protocol: wire.IPIP },
    { name: 'a length that is not there', packet: inner(4).subarray(0, 30), protocol: wire.IPIP },
    { name: 'IPv6 that ends early', packet: inner(6).subarray(0, 50), protocol: wire.IPV6 },
    { name: 'half a header', packet: inner(4).subarray(0, 12), protocol: wire.IPIP },
  ])('$name is dropped', ({ packet, protocol }) => {
    const before = counted(layouts.Reason.malformed)
    expect(run(tunnelled(packet, { outer: 4, protocol })).verdict).toBe(DROP)
    expect(runTc(tunnelled(packet, { outer: 4, protocol })).verdict).toBe(DROP)
    expect(counted(layouts.Reason.malformed)).toBe(before + 2)
  })

  it('a packet that ends outside of its tunnel is dropped, though the frame goes on', () => {
    const short = Buffer.from(tunnelled(inner(4), { outer: 4 }))
    short.writeUInt16BE(short.length - 1, 2)
    short.writeUInt16BE(0, 10)
    short.writeUInt16BE(wire.checksum(short.subarray(0, 20)), 10)
    expect(run(short).verdict).toBe(DROP)
    expect(runTc(short).verdict).toBe(DROP)
  })

  it('fragments of a tunnel are left to the host, and counted', () => {
    const before = counted(layouts.Reason.unsupported)
    expect(run(tunnelled(inner(4), { outer: 4, fragment: 0x2000 }))).toMatchObject({ verdict: PASS, untouched: true })
    expect(counted(layouts.Reason.unsupported)).toBe(before + 1)
    expect(run(tunnelled(inner(4), { outer: 4, gue: true, fragment: 0x2000 }))).toMatchObject({
      verdict: PASS,
      untouched: true,
    })
    expect(counted(layouts.Reason.unsupported)).toBe(before + 2)
  })

  it('fragments of a stranger’s tunnel are dropped', () => {
    for (const gue of [false, true]) {
      expect(run(tunnelled(inner(4), { outer: 4, gue, fragment: 0x2000, source: '10.0.0.99' })).verdict).toBe(DROP)
    }
  })
})

// Figure 4 of RFC 6040, all of it: 0 not ECT, 2 ECT(0), 1 ECT(1), 3 CE.
it.each([
  { outer: 0, inside: 0, out: 0 },
  { outer: 0, inside: 1, out: 1 },
  { outer: 0, inside: 2, out: 2 },
  { outer: 0, inside: 3, out: 3 },
  { outer: 1, inside: 0, out: 0 },
  { outer: 1, inside: 1, out: 1 },
  { outer: 1, inside: 2, out: 1 },
  { outer: 1, inside: 3, out: 3 },
  { outer: 2, inside: 0, out: 0 },
  { outer: 2, inside: 1, out: 1 },
  { outer: 2, inside: 2, out: 2 },
  { outer: 2, inside: 3, out: 3 },
  { outer: 3, inside: 0, out: undefined },
  { outer: 3, inside: 1, out: 3 },
  { outer: 3, inside: 2, out: 3 },
  { outer: 3, inside: 3, out: 3 },
])('congestion marks: $outer around $inside gives $out (RFC 6040 §4.2)', ({ outer, inside, out }) => {
  for (const version of versions) {
    for (const through of [run, runTc]) {
      const { verdict, data } = through(tunnelled(inner(version, 0xb8 | inside), { outer: 4, tos: outer }))
      expect(verdict).toBe(out === undefined ? DROP : PASS)
      if (out !== undefined) expect(data.subarray(14)).toEqual(inner(version, 0xb8 | out))
    }
  }
})
