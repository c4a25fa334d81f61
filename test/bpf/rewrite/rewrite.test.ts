import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { layouts } from '../../../src/bpf/index.js'
import { trafficOf } from '../../../src/forwarder/counters.js'
import { whyNoBpf } from '../kit.js'
import { ethernet, ipv4 } from '../packet.js'
import { type Datagram, whole } from './model.js'
import { loadRewrite } from './rewrite.js'

const VIP = '198.51.100.2'
const VIP6 = '2001:db8:51::2'
const UNSPEC = 0xffff_ffff
const missing = whyNoBpf()
let rewrite: ReturnType<typeof loadRewrite>

beforeAll(() => {
  if (!missing) rewrite = loadRewrite([VIP, VIP6])
})
beforeEach((context) => {
  if (missing) context.skip(missing)
})
afterAll(() => rewrite?.close())

const reply = (family: 4 | 6, payload = new Uint8Array(20)): Datagram => ({
  source: family === 4 ? '10.0.0.2' : '2001:db8:10::2',
  destination: family === 4 ? '203.0.113.1' : '2001:db8:a::1',
  sourcePort: 53,
  destinationPort: 4000,
  payload,
  checksum: true,
  id: 1,
})

function ask(family: 4 | 6): void {
  const { destination, destinationPort, sourcePort } = reply(family)
  const ends = { source: destination, sourcePort: destinationPort, destinationPort: sourcePort }
  const request = whole({ ...reply(family), ...ends, destination: family === 4 ? VIP : VIP6 })
  expect(rewrite.programs.rewriteIngress.testRun({ data: request }).verdict).toBe(UNSPEC)
}

const send = (frame: Uint8Array) => Buffer.from(rewrite.programs.rewriteEgress.testRun({ data: frame }).data)

it.each([4, 6] as const)('IPv%i: a checksum that comes out as 0 is written as ffff', (family) => {
  ask(family)
  const at = 14 + (family === 4 ? 20 : 40) + 6
  const vip = { source: family === 4 ? VIP : VIP6 }
  // With its own checksum as a word of the payload, a datagram has the checksum 0.
  const plain = Buffer.from(whole({ ...reply(family), ...vip }))
  const payload = new Uint8Array(20)
  payload.set(plain.subarray(at, at + 2), 18)
  const want = Buffer.from(whole({ ...reply(family, payload), ...vip }))
  expect(want.readUInt16BE(at)).toBe(0xffff)
  expect(send(whole(reply(family, payload)))).toEqual(want)
})

it('IPv4 without a checksum has none afterwards', () => {
  ask(4)
  const got = send(whole({ ...reply(4), checksum: false }))
  expect(got.readUInt16BE(14 + 20 + 6)).toBe(0)
  expect(got).toEqual(Buffer.from(whole({ ...reply(4), checksum: false, source: VIP })))
})

it('what is no UDP, or has options, is left alone and not counted', () => {
  ask(4)
  const { rewritten, unknownFlow } = layouts.Reason
  const counts = () => [rewritten, unknownFlow].map((reason) => trafficOf(rewrite.maps.reasonCounters, reason).packets)
  const before = counts()
  const datagram = whole(reply(4)).subarray(14 + 20)
  for (const given of [{ protocol: 6 }, { options: Uint8Array.of(1, 1, 1, 0) }]) {
    const frame = ethernet(ipv4(datagram, { ...reply(4), ...given }))
    expect(send(frame)).toEqual(Buffer.from(frame))
  }
  expect(counts()).toEqual(before)
  send(whole(reply(4)))
  send(whole({ ...reply(4), destinationPort: 4001 }))
  expect(counts()).toEqual(before.map((count) => count + 1))
})
