import { inspect } from 'node:util'
import fc from 'fast-check'
import {
  type Affinity,
  type Backend,
  buildTable,
  type Flow,
  FlowKey,
  FlowPinner,
  type FlowPinnerOptions,
  NO_BACKEND,
} from 'udp-dsr/pinning'
import { describe, expect, test } from 'vitest'
import { anyPool, KINDS, pool } from './pools.js'
import { flowVectors } from './vectors.js'

const secret = '00112233deadbeef'
const options = { backends: pool(10), affinity: 'flow', secret } satisfies FlowPinnerOptions
const VIP = { address: '198.51.100.2', port: 443 }

/** So many flows from different clients. */
function flows(count: number): Flow[] {
  return Array.from({ length: count }, (_, i) => ({
    client: { address: `203.0.${(i >> 8) & 255}.${i & 255}`, port: 1024 + ((i * 7919) % 60000) },
    local: VIP,
  }))
}
const someFlows = flows(2000)
const picks = (pinner: FlowPinner, those = someFlows) => those.map((flow) => pinner.pick(flow)?.id)

const anyState = fc.constantFrom('up', 'draining', 'down') satisfies fc.Arbitrary<Backend['state']>
const anyBackends = fc
  .tuple(anyPool(12), fc.array(anyState, { minLength: 12, maxLength: 12 }))
  .map(([list, states]) => list.map((one, i) => ({ ...one, state: states[i]! })))

describe('pick', () => {
  test('agrees with the slots that all implementations share', () => {
    const pinners = new Map<string, FlowPinner>()
    for (const { client, local, affinity, secret, slots } of flowVectors) {
      // Sizes of 1 and beyond 2²⁰ are no sizes of a table.
      for (const tableSize of Object.keys(slots)
        .map(Number)
        .filter((size) => size > 1 && size <= 65537)) {
        const name = `${affinity} ${secret} ${tableSize}`
        const pinner =
          pinners.get(name) ?? new FlowPinner({ backends: pool(2), affinity, secret, table: 'maglev', tableSize })
        pinners.set(name, pinner)
        const { table } = pinner
        const slot = slots[tableSize]!
        expect(pinner.explain({ client, local }).slot).toBe(slot)
        expect(pinner.pick({ client, local })?.id).toBe(table.backends[table.slots[slot]!]?.id)
      }
    }
    expect(pinners.size).toBeGreaterThan(5)
  })

  test('two pinners with one secret agree, whatever the order of their lists', () => {
    const other = new FlowPinner({ ...options, backends: pool(10).reverse(), secret: Buffer.from(secret, 'hex') })
    expect(picks(other)).toEqual(picks(new FlowPinner(options)))
  })

  test('with another secret flows go elsewhere', () => {
    const [one, other] = ['00112233deadbeef', '00112233deadbeee'].map((it) =>
      picks(new FlowPinner({ ...options, secret: it })),
    )
    const same = one!.filter((id, i) => id === other![i]).length
    // A tenth of them by chance.
    expect(same / someFlows.length).toBeLessThan(0.15)
  })

  test.each(KINDS)('%s: flows are shared out by weight', (table) => {
    const backends = pool(10, [1, 3])
    const pinner = new FlowPinner({ ...options, backends, table })
    const got = new Map<string | undefined, number>()
    for (const id of picks(pinner, flows(60_000))) got.set(id, (got.get(id) ?? 0) + 1)
    for (const { id, weight } of backends) {
      const share = (got.get(id) ?? 0) / 60_000
      // Half of one per cent is six standard deviations of 60,000 coins.
      expect(Math.abs(share - weight / 20)).toBeLessThan(0.05 * (weight / 20) + 0.005)
    }
  })

  test('what of a flow counts is what the affinity names', () => {
    const { client } = someFlows[0]!
    const changes: Record<string, Flow> = {
      port: { client: { ...client, port: 9 }, local: VIP },
      vip: { client, local: { ...VIP, address: '198.51.100.9' } },
      service: { client, local: { ...VIP, port: 53 } },
      mapped: { client: { ...client, address: `::ffff:${client.address}` }, local: VIP },
    }
    const keysThatDiffer = (affinity: Affinity) => {
      const pinner = new FlowPinner({ ...options, affinity })
      const { key } = pinner.explain(someFlows[0]!)
      return Object.keys(changes).filter((name) => pinner.explain(changes[name]!).key !== key)
    }
    expect(keysThatDiffer('flow')).toEqual(['port', 'vip', 'service'])
    expect(keysThatDiffer('client-ip-port')).toEqual(['port'])
    expect(keysThatDiffer('client-ip')).toEqual([])
  })

  test('is undefined, and pickIndex NO_BACKEND, while no backend is up', () => {
    const lists: Backend[][] = [
      [],
      [{ id: 'a', state: 'down' }],
      [{ id: 'a', state: 'draining' }],
      [{ id: 'a', weight: 0 }],
    ]
    for (const backends of lists) {
      const pinner = new FlowPinner({ ...options, backends })
      expect(pinner.pick(someFlows[0]!)).toBeUndefined()
      expect(pinner.pickPrevious(someFlows[0]!)).toBeUndefined()
      expect(pinner.pickIndex(new FlowKey('flow').set(someFlows[0]!))).toBe(NO_BACKEND)
      expect(pinner.explain(someFlows[0]!)).toMatchObject({ backend: undefined, previous: undefined })
    }
  })
})

describe('pickIndex', () => {
  test('gives a place in the sorted pool', () => {
    const pinner = new FlowPinner(options)
    const key = new FlowKey('flow')
    expect(pinner.backends.map(({ id }) => id)).toEqual(
      pool(10)
        .map(({ id }) => id)
        .sort(),
    )
    for (const flow of someFlows) {
      expect(pinner.backends[pinner.pickIndex(key.set(flow))]).toBe(pinner.pick(flow))
    }
  })

  test('allocates nothing', () => {
    const pinner = new FlowPinner(options)
    const key = new FlowKey('flow')
    let sum = 0
    const run = (count: number) => {
      for (let i = 0; i < count; i++) {
        key.setIPv4(i * 2654435761, i & 0xffff, 0xc6336402, 443)
        sum += pinner.pickIndex(key)
      }
    }
    const grown = () => {
      const before = process.memoryUsage().heapUsed
      run(100_000)
      return process.memoryUsage().heapUsed - before
    }
    run(1_000_000)
    // One object a call would be 1.6 MB. A collection in between makes the heap smaller: then it is measured again.
    const growth = Array.from({ length: 20 }, grown).filter((bytes) => bytes >= 0)
    expect(growth.length).toBeGreaterThan(10)
    expect(Math.max(...growth)).toBeLessThan(200_000)
    expect(sum).toBeGreaterThan(0)
  })

  test('a key that does not fit is refused, not looked up', () => {
    const pinner = new FlowPinner(options)
    const unset = expect.objectContaining({
      code: 'ERR_INVALID_ARG_VALUE',
      message: `The "key" argument must be a FlowKey('flow') that was set. Received { affinity: 'flow', length: 0 }`,
    })
    expect(() => pinner.pickIndex(new FlowKey('flow'))).toThrow(unset)
    expect(() => pinner.pickIndex(new FlowKey('client-ip').set(someFlows[0]!))).toThrow(/affinity: 'client-ip'/)
    expect(() => pinner.pickPreviousIndex(new FlowKey('client-ip'))).toThrow(/FlowKey\('flow'\)/)
  })
})

describe('update', () => {
  test('the table is that of a fresh pinner, whatever came before', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), fc.array(anyBackends, { minLength: 2, maxLength: 4 }), (table, pools) => {
        const settings = { ...options, table, tableSize: 127 }
        const pinner = new FlowPinner({ ...settings, backends: pools[0]! })
        for (const backends of pools.slice(1)) pinner.update(backends)
        const fresh = new FlowPinner({ ...settings, backends: pools.at(-1)! })
        expect(pinner.table).toEqual(fresh.table)
        expect(pinner.backends).toEqual(fresh.backends)
      }),
    )
  })

  test('tells what moved, backend by backend', () => {
    fc.assert(
      fc.property(anyBackends, anyBackends, (one, other) => {
        const pinner = new FlowPinner({ ...options, backends: one, tableSize: 127 })
        const before = pinner.table
        const change = pinner.update(other)
        const after = pinner.table
        const ownersOf = ({ backends, slots }: typeof before) => Array.from(slots, (index) => backends[index]?.id)
        const [then, now] = [ownersOf(before), ownersOf(after)]
        const share = (holds: (slot: number) => boolean) => then.filter((_, slot) => holds(slot)).length / 127
        expect(change.digest).toBe(after.digest)
        expect(change.moved).toBe(share((slot) => then[slot] !== now[slot]))
        expect(change.backends.map(({ id }) => id).sort()).toEqual(
          [...new Set([...one, ...other].map(({ id }) => id))].sort(),
        )
        for (const { id, ...figures } of change.backends) {
          expect(figures).toEqual({
            before: share((slot) => then[slot] === id),
            after: share((slot) => now[slot] === id),
            gained: share((slot) => now[slot] === id && then[slot] !== id),
            lost: share((slot) => then[slot] === id && now[slot] !== id),
          })
        }
      }),
    )
  })

  test('a list that is refused changes nothing', () => {
    const pinner = new FlowPinner({ ...options, tableSize: 16 })
    const { backends, table } = pinner
    expect(() => pinner.update([{ id: 'a' }, { id: 'a' }])).toThrow(/"backends\[1\]\.id"/)
    expect(() => pinner.update(pool(17))).toThrow(/"options\.tableSize".*>= 17/)
    expect(pinner.backends).toBe(backends)
    expect(pinner.table).toBe(table)
  })

  test('neither the pool nor its backends can be changed from outside', () => {
    const mine = pool(2)
    const pinner = new FlowPinner({ ...options, backends: mine })
    mine[0]!.weight = 7
    mine.pop()
    expect(pinner.backends).toHaveLength(2)
    expect(pinner.backends[0]!.weight).toBe(1)
    expect(() => Object.assign(pinner.backends[0]!, { weight: 3 })).toThrow(TypeError)
    expect(() => (pinner.backends as Backend[]).pop()).toThrow(TypeError)
  })
})

describe('states', () => {
  const other = pool(10).slice(1)
  const withState = (state: Backend['state']) => [{ id: 'backend-0', state }, ...other]

  test.each(['draining', 'down'] as const)(
    'who is %s gets no new flows; the others go where removing would send them',
    (state) => {
      const pinner = new FlowPinner({ ...options, backends: withState(state) })
      expect(picks(pinner)).toEqual(picks(new FlowPinner({ ...options, backends: other })))
      expect(pinner.backends[0]).toEqual({ id: 'backend-0', weight: 1, state })
    },
  )

  test('the flows of who drains stay with it; those of who is down, or gone, do not', () => {
    const kept = (backends: Backend[]) => {
      const pinner = new FlowPinner(options)
      const before = picks(pinner)
      const { moved } = pinner.update(backends)
      expect(moved).toBeGreaterThan(0.09)
      const previous = someFlows.map((flow) => pinner.pickPrevious(flow)?.id)
      const key = new FlowKey('flow')
      const indices = someFlows.map((flow) => pinner.backends[pinner.pickPreviousIndex(key.set(flow))]?.id)
      expect(indices).toEqual(previous)
      // All the others are told as they were.
      expect(previous.filter((id) => id !== undefined && id !== 'backend-0')).toEqual(
        before.filter((id) => id !== 'backend-0'),
      )
      return previous.filter((id) => id === 'backend-0').length / before.filter((id) => id === 'backend-0').length
    }
    expect(kept(withState('draining'))).toBe(1)
    expect(kept(withState('down'))).toBe(0)
    expect(kept(other)).toBe(0)
  })

  test('an update that moves nothing leaves the generation before in place', () => {
    const pinner = new FlowPinner(options)
    const mine = someFlows.filter((flow) => pinner.pick(flow)?.id === 'backend-0')
    pinner.update(withState('draining'))
    expect(pinner.update(withState('draining')).moved).toBe(0)
    expect(mine.map((flow) => pinner.pickPrevious(flow)?.id)).toEqual(mine.map(() => 'backend-0'))
    // Idle ones shift the indices and move nothing.
    expect(pinner.update([{ id: 'a', state: 'down' }, ...withState('draining')]).moved).toBe(0)
    expect(mine.map((flow) => pinner.pickPrevious(flow)?.id)).toEqual(mine.map(() => 'backend-0'))
    // And when it is down at last, nobody is sent there.
    expect(pinner.update(withState('down')).moved).toBe(0)
    expect(mine.map((flow) => pinner.pickPrevious(flow))).toEqual(mine.map(() => undefined))
  })

  test('before the first update the previous backend is the one chosen', () => {
    const pinner = new FlowPinner(options)
    expect(someFlows.map((flow) => pinner.pickPrevious(flow)?.id)).toEqual(picks(pinner))
    expect(pinner.previousSlots).toEqual(pinner.table.slots)
  })
})

describe('explain', () => {
  const flow = { client: { address: '192.0.2.7', port: 4660 }, local: { address: '198.51.100.2', port: 443 } }
  const why = (...updates: Backend[][]) => {
    const pinner = new FlowPinner({ ...options, backends: [{ id: 'a' }] })
    for (const backends of updates) pinner.update(backends)
    return pinner.explain(flow)
  }

  test('key, slot, table, backend', () => {
    const pinner = new FlowPinner(options)
    const { backend, ...rest } = pinner.explain(flow)
    expect(backend).toBe(pinner.pick(flow))
    const { slot } = rest
    expect(rest).toEqual({
      affinity: 'flow',
      key: 'c00002071234c633640201bb',
      slot,
      table: { kind: 'bounded-rendezvous', size: 65536, digest: buildTable({ backends: options.backends }).digest },
      previous: undefined,
      why: `slot ${slot} belongs to ${backend?.id}`,
    })
    expect(pinner.table.backends[pinner.table.slots[slot]!]?.id).toBe(backend?.id)
  })

  test('previous backend and why', () => {
    const b = { id: 'b' }
    expect(why([{ id: 'a', state: 'draining' }, b])).toMatchObject({
      backend: { id: 'b' },
      previous: { id: 'a', state: 'draining' },
      why: expect.stringMatching(
        /^slot \d+ belongs to b; a had it and is draining: flows that it has may stay with it, new ones go to b$/,
      ),
    })
    expect(why([{ id: 'a', state: 'down' }, b]).why).toMatch(/belongs to b; a had it and is down$/)
    expect(why([b])).toMatchObject({
      previous: { id: 'a', state: 'removed' },
      why: expect.stringMatching(/belongs to b; a had it and was removed$/),
    })
    expect(
      why([
        { id: 'a', weight: 1 },
        { id: 'b', weight: 65535 },
      ]),
    ).toMatchObject({
      previous: { id: 'a', state: 'up' },
      why: expect.stringMatching(/belongs to b; a had it and is still up: /),
    })
    expect(
      why(
        [b],
        [b, { id: 'c', weight: 0 }],
        [
          { id: 'a', weight: 65535 },
          { id: 'b', weight: 1 },
        ],
      ),
    ).toMatchObject({
      backend: { id: 'a' },
      previous: { id: 'b', state: 'up' },
    })
    expect(
      why([
        { id: 'a', weight: 65535 },
        { id: 'b', weight: 1 },
      ]).why,
    ).toMatch(/belongs to a, as before the last update that moved flows$/)
    expect(why([{ id: 'a', state: 'down' }]).why).toMatch(
      /^no backend is up, so nobody has slot \d+; a, which had it, is down$/,
    )
  })
})

describe('the secret', () => {
  test('is shown nowhere', () => {
    const bytes = Buffer.from(secret, 'hex')
    const pinner = new FlowPinner(options)
    const change = pinner.update(pool(9))
    const shown = [
      inspect(pinner, { showHidden: true, depth: 9 }),
      JSON.stringify(pinner),
      JSON.stringify(change),
      JSON.stringify(pinner.explain(someFlows[0]!)),
      JSON.stringify({ ...pinner.table, slots: [] }),
    ].join('\n')
    const forms = [secret, ...[bytes.readInt32LE(0), bytes.readInt32LE(4)].flatMap((word) => [word, word >>> 0])]
    for (const form of forms) expect(shown).not.toContain(String(form))
    for (const word of ['00112233', 'deadbeef', '33221100', 'efbeadde']) expect(shown).not.toContain(word)
  })

  test.each([
    ['0011223344556677 ', 'a string of 17 characters'],
    ['001122334455667g', 'a string of 16 characters'],
    ['', 'a string of 0 characters'],
    [Buffer.from('0011223344556677'), '16 bytes'],
    [new Uint16Array(4), '8 bytes'],
    [0x0011223344n, 'a value of type bigint'],
    [null, 'null'],
  ])('%s is refused, and not repeated', (wrong, received) => {
    expect(() => new FlowPinner({ ...options, secret: wrong as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_INVALID_ARG_VALUE',
        message: `The "options.secret" property must be 8 bytes in a Uint8Array, or 16 hexadecimal digits. Received ${received}`,
      }),
    )
  })

  test('has no default', () => {
    const { secret: _, ...rest } = options
    expect(() => new FlowPinner(rest as never)).toThrow(
      expect.objectContaining({ code: 'ERR_MISSING_ARGS', message: 'The "options.secret" argument must be specified' }),
    )
  })

  test('may lie anywhere in a buffer', () => {
    const all = Buffer.from(`ffffff${secret}ffff`, 'hex')
    expect(picks(new FlowPinner({ ...options, secret: all.subarray(3, 11) }))).toEqual(picks(new FlowPinner(options)))
  })
})

describe('arguments', () => {
  test.each([
    [undefined, 'ERR_MISSING_ARGS', /"options"/],
    [null, 'ERR_INVALID_ARG_TYPE', /"options"/],
    [{ affinty: 'flow' }, 'ERR_UNKNOWN_OPTION', /Did you mean "affinity"/],
    [{ affinity: 'client' }, 'ERR_INVALID_ARG_VALUE', /options\.affinity.*'client-ip', 'client-ip-port', 'flow'/],
    [{ table: 'ring' }, 'ERR_INVALID_ARG_VALUE', /options\.table.*'maglev', 'bounded-rendezvous'/],
    [{ tableSize: 100 }, 'ERR_OUT_OF_RANGE', /options\.tableSize.*a prime or a power of two/],
    [{ tableSize: 8 }, 'ERR_OUT_OF_RANGE', /options\.tableSize.*>= 10, a slot for each backend/],
    [{ backends: undefined }, 'ERR_INVALID_ARG_TYPE', /options\.backends/],
    [{ backends: [{ id: 'a', state: 'dead' }] }, 'ERR_INVALID_ARG_VALUE', /state.*'up', 'draining', 'down'/],
  ])('%j: %s', (wrong, code, message) => {
    const all = wrong && { ...options, ...wrong }
    const error = expect.objectContaining({ code, message: expect.stringMatching(message) })
    expect(() => new FlowPinner(all as never)).toThrow(error)
  })

  test('flows that are none are refused by name', () => {
    const pinner = new FlowPinner(options)
    expect(() => pinner.pick({ client: { address: '192.0.2.300', port: 1 }, local: VIP })).toThrow(
      /flow\.client\.address/,
    )
    expect(() => pinner.explain({ client: { address: '192.0.2.3', port: 1 } })).toThrow(/flow\.local/)
  })
})
