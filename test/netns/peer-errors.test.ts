// ICMP errors from routers and hosts, as `'peerError'` events (option `receiveErrors`). They never close a server, and
// never hit a datagram to somebody else.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Host, useNet } from './kit.js'
import { SANE } from './roles/provoke.js'

/** MTU of the hop behind the router, in bytes; IPv6 needs 1280 (RFC 8200 §5). */
const SMALL_MTU = 1300
/** Fits the first hop's MTU of 1500 and not the second's. */
const BIG_PAYLOAD = 1400
const NOBODY = 9

const net = useNet('all')
let near: Host
let router: Host
let far: Host

const families = [
  {
    type: 'udp4',
    origin: 'icmp',
    router: '10.0.0.254',
    far: '10.0.1.2',
    unreachable: '192.0.2.1',
    // Destination unreachable: fragmentation needed, host unreachable, port unreachable (RFC 792).
    messages: { tooBig: [3, 4], noRoute: [3, 1], closed: [3, 3] },
  },
  {
    type: 'udp6',
    origin: 'icmp6',
    router: 'fd00::fe',
    far: 'fd00:1::2',
    unreachable: '2001:db8::1',
    // Packet too big; destination unreachable: no route, port unreachable (RFC 4443 §3).
    messages: { tooBig: [2, 0], noRoute: [1, 0], closed: [1, 4] },
  },
] as const

beforeAll(async () => {
  if (net.missing !== undefined) return
  ;[near, router, far] = await net.hosts('near', 'router', 'far')
  await net.cable(near, 'eth0', router, 'near')
  await net.cable(router, 'far', far, 'eth0')
  await near.ip(`
    address add 10.0.0.1/24 dev eth0
    address add fd00::1/64 dev eth0 nodad
    route add default via 10.0.0.254
    route add default via fd00::fe`)
  await router.ip(`
    address add 10.0.0.254/24 dev near
    address add fd00::fe/64 dev near nodad
    address add 10.0.1.254/24 dev far
    address add fd00:1::fe/64 dev far nodad
    link set far mtu ${SMALL_MTU}
    route add unreachable 192.0.2.0/24
    route add unreachable 2001:db8::/32`)
  await router.namespace.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
  // By default a host sends one ICMP error a second to a peer, after a burst of six (ip-sysctl).
  const unlimited = { 'net.ipv4.icmp_ratelimit': 0, 'net.ipv6.icmp.ratelimit': 0 }
  await Promise.all([router, far].map((host) => host.namespace.sysctl(unlimited)))
  await far.ip(`
    address add 10.0.1.2/24 dev eth0
    address add fd00:1::2/64 dev eth0 nodad
    link set eth0 mtu ${SMALL_MTU}
    route add default via 10.0.1.254
    route add default via fd00:1::fe`)
})

describe.each(families)('on $type', ({ type, origin, router: hop, far: host, unreachable, messages }) => {
  const provoke = async (address: string, port: number, size = 10) => {
    const sane = { address: host, port: await far.call('serve', { way: 'reply', type }) }
    const provoked = await near.call('provoke', { type, address, port, size, sane })
    expect(provoked.others).toEqual([])
    expect(provoked.answered).toBe(SANE)
    return provoked.peerErrors[0]
  }
  const told = ([icmpType, icmpCode]: readonly [number, number]) => ({ origin, type: icmpType, icmpCode })

  test('a datagram too big for a hop: EMSGSIZE with the MTU, from the router', async () => {
    expect(await provoke(host, NOBODY, BIG_PAYLOAD)).toMatchObject({
      ...{ code: 'EMSGSIZE', mtu: SMALL_MTU, offender: hop, address: host, port: NOBODY },
      ...told(messages.tooBig),
    })
  })

  test('no route behind the router', async () => {
    const code = type === 'udp4' ? 'EHOSTUNREACH' : 'ENETUNREACH'
    expect(await provoke(unreachable, NOBODY)).toMatchObject({
      ...{ code, mtu: 0, offender: hop, address: unreachable, port: NOBODY },
      ...told(messages.noRoute),
    })
  })

  test('a port that nobody listens on, from the host itself', async () => {
    expect(await provoke(host, NOBODY)).toMatchObject({
      ...{ code: 'ECONNREFUSED', mtu: 0, offender: host, address: host, port: NOBODY },
      ...told(messages.closed),
    })
  })
})
