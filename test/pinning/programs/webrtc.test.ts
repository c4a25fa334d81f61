// WebRTC sessions of node-datachannel with fragments of makeUfrag, through a relay that asks StunSelector.

import { afterAll, beforeEach, expect, test } from 'vitest'
import { FlowKey } from '../../../src/pinning/flow-key.js'
import { datagramKind } from '../../../src/pinning/stun-demultiplex.js'
import { StunSelector } from '../../../src/pinning/stun-selector.js'
import { makeUfrag, type UfragFormat } from '../../../src/pinning/stun-ufrag.js'
import { freePort } from '../../proxy/programs/kit.js'
import { startRelay } from './relay.js'
import type { MediaNode } from './webrtc.js'

// It has a native part, which not every system can load.
const webrtc = await import('./webrtc.js').catch((error: Error) => error)

beforeEach((context) => {
  if (webrtc instanceof Error) context.skip(`node-datachannel does not load here: ${webrtc.message}`)
})
afterAll(() => {
  if (!(webrtc instanceof Error)) webrtc.endWebrtc()
})

const startSession: typeof import('./webrtc.js').startSession = (...args) => {
  if (webrtc instanceof Error) throw webrtc
  return webrtc.startSession(...args)
}

const FORMAT: UfragFormat = { length: 4, hex: true }
const NODES = { '00a1': 'media-1', '00b2': 'media-2', '00c3': 'media-3' }

/** Passes what the selector decides, and drops the rest: there is no hash to be lucky with. */
async function relayTo(nodes: readonly MediaNode[], selector: StunSelector) {
  const key = new FlowKey('client-ip-port')
  const names = nodes.map(({ name }) => name)
  const kinds = new Map<string, number>()
  const relay = await startRelay({
    backends: nodes.map(({ port }) => port),
    choose(datagram, client) {
      const name = selector.select(datagram, key.set({ client }))
      const kind = name === undefined ? 'dropped' : datagramKind(datagram[0])
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      return name === undefined ? undefined : names.indexOf(name)
    },
    onReply(datagram, client, backend) {
      selector.reply(datagram, key.set({ client }), names[backend]!)
    },
  })
  return { relay, kinds }
}

async function threeNodes(): Promise<MediaNode[]> {
  // They begin to listen later: a port that is free twice is one.
  const ports = new Set<number>()
  while (ports.size < 3) ports.add(await freePort())
  const names = Object.values(NODES)
  return [...ports].map((port, i) => ({ name: names[i]!, port }))
}

test.each(['first-reply', 'first-packet'] as const)(
  'sessions come to the node of their fragment: %s',
  async (create) => {
    const nodes = await threeNodes()
    const selector = new StunSelector({
      format: FORMAT,
      nodes: NODES,
      flows: { capacity: 64, idleTimeout: 'short', create },
    })
    const { relay, kinds } = await relayTo(nodes, selector)
    const ids = Object.keys(NODES)
    // Two for each node, begun in turn.
    for (let i = 0; i < 6; i++) {
      const node = nodes[i % 3]!
      const session = await startSession(node, makeUfrag(ids[i % 3]!, FORMAT), relay.port)
      expect(await session.ask()).toBe(node.name)
      expect(await session.sendMedia()).toBe(node.name)
    }
    const byPort = new Map<number, Set<number | undefined>>()
    for (const { clientPort, backend } of relay.passed) {
      byPort.set(clientPort, (byPort.get(clientPort) ?? new Set()).add(backend))
    }
    expect([...byPort.values()].map((backends) => [...backends])).toEqual([[0], [1], [2], [0], [1], [2]])
    expect([...kinds.keys()].sort()).toEqual(['dtls', 'rtp', 'stun'])
    expect(selector.stats()).toMatchObject({ unknownNode: 0, undecided: 0 })
    expect(selector.flows.stats()).toMatchObject({ size: 6, established: 6 })
  },
)

test('a session goes on when the table is lost: the next check fills it', async () => {
  const nodes = await threeNodes()
  const selector = new StunSelector({
    format: FORMAT,
    nodes: NODES,
    flows: { capacity: 64, idleTimeout: 'short', create: 'first-reply' },
  })
  const { relay, kinds } = await relayTo(nodes, selector)
  const session = await startSession(nodes[1]!, makeUfrag('00b2', FORMAT), relay.port)
  expect(await session.ask()).toBe('media-2')
  selector.flows.clear()
  expect(await session.ask()).toBe('media-2')
  expect(await session.sendMedia()).toBe('media-2')
  expect(kinds.get('dropped') ?? 0).toBeGreaterThan(0)
}, 60_000)

test('a fragment of a node that nobody knows comes to nobody', async () => {
  const nodes = await threeNodes()
  const selector = new StunSelector({
    format: FORMAT,
    nodes: { '00a1': 'media-1' },
    flows: { capacity: 64, idleTimeout: 'short', create: 'first-reply' },
  })
  const { relay } = await relayTo(nodes, selector)
  const lost = startSession(nodes[1]!, makeUfrag('00b2', FORMAT), relay.port, 2000)
  await expect(lost).rejects.toThrow('a session with media-2 did not come')
  expect(selector.stats().unknownNode).toBeGreaterThan(0)
  expect(new Set(relay.passed.map(({ backend }) => backend))).toEqual(new Set([undefined]))
})
