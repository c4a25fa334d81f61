import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FlowKey } from '../../src/pinning/flow-key.js'
import { FlowPinner } from '../../src/pinning/flow-pinner.js'
import { FlowTable } from '../../src/pinning/flow-table.js'
import { FlowIndex, LONGEST_CHAIN } from '../../src/pinning/flow-table-index.js'
import { NONE } from '../../src/pinning/flow-table-list.js'
import type { FlowTableOptions } from '../../src/pinning/flow-table-options.js'

const VIP = 0xc6336402

/** One key for all, as a server has it: the flow of a client that is a number. */
const key = new FlowKey('flow')
function flow(client: number, port = 4242): FlowKey {
  key.setIPv4(client, port, VIP, 443)
  return key
}

/** Established flows of clients 0 … count − 1, each to the backend of its number mod 7. */
function establish(table: FlowTable, count: number, now: number): void {
  for (let client = 0; client < count; client++) {
    table.add(flow(client), client % 7, now)
    expect(table.confirm(flow(client), now)).toBe(true)
  }
}

describe('under a flood of new flows', () => {
  const capacity = 1024
  const established = capacity - capacity / 8

  test.each(['first-packet', 'first-reply'] as const)('established ones stay: create %s', (create) => {
    const table = new FlowTable({ capacity, idleTimeout: 'short', create })
    establish(table, established, 0)
    // 100 times the table, each from another forged address.
    for (let i = 0; i < 100 * capacity; i++) {
      table.get(flow(0x80000000 + i), 1000)
      table.add(flow(0x80000000 + i), 3, 1000)
    }
    const stats = table.stats()
    expect(stats).toMatchObject({
      misses: 100 * capacity,
      size: capacity,
      established,
      evictedEstablished: 0,
      expiries: 0,
    })
    expect(stats.evictedUnanswered).toBe(100 * capacity - capacity / 8)
    for (let client = 0; client < established; client++) expect(table.get(flow(client), 1001)).toBe(client % 7)
  })

  test('whose senders repeat themselves, replies are needed', () => {
    const flood = (create: FlowTableOptions['create']) => {
      const table = new FlowTable({ capacity, idleTimeout: 'short', create })
      establish(table, established, 0)
      for (let i = 0; i < capacity; i++) {
        table.add(flow(0x80000000 + i), 3, 1000)
        table.get(flow(0x80000000 + i), 1000)
      }
      return table.stats().evictedEstablished
    }
    expect(flood('first-reply')).toBe(0)
    expect(flood('first-packet')).toBe(capacity)
  })

  test('a new flow is still served while its reply is on the way', () => {
    const table = new FlowTable({ capacity, idleTimeout: 'short', create: 'first-reply' })
    establish(table, established, 0)
    let answered = 0
    for (let i = 0; i < 10_000; i++) {
      table.add(flow(0x80000000 + i), 3, i)
      // One of a hundred is real: its reply comes 50 forged packets later.
      if (i % 100 === 50 && table.confirm(flow(0x80000000 + i - 50), i)) answered++
    }
    expect(answered).toBe(100)
    expect(table.stats().evictedEstablished).toBe(100)
  })
})

describe('time', () => {
  test.each([
    ['short', 30_000],
    ['long', 120_000],
    [5000, 5000],
  ] as const)('of %s idle ends a flow', (idleTimeout, milliseconds) => {
    const table = new FlowTable({ capacity: 8, idleTimeout, create: 'first-reply' })
    table.add(flow(1), 1, 100)
    table.confirm(flow(1), 100)
    expect(table.get(flow(1), 100 + milliseconds)).toBe(1)
    expect(table.get(flow(1), 100 + 2 * milliseconds)).toBe(1)
    expect(table.get(flow(1), 101 + 3 * milliseconds)).toBeUndefined()
    expect(table.stats()).toMatchObject({ size: 0, hits: 2, misses: 1, expiries: 1 })
  })

  test('is refreshed by packets of either side, and not by looking', () => {
    const table = new FlowTable({ capacity: 64, idleTimeout: 10, create: 'first-reply' })
    for (const client of [1, 2, 3]) table.add(flow(client), client, 0)
    table.get(flow(1), 8)
    table.confirm(flow(2), 8)
    expect(table.peek(flow(3), 8)).toBe(3)
    expect([1, 2, 3].map((client) => table.peek(flow(client), 12))).toEqual([1, 2, undefined])
    expect(table.confirm(flow(3), 12)).toBe(false)
  })

  test('that is over makes room before anything is pushed out', () => {
    const table = new FlowTable({ capacity: 4, idleTimeout: 10, create: 'first-reply', probation: 2 })
    establish(table, 2, 0)
    establish(table, 4, 100)
    expect(table.stats()).toMatchObject({ size: 2, evictedEstablished: 2, evictedUnanswered: 0, expiries: 2 })
  })

  test('is swept by expire', () => {
    const table = new FlowTable({ capacity: 1024, idleTimeout: 10, create: 'first-reply' })
    for (let client = 0; client < 20; client++) {
      table.add(flow(client), 5, client % 10)
      if (client % 2 === 0) table.confirm(flow(client), client % 10)
    }
    // Times do not go back: the second ten were seen at 9.
    expect(table.flowsOf(5)).toBe(20)
    expect(table.expire(18)).toBe(8)
    expect(table.flowsOf(5)).toBe(12)
    expect(table.expire(18)).toBe(0)
    expect(table.stats()).toMatchObject({ size: 12, established: 6, expiries: 8 })
  })

  test('does not go back', () => {
    const table = new FlowTable({ capacity: 8, idleTimeout: 10, create: 'first-reply' })
    table.add(flow(1), 1, 100)
    table.add(flow(2), 2, 50)
    expect(table.get(flow(2), 105)).toBe(2)
    expect(() => table.get(flow(2), Number.NaN)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
    expect(() => table.get(flow(2), -1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
  })

  test('is taken from a clock where none is given', () => {
    const table = new FlowTable({ capacity: 8, idleTimeout: 'short', create: 'first-reply' })
    table.add(flow(1), 1)
    expect(table.get(flow(1))).toBe(1)
    expect(table.get(flow(1), performance.now() + 30_001)).toBeUndefined()
  })
})

test('room for a flow that becomes established is that of the one used longest ago', () => {
  const table = new FlowTable({ capacity: 8, idleTimeout: 'long', create: 'first-reply', probation: 4 })
  establish(table, 4, 0)
  table.get(flow(0), 1)
  table.confirm(flow(1), 2)
  for (const client of [8, 9]) {
    table.add(flow(client), 5, 3)
    table.confirm(flow(client), 3)
  }
  const held = [0, 1, 2, 3, 8, 9].filter((client) => table.peek(flow(client), 4) !== undefined)
  expect(held).toEqual([0, 1, 8, 9])
})

describe('keys', () => {
  test('of every affinity and family are told apart', () => {
    const table = new FlowTable({ capacity: 256, idleTimeout: 'long', create: 'first-packet' })
    const ends = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '::ffff:192.0.2.3']
    const keys: FlowKey[] = []
    for (const affinity of ['client-ip', 'client-ip-port', 'flow'] as const) {
      for (const address of ends) {
        for (const port of affinity === 'client-ip' ? [1] : [1, 2]) {
          keys.push(
            new FlowKey(affinity).set({ client: { address, port }, local: { address: '2001:db8::9', port: 9 } }),
          )
        }
      }
    }
    for (const [i, each] of keys.entries()) table.add(each, i, 0)
    expect(keys.map((each) => table.get(each, 0))).toEqual(keys.map((_, i) => i))
  })

  test('are their bytes alone, whatever lies beyond', () => {
    const table = new FlowTable({ capacity: 8, idleTimeout: 'long', create: 'first-packet' })
    const six = new FlowKey('client-ip-port')
    six.setIPv4(0x01020304, 0x0506)
    six.words[1]! |= 0xdead0000
    table.add(six, 6, 0)
    six.words.fill(0xffffffff)
    six.setIPv4(0x01020304, 0x0506)
    expect(table.get(six, 0)).toBe(6)
  })

  test('that meet in one chain are looked for at most 16 times', () => {
    const index = new FlowIndex(64, () => 0x1234)
    for (let entry = 0; entry < LONGEST_CHAIN; entry++) {
      expect(index.find(flow(entry))).toBe(NONE)
      expect(index.crowdedOut()).toBe(NONE)
      index.insert(entry, flow(entry))
    }
    expect(index.find(flow(99))).toBe(NONE)
    // The oldest goes.
    expect(index.crowdedOut()).toBe(0)
    for (const removed of [5, 0, LONGEST_CHAIN - 1]) {
      index.remove(removed)
      expect(index.find(flow(removed))).toBe(NONE)
    }
    for (const kept of [1, 4, 6, LONGEST_CHAIN - 2]) expect(index.find(flow(kept))).toBe(kept)
  })

  test('that meet in one chain push out the oldest of it', () => {
    const table = new FlowTable({ capacity: 64, idleTimeout: 'long', create: 'first-reply', probation: 32 }, () => 7)
    for (let client = 0; client < 20; client++) table.add(flow(client), client, 0)
    expect(table.stats()).toMatchObject({ size: LONGEST_CHAIN, evictedUnanswered: 4 })
    const held = Array.from({ length: 20 }, (_, client) => table.get(flow(client), 0))
    expect(held).toEqual(held.map((_, client) => (client < 4 ? undefined : client)))
  })

  test('that meet in one chain are told apart by every byte and by their length', () => {
    const index = new FlowIndex(64, () => 7)
    const keys = (['client-ip', 'client-ip-port', 'flow'] as const).flatMap((affinity) =>
      ['192.0.2.1', '::1'].flatMap((address) => {
        const ends = [1, 256].map((port) => ({ client: { address, port }, local: { address, port: 9 } }))
        return ends.slice(affinity === 'client-ip' ? 1 : 0).map((end) => new FlowKey(affinity).set(end))
      }),
    )
    // As a key of 6 bytes, but shorter.
    const short = new FlowKey('client-ip')
    short.setIPv4(0, 0)
    const long = new FlowKey('client-ip-port')
    long.setIPv4(0, 0)
    for (const [entry, each] of [...keys, short, long].entries()) {
      expect(index.find(each)).toBe(NONE)
      index.insert(entry, each)
    }
    for (const [entry, each] of [...keys, short, long].entries()) expect(index.find(each)).toBe(entry)
  })

  test('are spread evenly over chains: none comes near the limit when the table is full', () => {
    const capacity = 1 << 16
    const table = new FlowTable({ capacity, idleTimeout: 'long', create: 'first-reply', probation: 1 })
    // Addresses that differ in a few low bits only, as those of one network.
    for (let client = 0; client < capacity - 1; client++) {
      table.add(flow(client & 0xff, client >> 8), 1, 0)
      table.confirm(flow(client & 0xff, client >> 8), 0)
    }
    expect(table.stats()).toMatchObject({ size: capacity - 1, evictedEstablished: 0, evictedUnanswered: 0 })
  })
})

describe('when the pool changes', () => {
  test('backends get new numbers, and flows of those that are gone are forgotten', () => {
    const table = new FlowTable({ capacity: 64, idleTimeout: 'long', create: 'first-reply' })
    const before = ['a', 'b', 'c']
    const after = ['0', 'a', 'c']
    for (let client = 0; client < 6; client++) table.add(flow(client), client % 3, 0)
    expect(table.renumber(before.map((id) => after.indexOf(id)))).toBe(2)
    const ids = Array.from({ length: 6 }, (_, client) => after[table.get(flow(client), 0) ?? -1])
    expect(ids).toEqual(['a', undefined, 'c', 'a', undefined, 'c'])
    expect([0, 1, 2].map((backend) => table.flowsOf(backend))).toEqual([0, 2, 2])
  })
})

test('with a pinner, flows stay with a backend that drains, and new ones go elsewhere', () => {
  const table = new FlowTable({ capacity: 4096, idleTimeout: 'long', create: 'first-reply' })
  const backends = (['up', 'up', 'up'] as const).map((state, i) => ({ id: `b${i}`, state }))
  const pinner = new FlowPinner({ backends, affinity: 'flow', secret: '0001020304050607' })
  const choose = (client: number): string | undefined => {
    let index = table.get(flow(client), 0)
    if (index === undefined) {
      index = pinner.pickIndex(flow(client))
      table.add(flow(client), index, 0)
      table.confirm(flow(client), 0)
    }
    return pinner.backends[index]?.id
  }
  const change = (pool: Parameters<typeof pinner.update>[0]) => {
    const before = pinner.backends
    pinner.update(pool)
    const now = pinner.backends.map(({ id }) => id)
    return table.renumber(before.map(({ id }) => now.indexOf(id)))
  }
  const all = Array.from({ length: 1000 }, (_, client) => client)
  const first = all.map(choose)
  // Another one comes before all others, so every index changes; b1 drains.
  expect(change([{ id: 'a' }, backends[0]!, { id: 'b1', state: 'draining' }, backends[2]!])).toBe(0)
  expect(all.map(choose)).toEqual(first)
  const fresh = new Set(all.map((client) => choose(client + 1000)))
  expect([...fresh].sort()).toEqual(['a', 'b0', 'b2'])
  // b1 goes: its flows move, and no others.
  const moved = change([{ id: 'a' }, backends[0]!, backends[2]!])
  expect(moved).toBe(first.filter((id) => id === 'b1').length)
  expect(moved).toBeGreaterThan(200)
  const last = all.map(choose)
  expect(last.filter((id, i) => id !== first[i]).length).toBe(moved)
})

test('memory is what it says, and stays', () => {
  const capacity = 4096
  const table = new FlowTable({ capacity, idleTimeout: 'long', create: 'first-packet' })
  expect(table.bytes).toBe(capacity * FlowTable.BYTES_PER_ENTRY + 4 * capacity)
  expect(FlowTable.BYTES_PER_ENTRY).toBe(64)
  const before = process.memoryUsage()
  const grown = () =>
    process.memoryUsage().arrayBuffers + process.memoryUsage().external - before.arrayBuffers - before.external
  for (let client = 0; client < 50 * capacity; client++) table.add(flow(client), 1, client)
  expect(grown()).toBeLessThan(1 << 20)
  expect(table.bytes).toBe(capacity * 68)
})

describe('arguments', () => {
  const good: FlowTableOptions = { capacity: 8, idleTimeout: 'long', create: 'first-reply' }
  const table = new FlowTable(good)
  const refusals: [string, () => unknown, string][] = [
    ['one flow', () => new FlowTable({ ...good, capacity: 1 }), 'ERR_OUT_OF_RANGE'],
    ['too many flows', () => new FlowTable({ ...good, capacity: 2 ** 24 + 1 }), 'ERR_OUT_OF_RANGE'],
    [
      'a preset that is none',
      () => new FlowTable({ ...good, idleTimeout: 'medium' as never }),
      'ERR_INVALID_ARG_VALUE',
    ],
    ['no time', () => new FlowTable({ ...good, idleTimeout: 0 }), 'ERR_OUT_OF_RANGE'],
    ['another creation', () => new FlowTable({ ...good, create: 'never' as never }), 'ERR_INVALID_ARG_VALUE'],
    ['all on probation', () => new FlowTable({ ...good, probation: 8 }), 'ERR_OUT_OF_RANGE'],
    ['a misspelt option', () => new FlowTable({ ...good, idleTimout: 5 } as never), 'ERR_UNKNOWN_OPTION'],
    ['no options', () => new FlowTable(null as never), 'ERR_INVALID_ARG_TYPE'],
    ['no flow', () => table.get(new FlowKey('flow')), 'ERR_INVALID_ARG_VALUE'],
    ['a text for a key', () => table.get('x' as never), 'ERR_INVALID_ARG_TYPE'],
    ['a backend beyond 65534', () => table.add(flow(1), 65535, 0), 'ERR_OUT_OF_RANGE'],
    ['half a backend', () => table.add(flow(1), 0.5, 0), 'ERR_OUT_OF_RANGE'],
  ]
  test.each(refusals)('are refused: %s', (_, act, code) => {
    expect(act).toThrow(expect.objectContaining({ code }))
  })
})

/** What the table is meant to be, with lists of objects. */
class Model {
  readonly #probation: { client: number; backend: number; seen: number }[] = []
  readonly #established: { client: number; backend: number; seen: number }[] = []
  evicted = 0
  expired = 0

  constructor(
    readonly options: { capacity: number; probation: number; idle: number; create: FlowTableOptions['create'] },
  ) {}

  get clients(): [number, number, boolean][] {
    return [
      ...this.#probation.map(({ client, backend }): [number, number, boolean] => [client, backend, false]),
      ...this.#established.map(({ client, backend }): [number, number, boolean] => [client, backend, true]),
    ]
  }

  get(client: number, now: number): number | undefined {
    const found = this.#find(client, now)
    if (found) this.#use(found, now, this.options.create === 'first-packet')
    return found?.backend
  }

  confirm(client: number, now: number): boolean {
    const found = this.#find(client, now)
    if (found) this.#use(found, now, true)
    return found !== undefined
  }

  add(client: number, backend: number, now: number): void {
    const found = this.#find(client, now)
    if (found) {
      this.#use(found, now, false)
      found.backend = backend
      return
    }
    this.#room(this.#probation, this.options.probation, now)
    this.#probation.unshift({ client, backend, seen: now })
  }

  delete(client: number): boolean {
    return [this.#probation, this.#established].some((list) => {
      const at = list.findIndex((each) => each.client === client)
      return at >= 0 && list.splice(at, 1)
    })
  }

  expire(now: number): void {
    for (const list of [this.#probation, this.#established]) while (this.#expireOldest(list, now));
  }

  renumber(numbers: readonly number[]): void {
    for (const list of [this.#probation, this.#established]) {
      const kept = list.filter(({ backend }) => numbers[backend]! >= 0)
      list.splice(0, list.length, ...kept.map((each) => ({ ...each, backend: numbers[each.backend]! })))
    }
  }

  #find(client: number, now: number) {
    const found = [...this.#probation, ...this.#established].find((each) => each.client === client)
    if (!found || now - found.seen <= this.options.idle) return found
    this.delete(client)
    this.expired++
    return undefined
  }

  #use(found: { client: number; backend: number; seen: number }, now: number, establish: boolean): void {
    const stays = this.#probation.includes(found) && !establish
    found.seen = now
    if (this.#probation.includes(found) && establish) {
      this.#room(this.#established, this.options.capacity - this.options.probation, now)
    }
    this.delete(found.client)
    ;(stays ? this.#probation : this.#established).unshift(found)
  }

  #room(list: { client: number; backend: number; seen: number }[], most: number, now: number): void {
    this.#expireOldest(list, now)
    if (list.length < most) return
    list.pop()
    this.evicted++
  }

  #expireOldest(list: { seen: number }[], now: number): boolean {
    const oldest = list.at(-1)
    if (!oldest || now - oldest.seen <= this.options.idle) return false
    list.pop()
    this.expired++
    return true
  }
}

test('does what a plain model does, call by call', () => {
  const step = fc.record({
    act: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('get', 'add', 'confirm') },
      { weight: 1, arbitrary: fc.constantFrom('delete', 'expire', 'renumber') },
    ),
    client: fc.nat(7),
    backend: fc.nat(3),
    wait: fc.oneof({ weight: 9, arbitrary: fc.nat(1) }, fc.nat(12)),
  })
  const shape = fc.record({
    capacity: fc.integer({ min: 2, max: 9 }),
    probation: fc.nat(6),
    create: fc.constantFrom('first-packet' as const, 'first-reply' as const),
  })
  fc.assert(
    fc.property(
      shape,
      fc.array(step, { minLength: 1, maxLength: 80, size: 'max' }),
      ({ capacity, probation: most, create }, steps) => {
        const probation = 1 + (most % (capacity - 1))
        const table = new FlowTable({ capacity, probation, create, idleTimeout: 10 })
        const model = new Model({ capacity, probation, create, idle: 10 })
        let now = 0
        for (const { act, client, backend, wait } of steps) {
          now += wait
          if (act === 'get') expect(table.get(flow(client), now)).toBe(model.get(client, now))
          else if (act === 'confirm') expect(table.confirm(flow(client), now)).toBe(model.confirm(client, now))
          else if (act === 'delete') expect(table.delete(flow(client))).toBe(model.delete(client))
          else if (act === 'add') {
            table.add(flow(client), backend, now)
            model.add(client, backend, now)
          } else if (act === 'expire') {
            table.expire(now)
            model.expire(now)
          } else {
            const numbers = [1, 0, 3, -1]
            table.renumber(numbers)
            model.renumber(numbers)
          }
          const { size, established, expiries, evictedEstablished, evictedUnanswered } = table.stats()
          const expected = model.clients
          expect(size).toBe(expected.length)
          expect(established).toBe(expected.filter(([, , is]) => is).length)
          expect([expiries, evictedEstablished + evictedUnanswered]).toEqual([model.expired, model.evicted])
        }
        // Looking at a flow that is idle for too long would remove it, so not before the end.
        model.expire(now)
        table.expire(now)
        const held = Array.from({ length: 8 }, (_, client) => [client, table.peek(flow(client), now)])
        const expected = new Map(model.clients.map(([client, backend]) => [client, backend]))
        expect(held).toEqual(Array.from({ length: 8 }, (_, client) => [client, expected.get(client)]))
      },
    ),
    { numRuns: 500 },
  )
})

test('forgets all on clear, and works on', () => {
  const table = new FlowTable({ capacity: 16, idleTimeout: 'long', create: 'first-reply' })
  establish(table, 14, 0)
  for (const client of [3, 5, 7]) table.delete(flow(client))
  table.clear()
  expect(table.size).toBe(0)
  expect(table.get(flow(3), 1)).toBeUndefined()
  establish(table, 14, 2)
  expect(table.stats()).toMatchObject({ size: 14, established: 14, evictedEstablished: 0 })
  const held = Array.from({ length: 14 }, (_, client) => table.get(flow(client), 3))
  expect(held).toEqual(held.map((_, client) => client % 7))
})
