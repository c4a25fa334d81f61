// Health of backends over real paths: one that swallows packets, routers that refuse them, a cable that is pulled.

import { setTimeout as sleep } from 'node:timers/promises'
import type { BackendHealth } from 'udp-dsr/fleet'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { findCommand } from '../../examples/netns/index.js'
import { type Host, useNet } from './kit.js'

const PATIENCE_MS = 15_000
/** Longer than any check, in milliseconds. */
const SILENT = 60_000
const QUICK = { interval: 200, timeout: 150, fastInterval: 20 }
/** More than a busy machine takes for an answer, and fewer checks than a router's limit of errors (route.error_cost, ip-sysctl). */
const PATIENT = { interval: 2000, timeout: 1500, fastInterval: 2000 }

const net = useNet('all')
let edge: Host
let backend: Host

beforeAll(async () => {
  if (net.missing !== undefined) return
  ;[edge, backend] = await net.hosts('edge', 'backend')
  await net.cable(edge, 'eth0', backend, 'eth0')
  await edge.ip(`
    address add 10.0.0.1/24 dev eth0
    address add fd00::1/64 dev eth0 nodad
    route add default via 10.0.0.2
    route add default via fd00::2
    route add unreachable 203.0.113.1
    route add prohibit 203.0.113.2`)
  await backend.ip(`
    address add 10.0.0.2/24 dev eth0
    address add fd00::2/64 dev eth0 nodad
    route add blackhole 192.0.2.1
    route add unreachable 192.0.2.2
    route add blackhole 2001:db8::1
    route add unreachable 2001:db8::2`)
  await backend.namespace.sysctl({
    ...{ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 },
    // By default a host sends one ICMP error a second to a peer, after a burst of six (ip-sysctl).
    ...{ 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 },
  })
})

/** Looks at the health again and again until it is as wanted. */
async function until(
  condition: (seen: Record<string, BackendHealth>) => boolean,
): Promise<Record<string, BackendHealth>> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const seen = Object.fromEntries((await edge.call('seenHealth')).map((one) => [one.id, one]))
    if (condition(seen)) return seen
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms; the last: ${JSON.stringify(seen, null, 1)}`)
    await sleep(20)
  }
}

const reasonOf = ({ last }: BackendHealth) => (last && 'reason' in last.outcome ? last.outcome.reason : 'passed')

test('a check says how a path fails', async () => {
  const port = await backend.call('serve', { way: 'reply', type: 'udp4' })
  expect(await backend.call('serve', { way: 'reply', type: 'udp6', port, options: { ipv6Only: true } })).toBe(port)
  const addresses = {
    good: '10.0.0.2',
    good6: 'fd00::2',
    blackhole: '192.0.2.1',
    blackhole6: '2001:db8::1',
    unreachable: '192.0.2.2',
    unreachable6: '2001:db8::2',
    noRoute: '203.0.113.1',
    prohibited: '203.0.113.2',
  }
  const backends = Object.entries(addresses).map(([id, address]) => ({
    ...{ pool: id.startsWith('blackhole') ? 'quick' : 'patient', id, address },
  }))
  const check = { check: 'udp', port, floor: 0 } as const
  await edge.call('followHealth', { patient: { ...check, ...PATIENT }, quick: { ...check, ...QUICK } }, backends)
  try {
    const seen = await until((all) => Object.values(all).every(({ last }) => last !== undefined))
    const reasons = Object.fromEntries(Object.values(seen).map((one) => [one.id, reasonOf(one)]))
    expect(reasons).toEqual({
      good: 'passed',
      good6: 'passed',
      blackhole: 'no answer within 150 ms',
      blackhole6: 'no answer within 150 ms',
      unreachable: 'EHOSTUNREACH by ICMP from 10.0.0.2',
      unreachable6: 'ENETUNREACH by ICMP6 from fd00::2',
      noRoute: 'EHOSTUNREACH',
      prohibited: expect.stringMatching(/^EACCES/),
    })
    expect(seen.prohibited!.last!.outcome.verdict).toBe('undecided')
  } finally {
    await edge.call('unfollowHealth')
    await backend.call('stop')
  }
})

test('a TCP connection into a blackhole, and one that is refused by a router', async () => {
  const backends = ['192.0.2.1', '192.0.2.2'].map((address) => ({ pool: 'tcp', id: address, address }))
  await edge.call('followHealth', { tcp: { check: 'tcp', port: 80, ...QUICK } }, backends)
  try {
    const seen = await until((all) => Object.values(all).every(({ last }) => last !== undefined))
    expect(reasonOf(seen['192.0.2.1']!)).toBe('no answer within 150 ms')
    // A router's word may be about a moment (RFC 1122 §4.2.3.9): Linux goes on trying for longer than the timeout, or tells it.
    expect(reasonOf(seen['192.0.2.2']!)).toMatch(/^EHOSTUNREACH$|^no answer within 150 ms$/)
  } finally {
    await edge.call('unfollowHealth')
  }
})

test('a backend goes out when its cable is pulled, and comes back', async () => {
  const port = await backend.call('serve', { way: 'reply', type: 'udp4' })
  const backends = [
    { pool: 'echo', id: 'a', address: '10.0.0.2' },
    { pool: 'echo', id: 'b', address: '10.0.0.2' },
  ]
  const options = { interval: 500, timeout: 400, fastInterval: 50, floor: 0.5 }
  await edge.call('followHealth', { echo: { check: 'udp', port, ...options } }, backends)
  try {
    await until((all) => Object.values(all).every(({ last }) => last?.outcome.verdict === 'passed'))
    await backend.ip('link set eth0 down')
    const out = await until((all) => Object.values(all).every(({ checked }) => checked === 'down'))
    // One of two stays in.
    expect(
      Object.values(out)
        .map(({ state, cause }) => `${state} ${cause}`)
        .sort(),
    ).toEqual(['down checks', 'up floor'])
    await backend.ip('link set eth0 up')
    await until((all) => Object.values(all).every(({ state, cause }) => state === 'up' && cause === 'checks'))
  } finally {
    await edge.call('unfollowHealth')
    await backend.call('stop')
  }
})

describe('forged ICMP errors', () => {
  let forger: Host
  const withoutNft = findCommand('nft') === undefined

  // The backend's kernel sends a copy of each check to a host that has the backend's address and no server: it says that the port
  // is closed, in the backend's name. So would somebody who sees the checks, or guesses their port.
  beforeAll(async () => {
    if (net.missing !== undefined || withoutNft) return
    ;[forger] = await net.hosts('forger')
    await net.cable(backend, 'eth1', forger, 'eth0')
    await backend.ip('address add 10.9.9.1/24 dev eth1')
    await forger.ip(`
      address add 10.9.9.9/24 dev eth0
      address add 10.0.0.2/32 dev lo
      route add default via 10.9.9.1`)
    await backend.namespace.sysctl({
      ...{ 'net.ipv4.conf.all.accept_local': 1, 'net.ipv4.conf.eth1.accept_local': 1 },
      ...{ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.eth1.rp_filter': 0 },
    })
    await forger.namespace.sysctl({ 'net.ipv4.icmp_ratelimit': 0 })
    const rules =
      'table ip forge { chain copy { type filter hook prerouting priority 0; iif eth0 meta l4proto udp dup to 10.9.9.9 device eth1; }; }'
    await backend.namespace.run('nft', [rules])
  })

  beforeEach((context) => {
    if (withoutNft) context.skip('needs the program nft (package nftables)')
  })

  const checkOnce = async (delay: number) => {
    const port = await backend.call('serve', { way: 'reply', type: 'udp4', delay })
    const options = { check: 'udp', port, ...PATIENT } as const
    await edge.call('followHealth', { forged: options }, [{ pool: 'forged', id: 'a', address: '10.0.0.2' }])
    try {
      return reasonOf((await until((all) => all.a?.last !== undefined)).a!)
    } finally {
      await edge.call('unfollowHealth')
      await backend.call('stop')
    }
  }

  test('end a check of a backend that is silent', async () => {
    expect(await checkOnce(SILENT)).toBe('ECONNREFUSED by ICMP')
  })

  test('do not outdo the answer that comes after them', async () => {
    expect(await checkOnce(20)).toBe('passed')
  })
})
