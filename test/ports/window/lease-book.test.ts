import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PortCounts } from '../../../src/errors.js'
import type { PortRange } from '../../../src/ports/port-range.js'
import type { PortLease } from '../../../src/ports/window/lease.js'
import { LeaseBook } from '../../../src/ports/window/lease-book.js'
import { portSet } from '../../../src/ports/window/port-set.js'
import type { PortWindowOptions } from '../../../src/ports/window/window-options.js'
import { FakeClock } from './clock.js'
import { type Refusal, WindowModel } from './model.js'

/** A book with a clock of its own, and what it said about low water. */
function book(options: PortWindowOptions) {
  const clock = new FakeClock()
  const lows: PortCounts[] = []
  return { clock, lows, book: new LeaseBook(options, (counts) => lows.push(counts), clock) }
}

/** What it returned, or the code of what it threw. */
function outcome<T>(act: () => T): T | Refusal {
  try {
    return act()
  } catch (error) {
    const { code } = error as { code: Refusal }
    if (code === undefined) throw error
    return code
  }
}

const failed = (value: unknown): value is Refusal => typeof value === 'string'

type Step =
  | { do: 'acquire' | 'pair'; owner: string | undefined }
  | { do: 'release' | 'drain' | 'taken' | 'unused'; which: number }
  | { do: 'pass'; milliseconds: number }

const owner = fc.constantFrom(undefined, 'a', 'b', '__proto__')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('acquire' as const, 'pair' as const), owner }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'release' as const,
        'release' as const,
        'drain' as const,
        'taken' as const,
        'unused' as const,
      ),
      which: fc.nat(1000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), milliseconds: fc.integer({ min: 0, max: 60 }) }),
  },
)

const range: fc.Arbitrary<PortRange> = fc
  .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 0, max: 11 }))
  .map(([low, more]) => [low, Math.min(65535, low + more)])

describe('any sequence of calls', () => {
  test('does what the plain model does', () => {
    const settings = fc.record({
      ranges: fc.array(range, { minLength: 1, maxLength: 3 }),
      quarantine: fc.constantFrom(0, 1, 20, 50),
      retryTaken: fc.constantFrom(1, 20, 70),
      quota: fc.constantFrom(1, 2, 5, 100),
    })
    fc.assert(
      fc.property(settings, fc.array(step, { maxLength: 120 }), ({ ranges, quarantine, retryTaken, quota }, steps) => {
        const { book: real, clock } = book({ range: ranges, quarantine, retryTaken, quota, order: 'sequential' })
        const model = new WindowModel({
          ports: [...portSet('range', ranges, [])],
          quarantine,
          retryTaken,
          quota,
        })
        const leases: PortLease[] = []
        for (const each of steps) {
          model.advance(clock.now())
          switch (each.do) {
            case 'acquire': {
              const got = outcome(() => real.acquire(each.owner))
              expect(failed(got) ? got : got.port).toBe(model.acquire(each.owner))
              if (!failed(got)) leases.push(got)
              break
            }
            case 'pair': {
              const got = outcome(() => real.acquirePair(each.owner))
              expect(failed(got) ? got : got.rtp.port).toBe(model.acquirePair(each.owner))
              if (failed(got)) break
              expect([got.rtp.port % 2, got.rtcp.port]).toEqual([0, got.rtp.port + 1])
              leases.push(got.rtp, got.rtcp)
              break
            }
            case 'pass':
              clock.pass(each.milliseconds)
              break
            default: {
              // Any lease there ever was: most are over, and their port may be somebody else's by now.
              const lease = leases[each.which % leases.length]
              if (lease === undefined) break
              const over = lease.state === 'released'
              if (each.do === 'drain') {
                lease.drain()
                if (!over) model.drain(lease.port)
              } else {
                const end = ({ release: 'quarantine', taken: 'taken', unused: 'unused' } as const)[each.do]
                if (each.do === 'release') lease.release()
                else if (each.do === 'taken') lease.reportTaken()
                else lease.giveBack()
                expect(lease.state).toBe('released')
                if (!over) model.end(lease.port, end, clock.now())
              }
            }
          }
          model.advance(clock.now())
          const {
            waiting,
            leases: made,
            exhausted,
            quotaRefusals,
            foundTaken,
            freePairs,
            owners,
            ...counts
          } = real.stats()
          expect(counts).toEqual(model.counts())
          expect(freePairs).toBe(model.freePairs)
          expect(Object.entries(owners).sort()).toEqual([...model.owners()].sort())
          const held = leases.filter((lease) => lease.state !== 'released')
          expect(new Set(held.map((lease) => lease.port)).size).toBe(held.length)
          for (const lease of held) expect(lease.state).toBe(model.stateOf(lease.port))
        }
        const { free } = model.counts()
        for (let i = 0; i < free; i++) real.acquire(undefined)
        const due = model.nextDue()
        const full = { code: 'ERR_PORTS_EXHAUSTED', ...(due !== undefined && { retryAfter: due - clock.now() }) }
        expect(() => real.acquire(undefined)).toThrow(expect.objectContaining(full))
        expect(clock.timers).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  test('in random order: no port twice, and none before its quarantine is over', () => {
    fc.assert(
      fc.property(range, fc.array(fc.nat(1000), { maxLength: 200 }), (span, choices) => {
        const { book: real, clock } = book({ range: span, quarantine: 30 })
        const held: PortLease[] = []
        const released = new Map<number, number>()
        for (const choice of choices) {
          const got = choice % 3 === 0 ? 'ERR_PORTS_EXHAUSTED' : outcome(() => real.acquire(undefined))
          if (failed(got)) {
            const [lease] = held.splice(choice % (held.length || 1), 1)
            lease?.release()
            if (lease !== undefined) released.set(lease.port, clock.now())
          } else {
            expect(got.port >= span[0] && got.port <= span[1]).toBe(true)
            expect(held.map(({ port }) => port)).not.toContain(got.port)
            expect(clock.now() - (released.get(got.port) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(30)
            held.push(got)
          }
          clock.pass(choice % 7)
        }
      }),
    )
  })
})

describe('the order', () => {
  const all = (real: LeaseBook) => Array.from({ length: real.total }, () => real.acquire(undefined).port)

  test('is random first, another for each window, and holds each port once', () => {
    const range = [20000, 20999] as const
    const orders = [book({ range }), book({ range })].map(({ book: real }) => all(real))
    const ascending = Array.from({ length: 1000 }, (_, i) => 20000 + i)
    for (const order of orders) {
      expect([...order].sort((a, b) => a - b)).toEqual(ascending)
      expect(order).not.toEqual(ascending)
    }
    expect(orders[0]).not.toEqual(orders[1])
  })

  test('is then that of the release', () => {
    const { book: real } = book({
      range: [
        [7, 9],
        [20, 20],
      ],
      exclude: [8],
      quarantine: 0,
      order: 'sequential',
    })
    const leases = [0, 1, 2].map(() => real.acquire(undefined))
    expect(leases.map(({ port }) => port)).toEqual([7, 9, 20])
    for (const i of [1, 2, 0]) leases[i]!.release()
    expect(all(real)).toEqual([9, 20, 7])
  })

  test('of pairs: never an odd port first, never across a gap', () => {
    const { book: real } = book({
      range: [
        [101, 105],
        [108, 109],
      ],
      exclude: [[104, 104]],
      order: 'sequential',
    })
    expect(real.acquirePair(undefined).rtp.port).toBe(102)
    expect(real.acquirePair(undefined).rtp.port).toBe(108)
    expect(() => real.acquirePair(undefined)).toThrow(
      /^No free pair of ports in the window 101-103, 105, 108-109: of 6, 2 are free/,
    )
    expect([real.acquire(undefined).port, real.acquire(undefined).port]).toEqual([101, 105])
  })

  test('reaches from port 1 to port 65535', () => {
    const { book: real } = book({ range: [1, 65535], order: 'sequential' })
    const ports = all(real)
    expect([ports.length, ports[0], ports.at(-1)]).toEqual([65535, 1, 65535])
    expect(() => real.acquire(undefined)).toThrow(expect.objectContaining({ code: 'ERR_PORTS_EXHAUSTED' }))
  })
})

describe('a full window', () => {
  test('says how many ports are what, and when the next one comes free', () => {
    const { book: real, clock } = book({ range: [50000, 50004], quarantine: 1000, retryTaken: 5000 })
    const leases = [0, 1, 2, 3, 4].map(() => real.acquire('alice'))
    expect(() => real.acquire('bob')).toThrow(expect.not.objectContaining({ retryAfter: expect.anything() }))
    leases[0]!.reportTaken()
    leases[1]!.drain()
    clock.pass(100)
    leases[2]!.release()
    clock.pass(300)
    const counts = { total: 5, free: 0, leased: 2, draining: 1, quarantined: 1, taken: 1 }
    expect(() => real.acquire('bob')).toThrow(
      expect.objectContaining({ code: 'ERR_PORTS_EXHAUSTED', counts, retryAfter: 700 }),
    )
    expect(real.stats()).toMatchObject({ ...counts, exhausted: 2, leases: 5, foundTaken: 1, owners: { alice: 3 } })
    clock.pass(700)
    expect(real.acquire('bob').port).toBe(leases[2]!.port)
    clock.pass(4000)
    expect(real.acquire('bob').port).toBe(leases[0]!.port)
  })
})

describe('quotas', () => {
  test('count what is leased and draining, and end with it', () => {
    const { book: real } = book({ range: [50000, 50009], quota: 2 })
    const first = real.acquire('alice')
    expect(() => real.acquirePair('alice')).toThrow(
      expect.objectContaining({ code: 'ERR_PORTS_QUOTA', owner: 'alice', held: 1, limit: 2 }),
    )
    real.acquire('alice')
    first.drain()
    expect(() => real.acquire('alice')).toThrow(expect.objectContaining({ held: 2 }))
    real.acquire('bob')
    real.acquire(undefined)
    first.release()
    first.release()
    real.acquire('alice')
    expect(real.stats()).toMatchObject({ quotaRefusals: 2, owners: { alice: 2, bob: 1 } })
  })

  test('may be another for each owner', () => {
    const quota = (owner: string) => ({ none: 0, some: 1, wrong: '7' as never })[owner]
    const { book: real } = book({ range: [50000, 50009], quota })
    expect(() => real.acquire('none')).toThrow(expect.objectContaining({ code: 'ERR_PORTS_QUOTA' }))
    real.acquire('some')
    expect(() => real.acquire('some')).toThrow(expect.objectContaining({ code: 'ERR_PORTS_QUOTA' }))
    for (let i = 0; i < 5; i++) real.acquire('others')
    expect(() => real.acquire('wrong')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }))
    expect(real.counts().leased).toBe(6)
  })
})

describe('waiting', () => {
  const next = () => new Promise((resolve) => setImmediate(resolve))

  test('is served in order, when quarantine ends, before those who come later', async () => {
    const { book: real, clock } = book({ range: [50000, 50001], quarantine: 1000, order: 'sequential' })
    const leases = [real.acquire(undefined), real.acquire(undefined)]
    const served: string[] = []
    const wait = async (name: string) => served.push(`${name} ${(await real.waitForPort(name, undefined)).port}`)
    void wait('a')
    void wait('b')
    wait('c').catch(({ code }) => served.push(code))
    expect([real.stats().waiting, clock.timers]).toEqual([3, 0]) // nothing is due, so nothing runs
    leases[1]!.release()
    expect(clock.timers).toBe(1)
    clock.pass(999)
    leases[0]!.release()
    await next()
    expect(served).toEqual([])
    clock.pass(1)
    expect(() => real.acquire('late')).toThrow(
      expect.objectContaining({ code: 'ERR_PORTS_EXHAUSTED', retryAfter: 999 }),
    )
    await next()
    expect(served).toEqual(['a 50001'])
    clock.pass(999)
    await next()
    expect(served).toEqual(['a 50001', 'b 50000'])
    expect([real.stats().waiting, clock.timers]).toEqual([1, 0])
    real.close()
    await next()
    expect(served.at(-1)).toBe('ERR_PORTS_CLOSED')
  })

  test('ends at once where a port is free, or comes free without quarantine', async () => {
    const { book: real } = book({ range: [50000, 50000], quarantine: 0 })
    const lease = await real.waitForPort('a', undefined)
    const other = real.waitForPort('b', undefined)
    lease.release()
    expect((await other).owner).toBe('b')
    const { signal } = new AbortController()
    const third = real.waitForPort('c', signal)
    await next()
    expect(getEventListeners(signal, 'abort').length).toBe(1)
    ;(await other).release()
    ;(await third).release()
    expect(getEventListeners(signal, 'abort').length).toBe(0)
    real.acquire('b')
    expect(real.stats()).toMatchObject({ waiting: 0, leased: 1, owners: { b: 1 } })
  })

  test('ends with the signal, and leaves nothing behind', async () => {
    const { book: real, clock } = book({ range: [50000, 50000], quarantine: 1000 })
    const lease = real.acquire(undefined)
    lease.release()
    const controller = new AbortController()
    const waiting = real.waitForPort(undefined, controller.signal)
    const second = real.waitForPort('second', undefined)
    await next()
    expect(clock.timers).toBe(1)
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(real.waitForPort(undefined, controller.signal)).rejects.toBe(reason)
    clock.pass(1000)
    expect((await second).port).toBe(50000)
    expect(clock.timers).toBe(0)
    const alone = new AbortController()
    const last = real.waitForPort(undefined, alone.signal)
    ;(await second).release()
    expect(clock.timers).toBe(1)
    alone.abort(reason)
    await expect(last).rejects.toBe(reason)
    expect(clock.timers).toBe(0)
  })

  test('is refused by the quota, at once or when the turn comes; the next one is served', async () => {
    const { book: real } = book({ range: [50000, 50001], quarantine: 0, quota: 1 })
    const [first, second] = [real.acquire('a'), real.acquire(undefined)]
    await expect(real.waitForPort('a', undefined)).rejects.toMatchObject({ code: 'ERR_PORTS_QUOTA' })
    const waiting = ['b', 'b', 'c'].map((owner) => real.waitForPort(owner, undefined))
    second.release()
    first.release()
    expect((await waiting[0])?.owner).toBe('b')
    await expect(waiting[1]).rejects.toMatchObject({ code: 'ERR_PORTS_QUOTA', owner: 'b' })
    expect((await waiting[2])?.owner).toBe('c')
  })
})

describe('closing', () => {
  test('refuses all, and leaves leases harmless', async () => {
    const { book: real, clock } = book({ range: [50000, 50003], quarantine: 1000 })
    const leases = [0, 1, 2, 3].map(() => real.acquire('a'))
    leases[0]!.release()
    const waiting = real.waitForPort(undefined, undefined)
    await Promise.resolve()
    expect(clock.timers).toBe(1)
    real.close()
    real.close()
    expect(clock.timers).toBe(0)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_PORTS_CLOSED' })
    await expect(real.waitForPort(undefined, undefined)).rejects.toMatchObject({ code: 'ERR_PORTS_CLOSED' })
    for (const act of [() => real.acquire('a'), () => real.acquirePair(undefined)]) {
      expect(act).toThrow(expect.objectContaining({ code: 'ERR_PORTS_CLOSED' }))
    }
    leases[1]!.drain()
    for (const lease of leases) lease.release()
    leases[2]!.reportTaken()
    expect(leases.map(({ state }) => state)).toEqual(['released', 'released', 'released', 'released'])
    expect(clock.timers).toBe(0)
    expect(real.counts()).toMatchObject({ leased: 0, quarantined: 4 })
  })
})

describe('low water', () => {
  test('is told once, and again after more were free', () => {
    const { book: real, lows, clock } = book({ range: [50000, 50003], quarantine: 100, lowWater: 1 })
    const leases = [0, 1].map(() => real.acquire(undefined))
    expect(lows).toEqual([])
    leases.push(real.acquire(undefined), real.acquire(undefined))
    expect(lows).toEqual([{ total: 4, free: 1, leased: 3, draining: 0, quarantined: 0, taken: 0 }])
    leases[0]!.release()
    clock.pass(100)
    real.acquire(undefined) // one was free, which is not above the mark
    expect(lows.length).toBe(1)
    leases[1]!.release()
    leases[2]!.release()
    clock.pass(100)
    real.acquire(undefined)
    expect(lows.length).toBe(2)
  })
})

describe('a draining socket', () => {
  /** A lease with a socket that counts what it is told to have received. */
  function bound(real: LeaseBook) {
    const lease = real.acquire('a')
    const socket = { count: 0, closed: 0, received: () => socket.count, close: () => void socket.closed++ }
    lease.hold(socket)
    return { lease, socket }
  }

  test('is closed when it has received nothing for as long as idleTimeout, not before', () => {
    const { book: real, clock } = book({ range: [50000, 50003], idleTimeout: 800, quarantine: 1000 })
    const { lease, socket } = bound(real)
    socket.count = 7
    clock.pass(10_000)
    expect([clock.timers, socket.closed]).toEqual([0, 0]) // nobody watches while it is leased
    lease.release()
    lease.release()
    expect([lease.state, clock.timers]).toEqual(['draining', 1])
    expect(real.stats()).toMatchObject({ draining: 1, leased: 0, owners: { a: 1 } })
    for (let i = 0; i < 20; i++) {
      clock.pass(500)
      socket.count++
    }
    clock.pass(800)
    expect(socket.closed).toBe(0)
    clock.pass(200) // an eighth of the timeout for each of two looks
    expect(socket.closed).toBe(1)
    lease.onSocketClosed()
    expect(lease.state).toBe('released')
    expect(real.stats()).toMatchObject({ draining: 0, quarantined: 1, owners: {} })
    expect(clock.timers).toBe(0)
  })

  test('that is closed meanwhile is watched no more; the others are', () => {
    const { book: real, clock } = book({ range: [50000, 50003], idleTimeout: 800 })
    const [a, b] = [bound(real), bound(real)]
    a.lease.release()
    clock.pass(150)
    b.lease.drain()
    a.lease.onSocketClosed()
    expect(real.counts()).toMatchObject({ draining: 1, quarantined: 1 })
    clock.pass(1000)
    expect([a.socket.closed, b.socket.closed]).toEqual([0, 1])
  })

  test('is closed in time however many others come to drain, and the last one ends the watch', () => {
    const { book: real, clock } = book({ range: [50000, 50099], idleTimeout: 800, quarantine: 0 })
    const first = bound(real)
    first.lease.release()
    const others = Array.from({ length: 20 }, () => {
      clock.pass(50)
      const other = bound(real)
      other.lease.release()
      return other
    })
    expect(first.socket.closed).toBe(1)
    for (const { lease } of [first, ...others]) lease.onSocketClosed()
    expect([real.counts().free, clock.timers]).toEqual([100, 0])
  })

  test('is closed with the window, those in use are not', () => {
    const { book: real, clock } = book({ range: [50000, 50003] })
    const [a, b] = [bound(real), bound(real)]
    a.lease.release()
    real.close()
    expect([a.socket.closed, b.socket.closed, clock.timers]).toEqual([1, 0, 0])
    b.lease.release()
    expect(b.socket.closed).toBe(1)
  })
})
