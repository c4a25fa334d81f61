// ngtcp2's client and servers, with connection IDs of QuicLbEncoder, through a relay that asks QuicLbSelector.

import { beforeEach, describe, expect, test } from 'vitest'
import type { QuicLbConfig } from '../../../src/pinning/quic-lb-config.js'
import { QuicLbEncoder, unroutableConnectionId } from '../../../src/pinning/quic-lb-encoder.js'
import { QuicLbSelector } from '../../../src/pinning/quic-lb-selector.js'
import { ask, CONNECTION_ID_BYTES, startQuicServers, whyNoNgtcp2 } from './ngtcp2.js'
import { startRelay } from './relay.js'

beforeEach((context) => {
  const missing = whyNoNgtcp2()
  if (missing) context.skip(missing)
})

const KEY = '8f95f09245765f80256934e50c66207f'
const SERVERS = ['000001', '000002', '000003']
/** Enough for the connections of a test: a server makes up to 8 at once. */
const IDS = 200

const CONFIGS: Record<string, QuicLbConfig> = {
  'in plain': { configId: 0, serverIdLength: 3, nonceLength: 14 },
  'encrypted in one pass': { configId: 1, serverIdLength: 3, nonceLength: 13, key: KEY },
  'encrypted in four passes': { configId: 2, serverIdLength: 3, nonceLength: 14, key: KEY },
}

function connectionIds(config: QuicLbConfig, serverId: string, count = IDS): Buffer[] {
  const extraLength = CONNECTION_ID_BYTES - 1 - config.serverIdLength - config.nonceLength
  const encoder = new QuicLbEncoder({ ...config, serverId, extraLength })
  return Array.from({ length: count }, () => encoder.next())
}

function selectorOf(...configs: QuicLbConfig[]): QuicLbSelector {
  return new QuicLbSelector(
    configs.map((config) => ({ ...config, servers: Object.fromEntries(SERVERS.map((id, i) => [id, `${i}`])) })),
  )
}

/** What a hash may do at its worst: every port that a client comes from goes to the next server. */
function inTurn(): (port: number) => number {
  const ports: number[] = []
  return (port) => {
    if (!ports.includes(port)) ports.push(port)
    return ports.indexOf(port) % SERVERS.length
  }
}

/** Each client moves to another port before it asks, as a new path, or as a NAT does that forgot it. */
const MOVES = {
  'a client that migrates': ['--change-local-addr=100ms', '--delay-stream=400ms'],
  'a client behind a NAT that rebinds': ['--change-local-addr=100ms', '--nat-rebinding', '--delay-stream=400ms'],
}

describe.each(Object.entries(CONFIGS))('connection IDs %s', (_, config) => {
  test.each(Object.entries(MOVES))('keep the server of %s', async (_name, move) => {
    const { ports } = await startQuicServers(SERVERS.map((id) => connectionIds(config, id)))
    const selector = selectorOf(config)
    const fallback = inTurn()
    const undecided: { port: number; long: boolean }[] = []
    const relay = await startRelay({
      backends: ports,
      choose(datagram, { port }) {
        const backend = selector.select(datagram)
        if (backend !== undefined) return Number(backend)
        undecided.push({ port, long: datagram[0]! >= 0x80 })
        return fallback(port)
      },
    })
    for (let client = 0; client < SERVERS.length; client++) {
      const before = relay.passed.length
      expect(await ask(relay.port, move)).toBe(`server ${client}`)
      const passed = relay.passed.slice(before)
      const from = [...new Set(passed.map(({ clientPort }) => clientPort))]
      expect(from).toHaveLength(2)
      expect(new Set(passed.map(({ backend }) => backend))).toEqual(new Set([client]))
      // Only what carries the client's own choice is left to the hash: long headers, from the first port.
      const left = undecided.splice(0)
      expect(left.length).toBeGreaterThan(0)
      expect(left).toEqual(left.map(() => ({ port: from[0], long: true })))
      expect(passed.filter(({ clientPort }) => clientPort === from[1]).length).toBeGreaterThan(1)
    }
    expect(selector.stats().routed).toBeGreaterThan(20)
  })
})

test('without connection IDs a client that moves is lost', async () => {
  const { ports } = await startQuicServers(SERVERS.map((id) => connectionIds(CONFIGS['in plain']!, id)))
  const fallback = inTurn()
  const relay = await startRelay({ backends: ports, choose: (_, { port }) => fallback(port) })
  expect(await ask(relay.port)).toBe('server 0')
  expect(await ask(relay.port, MOVES['a client that migrates'])).toBeUndefined()
  expect(new Set(relay.passed.map(({ backend }) => backend))).toEqual(new Set([0, 1, 2]))
})

test('connections of an old configuration go on while new ones have the next', async () => {
  const [old, next] = [CONFIGS['in plain']!, CONFIGS['encrypted in one pass']!]
  // The first connection ID of each connection is an old one, and those of NEW_CONNECTION_ID frames are new.
  const mixed = SERVERS.map((id) => [...connectionIds(old, id, 1), ...connectionIds(next, id)])
  const { ports } = await startQuicServers(mixed)
  const selector = selectorOf(old, next)
  const fallback = inTurn()
  const configs = new Set<number | undefined>()
  const relay = await startRelay({
    backends: ports,
    choose(datagram, { port }) {
      const { outcome, configId } = selector.explain(datagram)
      if (outcome === 'routed') configs.add(configId)
      return Number(selector.select(datagram) ?? fallback(port))
    },
  })
  expect(await ask(relay.port, MOVES['a client that migrates'])).toBe('server 0')
  expect(configs).toEqual(new Set([old.configId, next.configId]))
})

test('servers without a configuration are reached by the hash, as long as clients stay', async () => {
  const { ports } = await startQuicServers(
    SERVERS.map(() => Array.from({ length: IDS }, () => unroutableConnectionId(CONNECTION_ID_BYTES))),
  )
  const selector = selectorOf(CONFIGS['in plain']!)
  const fallback = inTurn()
  const relay = await startRelay({
    backends: ports,
    choose: (datagram, { port }) => Number(selector.select(datagram) ?? fallback(port)),
  })
  expect(await ask(relay.port)).toBe('server 0')
  expect(await ask(relay.port)).toBe('server 1')
  expect(selector.stats().routed).toBe(0)
  expect(selector.stats().unroutable).toBeGreaterThan(4)
})
