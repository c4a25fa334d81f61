import { beforeEach, describe, expect, it } from 'vitest'
import * as wire from '../packet.js'
import { VERDICT } from './model.js'
import { inNamespace, whyNoRoutes } from './namespace.js'

/** Replies through the edge, and backends that are found in the routing table: in a namespace that has one. */

interface Ran {
  verdict: number
  frame: string
}
interface Results {
  replies: Record<string, Ran>
  beforeLearning: Ran
  afterLearning: Ran
  routed: Ran
  noRoute: Ran
  counted: Record<string, number>
}

const CLIENT_SIDE = { source: '02:00:00:00:00:c0', destination: '02:00:00:00:00:c1' }

let results: Results | undefined

describe('with routes', () => {
  beforeEach((context) => {
    const missing = whyNoRoutes()
    if (missing) context.skip(missing)
    results ??= inNamespace<Results>(new URL('./in-namespace.ts', import.meta.url))
  }, 60_000)

  /** The reply as the client's router gets it. */
  function onward(v6: boolean, options: Partial<wire.IpOptions> = {}): string {
    const ends = v6
      ? { source: '2001:db8:51::2', destination: '2001:db8:113::2' }
      : { source: '198.51.100.2', destination: '203.0.113.2' }
    const datagram = wire.udp(new Uint8Array(20), { ...ends, sourcePort: 53, destinationPort: 40_695 })
    const packet = wire.ip(datagram, { ...ends, ttl: 63, ...options })
    return Buffer.from(wire.ethernet(packet, CLIENT_SIDE)).toString('hex')
  }

  it.each([
    ['ipip 4 in 4', false],
    ['ipip 6 in 4', true],
    ['ipip 4 in 6', false],
    ['ipip 6 in 6', true],
    ['gue 4 in 4', false],
    ['gue 6 in 6', true],
  ])('%s: out of its tunnel and on to the client', (name, v6) => {
    expect(results!.replies[name]).toEqual({ verdict: VERDICT.redirect, frame: onward(v6) })
  })

  it('fragments from a VIP follow', () => {
    expect(results!.replies['a fragment']).toEqual({
      verdict: VERDICT.redirect,
      frame: onward(false, { fragment: 185 }),
    })
  })

  it('a congestion mark of the tunnel is the packet’s (RFC 6040 §4.2)', () => {
    expect(results!.replies['congestion is told']).toEqual({
      verdict: VERDICT.redirect,
      frame: onward(false, { tos: 3 }),
    })
    expect(results!.replies['congestion cannot be told']!.verdict).toBe(VERDICT.drop)
  })

  it('only from backends, only from VIPs and ports of services', () => {
    for (const name of ['from a stranger', 'another source', 'a port of no service', 'no hop left'])
      expect([name, results!.replies[name]!.verdict]).toEqual([name, VERDICT.drop])
    expect(results!.counted).toMatchObject({ returned: 8, untrusted: 1, notOurs: 2, ttl: 1, malformed: 1 })
  })

  it('what is for no tunnel of ours passes', () => {
    for (const name of ['gue to another port', 'to another address'])
      expect([name, results!.replies[name]!.verdict]).toEqual([name, VERDICT.pass])
    expect(results!.counted.passed).toBe(2)
  })

  const outerDestination = ({ frame }: Ran) => Buffer.from(frame, 'hex')[14 + 19]

  it('a backend owns the port that it sent from', () => {
    expect(outerDestination(results!.beforeLearning)).toBe(12)
    expect(outerDestination(results!.afterLearning)).toBe(11)
  })

  it('a backend is found by the routing table, or its packets are dropped', () => {
    expect(results!.routed.verdict).toBe(VERDICT.redirect)
    expect(results!.routed.frame.slice(0, 24)).toBe('0200000000b10200000000b0')
    expect(results!.noRoute.verdict).toBe(VERDICT.drop)
    expect(results!.counted.noRoute).toBe(1)
  })
})
