import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { getEventListeners, once } from 'node:events'
import fc from 'fast-check'
import {
  type CheckOutcome,
  type CheckTarget,
  type FloorAlarm,
  type HealthChange,
  type HealthCheck,
  HealthMonitor,
  type HealthMonitorOptions,
  type PoolHealthOptions,
} from 'udp-dsr/fleet'
import { describe, expect, onTestFinished, test } from 'vitest'
import { failed, PASSED, undecided } from '../../../src/fleet/health/check.js'
import { leastIn } from '../../../src/fleet/health/floor.js'
import { closedUdpPort, udpServer, until } from './kit.js'

/** A monitor whose changes are kept; closed with the test. */
function monitorOf(pools: Record<string, PoolHealthOptions>, more: HealthMonitorOptions = {}) {
  const monitor = new HealthMonitor({ ...more, pools })
  onTestFinished(() => monitor.close())
  const changes: HealthChange[] = []
  const alarms: FloorAlarm[] = []
  monitor.on('change', (change) => changes.push(change))
  monitor.on('floor', (alarm) => alarms.push(alarm))
  return { monitor, changes, alarms }
}

/** A check that says of each address what it was told to. */
class Oracle implements HealthCheck {
  readonly sick = new Set<string>()
  readonly asked: CheckTarget[] = []
  async run(target: CheckTarget): Promise<CheckOutcome> {
    this.asked.push(target)
    return this.sick.has(target.address) ? failed('sick') : PASSED
  }
}

const QUICK = { interval: 20, timeout: 10, fastInterval: 5 }
const backendsOf = (count: number, pool = 'dns') =>
  Array.from({ length: count }, (_, i) => ({ pool, id: `b${i}`, address: `10.0.0.${i + 1}` }))

describe('a backend', () => {
  test('goes down when it stops, and comes up when it starts again', async () => {
    const server = await udpServer((msg, answer) => answer(msg))
    const { port } = server
    const options = { interval: 1000, timeout: 900, fastInterval: 10, rise: 2, fall: 3 }
    const { monitor, changes } = monitorOf({ echo: { check: 'udp', port, floor: 0, ...options } })
    // The last of a pool is never out: a second one keeps the floor away.
    await udpServer((msg, answer) => answer(msg), '127.0.0.2', port)
    monitor.update([
      { pool: 'echo', id: 'a', address: '127.0.0.1' },
      { pool: 'echo', id: 'spare', address: '127.0.0.2' },
    ])
    expect(monitor.get('echo', 'a')).toMatchObject({ state: 'up', cause: 'initial', last: undefined })
    await until(() => monitor.get('echo', 'a')?.last?.outcome.verdict === 'passed', 'a check')
    expect(changes).toEqual([])

    await new Promise<void>((resolve) => server.close(resolve))
    await until(() => changes.length === 1, 'its fall')
    expect(changes[0]).toMatchObject({ pool: 'echo', id: 'a', address: '127.0.0.1', was: 'up', state: 'down' })
    expect(changes[0]).toMatchObject({ cause: 'checks', reason: expect.stringMatching(/^3 checks failed, the last: /) })
    expect(monitor.stats().get('echo')).toMatchObject({ backends: 2, up: 1, down: 1, kept: 0, held: 0 })

    await udpServer((msg, answer) => answer(msg), '127.0.0.1', port)
    await until(() => changes.length === 2, 'its rise')
    expect(changes[1]).toMatchObject({ id: 'a', was: 'down', state: 'up', cause: 'checks', reason: '2 checks passed' })
    expect(monitor.get('echo', 'spare')?.state).toBe('up')
  })

  test("with initial: 'down' is out until checks have passed", async () => {
    const { port } = await udpServer((msg, answer) => answer(msg), '127.0.0.1')
    const { monitor, changes } = monitorOf({
      echo: { check: 'udp', port, initial: 'down', floor: 0, interval: 500, timeout: 400, fastInterval: 5 },
    })
    const { added } = monitor.update(
      ['127.0.0.1', '127.0.0.2'].map((address) => ({ pool: 'echo', id: address, address })),
    )
    expect(added).toHaveLength(2)
    const states = () => monitor.list('echo').map(({ state, cause }) => `${state} ${cause}`)
    // One of two always stays in.
    expect(states().sort()).toEqual(['down initial', 'up floor'])
    await until(() => monitor.get('echo', '127.0.0.1')?.cause === 'checks', 'the first to be up')
    expect(monitor.get('echo', '127.0.0.1')?.state).toBe('up')
    await until(() => monitor.get('echo', '127.0.0.2')?.state === 'down', 'the other to be out')
    expect(changes.length).toBeGreaterThan(0)
  })

  test('whose check cannot be made stays what it is', async () => {
    let runs = 0
    const check: HealthCheck = {
      async run() {
        runs++
        if (runs % 2 === 0) throw new Error('a mistake in the check')
        return undecided('no descriptor')
      },
    }
    const { monitor, changes } = monitorOf({ dns: { check, ...QUICK, fall: 1 } })
    monitor.update(backendsOf(2))
    await until(() => runs >= 10, 'ten checks')
    expect(changes).toEqual([])
    expect(monitor.stats().get('dns')!.checks).toMatchObject({ passed: 0, failed: 0 })
    expect(monitor.stats().get('dns')!.checks.undecided).toBeGreaterThanOrEqual(8)
  })

  test('that flaps is held down, and let in again', async () => {
    const oracle = new Oracle()
    const holds: unknown[] = []
    const onHold = (hold: unknown) => holds.push(hold)
    subscribe('udp-dsr:health:hold', onHold)
    onTestFinished(() => void unsubscribe('udp-dsr:health:hold', onHold))
    const flaps = { falls: 3, window: 60_000, hold: 1500, longest: 3000 }
    const { monitor, changes } = monitorOf({ dns: { check: oracle, ...QUICK, floor: 0, rise: 1, fall: 1, flaps } })
    monitor.update(backendsOf(2))
    const state = () => monitor.get('dns', 'b0')!
    for (let fall = 0; fall < 3; fall++) {
      oracle.sick.add('10.0.0.1')
      await until(() => state().checked === 'down', 'a fall')
      oracle.sick.delete('10.0.0.1')
      await until(() => state().checked === 'up', 'a rise')
    }
    expect(state()).toMatchObject({ state: 'down', cause: 'flaps', checked: 'up' })
    expect(state().heldUntil).toBeGreaterThan(Date.now())
    expect(monitor.stats().get('dns')).toMatchObject({ down: 1, held: 1 })
    expect(holds).toEqual([{ pool: 'dns', id: 'b0', address: '10.0.0.1', until: state().heldUntil }])
    await until(() => state().state === 'up', 'the end of the hold')
    expect(state()).toMatchObject({ cause: 'recovered', heldUntil: undefined })
    expect(changes.map(({ state, cause }) => `${state} ${cause}`)).toEqual([
      ...['down checks', 'up checks', 'down checks', 'up checks', 'down checks', 'down flaps', 'up recovered'],
    ])
  })
})

describe('the floor', () => {
  test('keeps half of a pool in, the same ones in every monitor, whoever fell first', async () => {
    const kept = async (order: readonly number[]) => {
      const oracle = new Oracle()
      const { monitor, alarms } = monitorOf({ dns: { check: oracle, ...QUICK, fall: 1 } })
      monitor.update(backendsOf(6))
      for (const i of order) {
        oracle.sick.add(`10.0.0.${i + 1}`)
        await until(() => monitor.get('dns', `b${i}`)!.checked === 'down', 'a fall')
        expect(monitor.list().filter(({ state }) => state === 'up').length).toBeGreaterThanOrEqual(3)
      }
      await until(() => alarms.length > 0, 'the alarm')
      expect(alarms).toEqual([{ pool: 'dns', reached: true, backends: 6, failing: 4, kept: 1 }])
      expect(monitor.stats().get('dns')).toMatchObject({ backends: 6, up: 3, down: 3, kept: 3 })
      const kept = monitor.list().filter(({ cause }) => cause === 'floor')
      expect(kept.every(({ state, checked }) => state === 'up' && checked === 'down')).toBe(true)

      oracle.sick.clear()
      await until(() => alarms.length > 1, 'the end of the alarm')
      expect(alarms[1]).toMatchObject({ reached: false, kept: 0 })
      await until(() => monitor.list().every(({ state }) => state === 'up'), 'all to be up')
      return kept.map(({ id }) => id)
    }
    expect(await kept([5, 3, 1, 0, 2, 4])).toEqual(await kept([0, 1, 2, 3, 4, 5]))
  })

  test('whatever is reported, added and removed: never broken, and never all are out', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ report: fc.nat({ max: 7 }) }),
        fc.record({ members: fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1 }) }),
        fc.record({ floor: fc.constantFrom(0, 0.3, 0.5, 1) }),
      ),
      { maxLength: 40 },
    )
    fc.assert(
      fc.property(steps, (sequence) => {
        const options = (floor: number) => ({ dns: { floor, reports: { count: 1 } } })
        const monitor = new HealthMonitor({ pools: options(0.5) })
        try {
          let floor = 0.5
          const all = backendsOf(8)
          const reported = new Set<string>()
          monitor.update(all)
          for (const step of sequence) {
            if ('report' in step) {
              if (monitor.report({ pool: 'dns', id: `b${step.report}`, kind: 'refused' }))
                reported.add(`b${step.report}`)
            } else if ('members' in step) {
              const { removed } = monitor.update(step.members.map((i) => all[i]!))
              for (const { id } of removed) reported.delete(id)
            } else {
              floor = step.floor
              monitor.configure(options(floor))
            }
            const list = monitor.list()
            const up = list.filter(({ state }) => state === 'up')
            expect(up.length).toBe(Math.max(leastIn(list.length, floor), list.length - reported.size))
            // Only those that were reported are out, and no change was missed.
            for (const { id, state } of list) if (state === 'down') expect(reported).toContain(id)
            expect(monitor.stats().get('dns')).toMatchObject({ up: up.length, down: list.length - up.length })
          }
        } finally {
          void monitor.close()
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('reports', () => {
  const report = (monitor: HealthMonitor, count: number, more = {}) => {
    for (let i = 0; i < count; i++) monitor.report({ pool: 'dns', id: 'b0', kind: 'unreachable', ...more })
  }

  test('make the next check come at once, and nobody go down whose checks pass', async () => {
    const oracle = new Oracle()
    const { monitor, changes } = monitorOf({
      dns: { check: oracle, interval: 3_600_000, timeout: 100, fastInterval: 10, reports: { count: 5 } },
    })
    monitor.update(backendsOf(2))
    report(monitor, 4)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(oracle.asked).toEqual([])
    report(monitor, 1)
    await until(() => oracle.asked.length === 1, 'a check')
    expect(oracle.asked[0]).toMatchObject({ address: '10.0.0.1', timeout: 100 })
    report(monitor, 1000)
    await until(() => oracle.asked.length === 2, 'another check')
    expect(changes).toEqual([])
    expect(monitor.stats().get('dns')).toMatchObject({ reports: 1005, up: 2 })
  })

  test('with a check that fails lead to a fall in the fast interval', async () => {
    const oracle = new Oracle()
    const { monitor, changes } = monitorOf({
      dns: { check: oracle, interval: 3_600_000, timeout: 100, fastInterval: 10, reports: { count: 1 } },
    })
    monitor.update(backendsOf(2))
    oracle.sick.add('10.0.0.1')
    report(monitor, 1)
    await until(() => changes.length === 1, 'its fall')
    expect(oracle.asked.map(({ address }) => address)).toEqual(['10.0.0.1', '10.0.0.1', '10.0.0.1'])
  })

  test('without a check take a backend out for a while', async () => {
    const flaps = { hold: 100, longest: 10_000, window: 60_000 }
    const { monitor, changes } = monitorOf({ dns: { flaps, reports: { count: 3 } } })
    monitor.update(backendsOf(2))
    report(monitor, 2)
    expect(monitor.get('dns', 'b0')?.state).toBe('up')
    const began = performance.now()
    report(monitor, 1)
    expect(monitor.get('dns', 'b0')).toMatchObject({
      ...{ state: 'down', cause: 'reports', reason: '3 reports within 1000 ms, the last: unreachable' },
    })
    await until(() => changes.length === 2, 'its return')
    expect(performance.now() - began).toBeGreaterThanOrEqual(100)
    report(monitor, 3)
    await until(() => changes.length === 4, 'its second return')
    // 100 ms, and then twice that.
    expect(performance.now() - began).toBeGreaterThanOrEqual(300)
    expect(changes.map(({ state, cause }) => `${state} ${cause}`)).toEqual([
      ...['down reports', 'up recovered', 'down reports', 'up recovered'],
    ])
  })

  test('that are old, or about others, do not count', () => {
    const { monitor } = monitorOf({ dns: { reports: { count: 1, window: 1000 } } })
    monitor.update([...backendsOf(2), ...backendsOf(2, 'unchecked')])
    const kind = 'refused' as const
    expect(monitor.report({ pool: 'dns', id: 'b0', kind, at: Date.now() - 2000 })).toBe(false)
    expect(monitor.report({ pool: 'dns', id: 'b9', kind })).toBe(false)
    expect(monitor.report({ pool: 'web', id: 'b0', kind })).toBe(false)
    expect(monitor.report({ pool: 'unchecked', id: 'b0', kind })).toBe(false)
    expect(monitor.get('unchecked', 'b0')).toMatchObject({ state: 'up', cause: 'unchecked' })
    expect(monitor.report({ pool: 'dns', id: 'b0', kind })).toBe(true)
    expect(() => monitor.report({ pool: 'dns', id: 'b0', kind: 'odd' as never })).toThrow("'unreachable', 'refused'")
    expect(() => monitor.report({ pool: 'dns', ids: 'b0', kind } as never)).toThrow('Did you mean "id"?')
  })
})

describe('update', () => {
  test('tells what is new, and leaves alone what is not', async () => {
    const oracle = new Oracle()
    const { monitor } = monitorOf({ dns: { check: oracle, ...QUICK, fall: 1, floor: 0 } })
    oracle.sick.add('10.0.0.1')
    monitor.update(backendsOf(3))
    await until(() => monitor.get('dns', 'b0')?.state === 'down', 'a fall')
    const { since } = monitor.get('dns', 'b0')!
    const moved = { pool: 'dns', id: 'b1', address: '10.0.0.77' }
    expect(monitor.update([backendsOf(3)[0]!, moved])).toEqual({
      added: [moved],
      removed: [backendsOf(3)[1], backendsOf(3)[2]],
    })
    expect(monitor.get('dns', 'b0')).toMatchObject({ state: 'down', since })
    expect(monitor.get('dns', 'b2')).toBeUndefined()
    // Nobody is asked any more who is gone.
    const { length } = oracle.asked
    await until(() => oracle.asked.length > length + 10, 'more checks')
    expect(oracle.asked.slice(length).filter(({ address }) => /\.[23]$/.test(address))).toEqual([])
    expect(monitor.update([]).removed).toHaveLength(2)
    expect(monitor.stats().size).toBe(0)
  })

  test('takes one address in all its forms for the same', () => {
    const { monitor } = monitorOf({})
    monitor.update([{ pool: 'dns', id: 'a', address: '2001:DB8:0::1' }])
    expect(monitor.update([{ pool: 'dns', id: 'a', address: '2001:db8::0:1' }])).toEqual({ added: [], removed: [] })
    expect(monitor.get('dns', 'a')?.address).toBe('2001:db8::1')
  })

  test('changes nothing when something is wrong with it', () => {
    const { monitor } = monitorOf({})
    monitor.update(backendsOf(1))
    const bad = (...backends: unknown[]) => expect(() => monitor.update([...backendsOf(2), ...backends] as never))
    bad({ pool: 'dns', id: 'b1', address: '10.0.0.9' }).toThrow(/"backends\[2\]\.id" .* must differ .* pool dns/)
    bad({ pool: 'dns', id: 'c', address: 'localhost' }).toThrow(/"backends\[2\]\.address"/)
    bad({ pool: 'dns', id: 'c', address: '0.0.0.0' }).toThrow(/no wildcard/)
    bad({ pool: 'dns', id: 'c' }).toThrow(expect.objectContaining({ code: 'ERR_MISSING_ARGS' }))
    bad({ pool: 'dns', id: 7, address: '10.0.0.9' }).toThrow(/of type string/)
    bad(null).toThrow(/of type object/)
    expect(() => monitor.update('dns' as never)).toThrow(/an array of backends/)
    expect(monitor.list().map(({ id }) => id)).toEqual(['b0'])
  })

  test('of 10,000 backends, again and again', () => {
    const { monitor } = monitorOf({ dns: { check: 'udp', port: 9, interval: 3_600_000 } })
    const backends = Array.from({ length: 10_000 }, (_, i) => ({
      ...{ pool: 'dns', id: `b${i}`, address: `10.0.${i >>> 8}.${i & 255}` },
    }))
    backends[0]!.address = '10.1.0.0'
    expect(monitor.update(backends).added).toHaveLength(10_000)
    expect(monitor.update(backends)).toEqual({ added: [], removed: [] })
    expect(monitor.update(backends.slice(1)).removed).toHaveLength(1)
  })
})

describe('configure', () => {
  test('other checks of a pool, from now on; the state stays', async () => {
    const [first, second] = [new Oracle(), new Oracle()]
    const { monitor, changes } = monitorOf({ dns: { check: first, ...QUICK, fall: 1, floor: 0 } })
    first.sick.add('10.0.0.1')
    monitor.update(backendsOf(2))
    await until(() => monitor.get('dns', 'b0')?.state === 'down', 'a fall')
    second.sick.add('10.0.0.1')
    monitor.configure({ dns: { check: second, ...QUICK, rise: 3, floor: 0 } })
    const { length } = first.asked
    await until(() => second.asked.length > 20, 'checks of the other kind')
    expect(first.asked.length - length).toBeLessThanOrEqual(2)
    expect(changes).toHaveLength(1)
    second.sick.clear()
    await until(() => changes.length === 2, 'its rise')
    expect(changes[1]!.reason).toBe('3 checks passed')
  })

  test('a pool that is not checked any more is up, and may be checked again', async () => {
    const oracle = new Oracle()
    const pools = { dns: { check: oracle, ...QUICK, fall: 1, floor: 0 } }
    const { monitor } = monitorOf(pools)
    oracle.sick.add('10.0.0.1')
    monitor.update(backendsOf(2))
    const is = (state: string, cause: string) =>
      until(
        () => monitor.get('dns', 'b0')?.state === state && monitor.get('dns', 'b0')?.cause === cause,
        `${state} ${cause}`,
      )
    await is('down', 'checks')
    monitor.configure({})
    await is('up', 'unchecked')
    monitor.configure(pools)
    await is('down', 'checks')
    monitor.configure({ dns: {} })
    await is('up', 'recovered')
  })

  test('without damping nobody is held any more', async () => {
    const oracle = new Oracle()
    const options = { check: oracle, ...QUICK, floor: 0, rise: 1, fall: 1 }
    const { monitor } = monitorOf({ dns: { ...options, flaps: { falls: 2, hold: 60_000 } } })
    monitor.update(backendsOf(2))
    for (const checked of ['down', 'up', 'down', 'up']) {
      if (checked === 'down') oracle.sick.add('10.0.0.1')
      else oracle.sick.clear()
      await until(() => monitor.get('dns', 'b0')?.checked === checked, checked)
    }
    expect(monitor.get('dns', 'b0')).toMatchObject({ state: 'down', cause: 'flaps' })
    monitor.configure({ dns: { ...options, flaps: false } })
    expect(monitor.get('dns', 'b0')).toMatchObject({ state: 'up', cause: 'checks' })
  })

  test('changes nothing when an option is wrong', () => {
    const { monitor } = monitorOf({ dns: { floor: 1 } })
    monitor.update(backendsOf(1))
    expect(() => monitor.configure({ dns: { floor: 2 } })).toThrow(/floor/)
    expect(monitor.get('dns', 'b0')?.cause).toBe('initial')
  })
})

describe('changes', () => {
  test('come in order; a slow reader gets the last of each backend', async () => {
    const { monitor, changes } = monitorOf({ dns: { floor: 0, flaps: { hold: 30 }, reports: { count: 1 } } })
    monitor.update(backendsOf(3))
    const reader = monitor.changes()
    for (const id of ['b1', 'b0']) monitor.report({ pool: 'dns', id, kind: 'refused' })
    await until(() => changes.length === 4, 'their return')
    const read = [await reader.next(), await reader.next()].map(({ value }) => value as HealthChange)
    expect(read.map(({ was, state, cause }) => [was, state, cause])).toEqual([
      ['up', 'up', 'recovered'],
      ['up', 'up', 'recovered'],
    ])
    expect(read.map(({ id }) => id).sort()).toEqual(['b0', 'b1'])
    const next = reader.next()
    monitor.report({ pool: 'dns', id: 'b2', kind: 'refused' })
    expect((await next).value).toMatchObject({ id: 'b2', was: 'up', state: 'down' })
    await monitor.close()
    expect(await reader.next()).toMatchObject({ done: true })
  })

  test('end with their signal', async () => {
    const { monitor } = monitorOf({})
    const abort = new AbortController()
    const next = monitor.changes({ signal: abort.signal }).next()
    abort.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(await monitor.changes({ signal: abort.signal }).next()).toMatchObject({ done: true })
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
  })
})

test('diagnostics_channel tells of checks, changes and the floor', async () => {
  const told: Record<string, unknown[]> = { check: [], change: [], floor: [] }
  for (const [name, messages] of Object.entries(told)) {
    const listener = (message: unknown) => messages.push(message)
    subscribe(`udp-dsr:health:${name}`, listener)
    onTestFinished(() => void unsubscribe(`udp-dsr:health:${name}`, listener))
  }
  const { monitor, changes, alarms } = monitorOf({
    echo: {
      check: 'udp',
      port: await closedUdpPort(),
      interval: 300,
      timeout: 200,
      fastInterval: 5,
      fall: 1,
      floor: 0,
    },
  })
  monitor.update(['127.0.0.1', '127.0.0.2'].map((address) => ({ pool: 'echo', id: address, address })))
  await until(() => alarms.length === 1, 'the floor')
  expect(told.change).toEqual(changes)
  expect(told.floor).toEqual(alarms)
  expect(told.check?.[0]).toEqual({
    ...{ pool: 'echo', id: expect.any(String), address: expect.any(String), took: expect.any(Number) },
    outcome: { verdict: 'failed', reason: 'ECONNREFUSED by ICMP' },
  })
})

describe('the end', () => {
  test('close ends checks that are on, and leaves what is known', async () => {
    const { port } = await udpServer(() => {})
    const { monitor } = monitorOf({
      dns: { check: 'udp', port, interval: 20_000, timeout: 10_000, reports: { count: 1 } },
    })
    monitor.update([{ pool: 'dns', id: 'a', address: '127.0.0.1' }])
    monitor.report({ pool: 'dns', id: 'a', kind: 'refused' }) // a check at once
    await new Promise((resolve) => setTimeout(resolve, 30))
    const closed = monitor.close()
    expect(monitor.close()).toBe(closed)
    await closed
    expect(monitor.get('dns', 'a')?.state).toBe('up')
    expect(() => monitor.update([])).toThrow(expect.objectContaining({ code: 'ERR_HEALTH_CLOSED' }))
    expect(() => monitor.configure({})).toThrow(expect.objectContaining({ code: 'ERR_HEALTH_CLOSED' }))
    expect(() => monitor.report({ pool: 'dns', id: 'a', kind: 'refused' })).toThrow('is closed')
    expect(await monitor.changes().next()).toMatchObject({ done: true })
  })

  test('a signal closes it, and keeps no listener of it', async () => {
    const abort = new AbortController()
    const { monitor } = monitorOf({}, { signal: abort.signal })
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
    abort.abort()
    expect(() => monitor.update([])).toThrow(/closed/)
    const other = new AbortController()
    await new HealthMonitor({ signal: other.signal }).close()
    expect(getEventListeners(other.signal, 'abort')).toEqual([])
  })

  test('a listener may take backends out, and close it', async () => {
    const { monitor, changes } = monitorOf({ dns: { floor: 0, reports: { count: 1 } } })
    monitor.update(backendsOf(3))
    monitor.once('change', () => {
      monitor.update([])
      void monitor.close()
    })
    monitor.report({ pool: 'dns', id: 'b0', kind: 'refused' })
    await once(monitor, 'change')
    expect(changes).toHaveLength(1)
    expect(monitor.list()).toEqual([])
  })
})
