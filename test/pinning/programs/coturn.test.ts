// coturn's clients and servers, through a relay that asks StunSelector first and FlowPinner when it must fall back.

import { beforeEach, expect, test } from 'vitest'
import { command } from '../../../examples/netns/index.js'
import { FlowKey } from '../../../src/pinning/flow-key.js'
import { FlowPinner } from '../../../src/pinning/flow-pinner.js'
import { datagramKind } from '../../../src/pinning/stun-demultiplex.js'
import { StunSelector } from '../../../src/pinning/stun-selector.js'
import { startTurn, TURN_USER, whyNoCoturn } from './coturn.js'
import { startRelay } from './relay.js'

beforeEach((context) => {
  const missing = whyNoCoturn()
  if (missing) context.skip(missing)
})

async function relayToTurn() {
  const backends = [await startTurn(), await startTurn(), await startTurn()]
  const names = backends.map((port) => `turn-${port}`)
  // A node ID that is the beginning of the TURN user's name: a USERNAME outside of Binding must not be taken for one.
  const selector = new StunSelector({
    format: { length: 2 },
    nodes: { [TURN_USER.name.slice(0, 2)]: names[0]!, x1: names[1]!, x2: names[2]! },
    flows: { capacity: 64, idleTimeout: 'short', create: 'first-reply' },
  })
  const pinner = new FlowPinner({
    backends: names.map((id) => ({ id })),
    affinity: 'client-ip-port',
    secret: '0001020304050607',
  })
  const key = new FlowKey('client-ip-port')
  const kinds = new Set<string>()
  const relay = await startRelay({
    backends,
    choose(datagram, client) {
      key.set({ client })
      kinds.add(datagramKind(datagram[0]))
      return names.indexOf(selector.select(datagram, key) ?? pinner.backends[pinner.pickIndex(key)]!.id)
    },
    onReply(datagram, client, backend) {
      selector.reply(datagram, key.set({ client }), names[backend]!)
    },
  })
  return { relay, selector, kinds }
}

test('checks of a client without USERNAME go by the hash, and are answered', async () => {
  const { relay, selector } = await relayToTurn()
  for (let client = 0; client < 6; client++) {
    const { code, stdout } = await command('turnutils_stunclient', ['-p', `${relay.port}`, '127.0.0.1'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/UDP reflexive addr: 127\.0\.0\.1:\d+/)])
  }
  expect(relay.passed.length).toBeGreaterThanOrEqual(6)
  expect(selector.stats()).toMatchObject({ named: 0, unknownNode: 0 })
  // What a server has answered is remembered with it.
  expect(selector.flows.size).toBe(new Set(relay.passed.map(({ clientPort }) => clientPort)).size)
})

test('TURN allocations stay with their server: USERNAME in other requests than checks names no node', async () => {
  const { relay, selector, kinds } = await relayToTurn()
  const { name, password } = TURN_USER
  const options = ['-u', name, '-w', password, '-p', `${relay.port}`, '-y', '-c', '-n', '5', '-m', '3']
  const { code, stdout, stderr } = await command('turnutils_uclient', [...options, '127.0.0.1'], { timeout: 30_000 })
  expect([code, stdout + stderr]).toEqual([0, expect.stringMatching(/tot_send_msgs=(\d+), tot_recv_msgs=\1/)])
  const byPort = new Map<number, Set<number | undefined>>()
  for (const { clientPort, backend } of relay.passed) {
    byPort.set(clientPort, (byPort.get(clientPort) ?? new Set()).add(backend))
  }
  expect(byPort.size).toBeGreaterThanOrEqual(3)
  for (const backends of byPort.values()) expect(backends.size).toBe(1)
  // Channels begin with 64 to 127: this client still takes numbers that RFC 8656 §12 has given up.
  expect(kinds).toContain('stun')
  expect([...kinds].filter((kind) => !['stun', 'turn-channel', 'quic'].includes(kind))).toEqual([])
  expect(kinds.size).toBeGreaterThan(1)
  expect(selector.stats().named).toBe(0)
}, 60_000)
