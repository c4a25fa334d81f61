import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backendObject, type LoadedObject, layouts, loadObject } from '../../../src/bpf/index.js'
import { encode } from '../../../src/proxy/index.js'
import { whyNoBpf } from '../kit.js'
import * as wire from '../packet.js'
import { backendSettings, nameHosts } from './hosts.js'

/** PROXY headers that are taken out of datagrams. Random ones, edge and backend together: tunnels.test.ts. */

const PASS = 2
const DROP = 1
const EDGE = { 4: '10.0.0.2', 6: '2001:db8:10::2' } as const
const HERE = { 4: '10.0.0.11', 6: '2001:db8:10::11' } as const
const CLIENT = { 4: '203.0.113.2', 6: '2001:db8:113::2' } as const
const VIP = { 4: '198.51.100.2', 6: '2001:db8:51::2' } as const
const PORT = 5300
const QUESTION = new TextEncoder().encode('who are you?')
const versions = [4, 6] as const

let loaded: LoadedObject<typeof backendObject>
beforeEach((context) => {
  const missing = whyNoBpf()
  if (missing) context.skip(missing)
})
beforeAll(() => {
  if (whyNoBpf()) return
  loaded = loadObject(backendObject, { settings: backendSettings(6080, { proxy: 1 }) })
  nameHosts(loaded, Object.values(HERE), Object.values(EDGE))
})
afterAll(() => loaded?.close())

const ends = (version: 4 | 6) => ({ source: CLIENT[version], destination: VIP[version] })

/** A header of this library's encoder, and the question behind it. */
function proxied(version: 4 | 6, transport: 'DGRAM' | 'STREAM' = 'DGRAM'): Uint8Array {
  const header = encode({
    version: 'v2',
    command: 'PROXY',
    family: version === 4 ? 'IPv4' : 'IPv6',
    transport,
    source: { address: CLIENT[version], port: 40_695 },
    destination: { address: VIP[version], port: 53 },
  })
  return new Uint8Array(Buffer.concat([header, QUESTION]))
}

interface Sent {
  outer: 4 | 6
  source?: string
  checksum?: boolean
  tos?: number
  ttl?: number
}

function sent(payload: Uint8Array, { outer, source = EDGE[outer], checksum = true, ...rest }: Sent): Uint8Array {
  const ends = { source, destination: HERE[outer] }
  const datagram = wire.udp(payload, { ...ends, sourcePort: 50_000, destinationPort: PORT, checksum })
  return wire.ip(datagram, { ...ends, ...rest })
}

/** What XDP makes of it, which must be what traffic control makes of it. */
function run(packet: Uint8Array) {
  const frame = wire.ethernet(packet)
  const xdp = loaded.programs.backendXdp.testRun({ data: frame })
  const tc = loaded.programs.backendIngress.testRun({ data: frame })
  expect(tc.verdict >>> 0).toBe(xdp.verdict === PASS ? 0xffff_ffff : 2)
  expect(Buffer.compare(tc.data.subarray(14), xdp.data.subarray(14))).toBe(0)
  return { verdict: xdp.verdict, packet: xdp.data.subarray(14), untouched: Buffer.compare(xdp.data, frame) === 0 }
}

describe.each(versions.flatMap((outer) => versions.map((version) => ({ outer, version }))))(
  'IPv$version behind IPv$outer',
  ({ outer, version }) => {
    it('becomes the datagram of the client', () => {
      const datagram = wire.udp(QUESTION, { ...ends(version), sourcePort: 40_695, destinationPort: 53 })
      const packet = wire.ip(datagram, { ...ends(version), ttl: 50, tos: 0xb8, fragment: 0x4000 })
      expect(run(sent(proxied(version), { outer, ttl: 50, tos: 0xb8 }))).toMatchObject({ verdict: PASS, packet })
    })

    it('is left alone when it comes from a stranger', () => {
      const source = outer === 4 ? '10.0.0.99' : '2001:db8:10::99'
      expect(run(sent(proxied(version), { outer, source }))).toMatchObject({ verdict: PASS, untouched: true })
    })
  },
)

it('no checksum stays none where IPv4 allows it, and is refused where IPv6 does not', () => {
  const datagram = wire.udp(QUESTION, { ...ends(4), sourcePort: 40_695, destinationPort: 53, checksum: false })
  const packet = wire.ip(datagram, { ...ends(4), fragment: 0x4000 })
  expect(run(sent(proxied(4), { outer: 4, checksum: false }))).toMatchObject({ verdict: PASS, packet })
  expect(run(sent(proxied(6), { outer: 4, checksum: false })).verdict).toBe(DROP)
})

it.each([
  { name: 'no header', payload: () => QUESTION },
  { name: 'an empty datagram', payload: () => new Uint8Array(0) },
  { name: 'half a header', payload: () => proxied(4).subarray(0, 14) },
  { name: 'a health check (LOCAL)', payload: () => encode({ version: 'v2', command: 'LOCAL' }) },
  { name: 'a header of a stream', payload: () => proxied(4, 'STREAM') },
])('$name from an edge is left alone', ({ payload }) => {
  for (const outer of versions) {
    expect(run(sent(payload(), { outer }))).toMatchObject({ verdict: PASS, untouched: true })
  }
})

it('a header that goes on behind the datagram is refused', () => {
  expect(run(sent(proxied(4).subarray(0, 20), { outer: 4 })).verdict).toBe(DROP)
  expect(run(sent(proxied(6).subarray(0, 51), { outer: 6 })).verdict).toBe(DROP)
})

it('a length that is not there is refused', () => {
  const packet = Buffer.from(sent(proxied(4), { outer: 4, checksum: false }))
  packet.writeUInt16BE(packet.length, 20 + 4)
  const before = malformed()
  expect(run(packet).verdict).toBe(DROP)
  expect(malformed()).toBe(before + 2)
})

it('without `proxy` headers stay where they are', () => {
  const plain = loadObject(backendObject, { settings: backendSettings(6080) })
  try {
    nameHosts(plain, Object.values(HERE), Object.values(EDGE))
    const frame = wire.ethernet(sent(proxied(4), { outer: 4 }))
    expect(plain.programs.backendXdp.testRun({ data: frame })).toMatchObject({ verdict: PASS, data: frame })
  } finally {
    plain.close()
  }
})

function malformed(): number {
  return loaded.maps.reasonCounters
    .lookupPerCpu(Uint32Array.of(layouts.Reason.malformed))
    .reduce((sum, value) => sum + new DataView(value.buffer, value.byteOffset).getUint32(0, true), 0)
}
