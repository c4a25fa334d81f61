// An edge of a fleet, and what fills its store.
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { play } from '../../examples/netns/actor.js'
import { EtcdClient } from '../../src/discovery/etcd/client.js'
import { base64, memberKey } from '../../src/discovery/etcd/keys.js'
import { readEtcdOptions } from '../../src/discovery/etcd/options.js'
import { FleetEdge, readConfig } from '../../src/fleet/index.js'

/** Writes of one transaction, of which etcd takes 128. */
const BATCH = 100
const PREFIX = '/udp-dsr'

let edge: FleetEdge | undefined

async function write(
  endpoints: readonly string[],
  members: { pool: string; id: string; value: object }[],
): Promise<void> {
  const client = new EtcdClient(readEtcdOptions({ endpoints, timeout: 10_000 }))
  try {
    for (let from = 0; from < members.length; from += BATCH) {
      const success = members.slice(from, from + BATCH).map(({ value, ...name }) => ({
        requestPut: { key: base64(memberKey(PREFIX, name)), value: base64(JSON.stringify(value)) },
      }))
      await client.call('kv/txn', { success })
    }
  } finally {
    client.close()
  }
}

/** Nobody is there: what is measured is the edge. Those that are down are not waited for. */
const addressOf = (i: number) => `10.${64 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`

const part = {
  async start(config: object): Promise<void> {
    edge = await FleetEdge.start(readConfig(config))
  },

  async fill(endpoints: readonly string[], pools: readonly string[], count: number): Promise<void> {
    const members = Array.from({ length: count }, (_, i) => ({
      pool: pools[i % pools.length]!,
      id: `b${i}`,
      value: { address: addressOf(i) },
    }))
    await write(endpoints, members)
  },

  /** @returns milliseconds until all members are in force */
  async startFull(config: object, count: number): Promise<number> {
    const read = readConfig(config)
    const begin = performance.now()
    edge = await FleetEdge.start(read)
    for (;;) {
      const members = edge.status.pools.reduce((sum, { backends }) => sum + backends.length, 0)
      if (members === count) return performance.now() - begin
      await once(edge, 'applied')
    }
  },

  /** @returns milliseconds from the write of a change to the end of what followed */
  async change(endpoints: readonly string[], pool: string, number: number): Promise<number> {
    const begin = performance.now()
    const applied = once(edge!, 'applied')
    const value = { address: addressOf(20_000 + number) }
    await write(endpoints, [{ pool, id: `new${number}`, value }])
    await applied
    return performance.now() - begin
  },
}

export type FleetEdgePart = typeof part
play(part)
