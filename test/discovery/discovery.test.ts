import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/discovery/digest.js'
import {
  Discovery,
  type DiscoveryOptions,
  type Member,
  type Membership,
  staticMembers,
} from '../../src/discovery/index.js'
import { canonical } from '../../src/discovery/member.js'
import { eventually, idsOf, member, members, Told, within } from './kit.js'

let discovery: Discovery
let memberships: Membership[]
let reading: Promise<void>
let folder: string
const heard: { name: string; message: unknown }[] = []
const hear = (message: unknown, name: string | symbol) => heard.push({ name: String(name), message })
const CHANNELS = ['stale', 'fresh', 'held', 'released', 'unreadable', 'state'].map(
  (name) => `udp-dsr:discovery:${name}`,
)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-discovery-'))
  heard.length = 0
  for (const name of CHANNELS) subscribe(name, hear)
})
afterEach(async () => {
  for (const name of CHANNELS) unsubscribe(name, hear)
  await discovery?.close()
  await reading
  rmSync(folder, { recursive: true, force: true })
})

function follow(options: DiscoveryOptions): void {
  discovery = new Discovery({ debounce: 0, ...options })
  memberships = []
  reading = (async () => {
    for await (const membership of discovery) memberships.push(membership)
  })()
}

const last = () => memberships.at(-1)!
const become = (ids: string) => eventually(() => memberships.length > 0 && idsOf(last()) === ids, `the members ${ids}`)
/** Time for what must not happen. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 50))

it('members are sorted by pools and IDs, and the digest is theirs alone', async () => {
  const one = [member('b'), member('a', { pool: 'q', weight: 1 }), member('a', { state: 'up' })]
  follow({ providers: [staticMembers(one)] })
  await become('a b')
  expect([...last().pools.keys()]).toEqual(['p', 'q'])
  expect(last().changed).toEqual(['p', 'q'])
  expect(last().digest).toBe(digestOf([member('a'), member('b'), member('a', { pool: 'q' })]))
  expect(last().digest).not.toBe(digestOf([member('a'), member('b')]))
  expect(last().digest).not.toBe(digestOf([member('a', { weight: 2 }), member('b'), member('a', { pool: 'q' })]))
})

it('what several sources have is that of the first', async () => {
  const [first, second] = [new Told('first'), new Told('second')]
  follow({ providers: [first, second] })
  second.tell({ type: 'snapshot', members: [member('a', { weight: 2 }), member('b')] })
  await pause()
  expect(memberships).toEqual([])
  first.tell({ type: 'snapshot', members: [member('a', { weight: 5 })] })
  await become('a b')
  expect(last().pools.get('p')![0]!.weight).toBe(5)
})

it('a loop that waits for more to come together ends when it is closed', async () => {
  const source = new Told()
  follow({ providers: [source], debounce: 10_000 })
  source.snapshot('a')
  await become('a')
  await discovery.close()
  await within(1000, reading, 'the end of the loop')
})

it('a change comes at once, and those that follow come together', async () => {
  const source = new Told()
  follow({ providers: [source], debounce: 200 })
  source.snapshot('a b c d')
  await become('a b c d')
  await new Promise((resolve) => setTimeout(resolve, 250))
  const before = memberships.length
  for (const id of ['e', 'f', 'g']) source.tell({ type: 'delta', put: [member(id)], removed: [] })
  await become('a b c d e f g')
  expect(memberships.length - before).toBeLessThanOrEqual(2)
})

describe('a source that is away', () => {
  it('changes nothing, and is told of until it is back', async () => {
    const source = new Told()
    follow({ providers: [source] })
    source.snapshot('a b')
    await become('a b')
    source.stale('no route')
    await eventually(() => last().stale.length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a b')
    expect(last().stale[0]).toMatchObject({ provider: 'told', reason: { message: 'no route' } })
    source.tell({ type: 'delta', put: [], removed: [] })
    await eventually(() => last().stale.length === 0, 'its end')
    expect(heard.map(({ name }) => name)).toEqual(['udp-dsr:discovery:stale', 'udp-dsr:discovery:fresh'])
  })

  it('and throws, though it should not', async () => {
    let attempts = 0
    const rude = {
      name: 'rude',
      async *watch() {
        attempts++
        if (attempts === 1) yield { type: 'snapshot' as const, members: members('a') }
        throw new Error('out of luck')
      },
    }
    follow({ providers: [rude] })
    await eventually(() => memberships.length > 0 && last().stale.length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a')
    await eventually(() => attempts >= 3, 'another attempt')
  })
})

describe('a removal', () => {
  const held = () => last().held.map(({ removed, of }) => `${removed.join(' ')} of ${of}`)

  it('of half a pool is one; of more, or of all, is held back, and shouted about', async () => {
    const source = new Told()
    follow({ providers: [source] })
    source.snapshot('a b c d')
    await become('a b c d')
    source.snapshot('a b')
    await become('a b')
    source.snapshot('')
    await eventually(() => held().length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a b')
    expect(held()).toEqual(['a b of 4'])
    expect(heard.at(-1)).toEqual({
      name: 'udp-dsr:discovery:held',
      message: { pool: 'p', removed: ['a', 'b'], of: 4 },
    })
    source.snapshot('a b')
    await eventually(() => held().length === 0, 'the end of the alarm')
    expect(heard.at(-1)!.name).toBe('udp-dsr:discovery:released')
  })

  it('that comes one after the other is one', async () => {
    const source = new Told()
    follow({ providers: [source] })
    source.snapshot('a b c d e f')
    await become('a b c d e f')
    for (const id of ['a', 'b', 'c']) source.tell({ type: 'delta', put: [], removed: [{ pool: 'p', id }] })
    await become('d e f')
    source.tell({ type: 'delta', put: [], removed: [{ pool: 'p', id: 'd' }] })
    await eventually(() => held().length === 1, 'the alarm')
    expect(idsOf(last())).toBe('d e f')
    expect(held()).toEqual(['d of 6'])
  })

  it('of the only member is held back; new ones and changes are taken over meanwhile', async () => {
    const source = new Told()
    follow({ providers: [source] })
    source.snapshot('a')
    await become('a')
    source.snapshot('')
    await eventually(() => held().length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a')
    source.snapshot('b')
    await become('b')
    expect(held()).toEqual([])
  })

  it('is one when somebody agrees', async () => {
    const source = new Told()
    follow({ providers: [source] })
    source.snapshot('a b c')
    await become('a b c')
    source.snapshot('')
    await eventually(() => held().length === 1, 'the alarm')
    expect(discovery.accept('other')).toEqual([])
    expect(discovery.accept('p')).toEqual([{ pool: 'p', removed: ['a', 'b', 'c'], of: 3 }])
    await become('')
    expect(held()).toEqual([])
    expect(last().digest).toBe(digestOf([]))
  })

  it('is always one where nothing is to be held back', async () => {
    const source = new Told()
    follow({ providers: [source], mostRemoved: 1 })
    source.snapshot('a b c')
    await become('a b c')
    source.snapshot('')
    await become('')
    expect(heard).toEqual([])
  })

  it('of little, long after another, is one', async () => {
    const source = new Told()
    follow({ providers: [source], removalWindow: 1 })
    source.snapshot('a b c d')
    await become('a b c d')
    source.snapshot('a b')
    await become('a b')
    await new Promise((resolve) => setTimeout(resolve, 1100))
    source.snapshot('a')
    await become('a')
  })
})

describe('a member that cannot be read', () => {
  it('stays as it was, and is told of', async () => {
    const source = new Told()
    follow({ providers: [source] })
    source.snapshot('a b c d')
    await become('a b c d')
    const reason = new Error('no JSON')
    source.tell({ type: 'snapshot', members: members('a b c'), unreadable: [{ pool: 'p', id: 'd', reason }] })
    await eventually(() => last().unreadable.length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a b c d')
    expect(last().unreadable).toEqual([{ provider: 'told', pool: 'p', id: 'd', reason }])
    source.tell({ type: 'delta', put: [], removed: [], unreadable: [] })
    await become('a b c')
  })
})

describe('the last good state', () => {
  it('counts at the start, until the source has told', async () => {
    const stateFile = join(folder, 'members.json')
    const source = new Told()
    follow({ providers: [source], stateFile })
    source.snapshot('a b c')
    await become('a b c')
    await discovery.close()
    await reading

    const away = new Told('away')
    follow({ providers: [away], stateFile })
    await become('a b c')
    away.stale()
    await eventually(() => last().stale.length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a b c')
    away.snapshot('b c d')
    await become('b c d')
  })

  it('protects from a store that is empty at the start', async () => {
    const stateFile = join(folder, 'members.json')
    follow({ providers: [staticMembers(members('a b c'))], stateFile })
    await become('a b c')
    await discovery.close()
    await reading
    follow({ providers: [staticMembers([])], stateFile })
    await eventually(() => memberships.length > 0 && last().held.length === 1, 'the alarm')
    expect(idsOf(last())).toBe('a b c')
  })

  it('keeps what sources that have not told yet had', async () => {
    const stateFile = join(folder, 'members.json')
    follow({ providers: [staticMembers(members('a b')), staticMembers(members('c'))], stateFile })
    await become('a b c')
    await discovery.close()
    await reading
    const away = new Told('away')
    follow({ providers: [staticMembers(members('a b')), away], stateFile })
    await pause()
    expect(idsOf(last())).toBe('a b c')
    away.snapshot('d')
    await become('a b d')
  })

  it('tells when it cannot be kept, and when it can again', async () => {
    const stateFile = join(folder, 'missing', 'members.json')
    const source = new Told()
    follow({ providers: [source], stateFile })
    source.snapshot('a')
    await eventually(() => memberships.length > 0 && last().stateFailure !== undefined, 'the failure')
    expect(last().stateFailure).toMatchObject({ code: 'ENOENT' })
    expect(idsOf(last())).toBe('a')
    mkdirSync(join(folder, 'missing'))
    source.snapshot('a b')
    await eventually(() => last().stateFailure === undefined, 'the end of it')
    await discovery.close()
    expect(readFileSync(stateFile, 'utf8')).toContain('"b"')
  })

  it.each([
    ['damaged', (text: string) => text.replace('10.0.0.7', '10.0.0.8')],
    ['cut off', (text: string) => text.slice(0, -10)],
    ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
  ])('is passed over and told of when it is %s', async (_, damage) => {
    const stateFile = join(folder, 'members.json')
    follow({ providers: [staticMembers(members('a'))], stateFile })
    await become('a')
    await discovery.close()
    await reading
    writeFileSync(stateFile, damage(readFileSync(stateFile, 'utf8')))
    const source = new Told()
    follow({ providers: [source], stateFile })
    await eventually(() => heard.some(({ name }) => name === 'udp-dsr:discovery:state'), 'the alarm')
    expect(memberships).toEqual([])
    source.snapshot('z')
    await become('z')
  })
})

it('any way to the same members gives the same membership', async () => {
  const arbitraryMember = fc.record({
    pool: fc.constantFrom('p', 'q'),
    id: fc.constantFrom('a', 'b', 'c', 'd'),
    address: fc.constantFrom('10.0.0.1', '2001:db8::1'),
    weight: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    state: fc.option(fc.constantFrom('up' as const, 'draining' as const), { nil: undefined }),
  })
  const step = fc.oneof(
    fc.record({ type: fc.constant('put' as const), member: arbitraryMember }),
    fc.record({ type: fc.constant('remove' as const), member: arbitraryMember }),
    fc.record({ type: fc.constant('snapshot' as const), members: fc.array(arbitraryMember, { maxLength: 6 }) }),
    fc.record({ type: fc.constant('stale' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const model = new Map<string, Member>()
      const source = new Told()
      await using one = new Discovery({ providers: [source], mostRemoved: 1, debounce: 0 })
      source.snapshot('')
      for (const step of steps) {
        if (step.type === 'stale') source.stale()
        if (step.type === 'snapshot') {
          model.clear()
          for (const each of step.members) model.set(`${each.pool}/${each.id}`, each)
          source.tell({ type: 'snapshot', members: step.members })
        }
        if (step.type === 'put') {
          model.set(`${step.member.pool}/${step.member.id}`, step.member)
          source.tell({ type: 'delta', put: [step.member], removed: [] })
        }
        if (step.type === 'remove') {
          model.delete(`${step.member.pool}/${step.member.id}`)
          source.tell({ type: 'delta', put: [], removed: [step.member] })
        }
      }
      source.tell({ type: 'delta', put: [member('end')], removed: [] })
      model.set('p/end', member('end'))
      const wanted = digestOf(model.values())
      const seen = new Map<string, readonly Member[]>()
      const end = (async () => {
        for await (const { pools, changed, digest } of one) {
          // Whoever follows only what is named as changed has all of it.
          for (const pool of changed) seen.set(pool, pools.get(pool) ?? [])
          if (digest === wanted) return pools
        }
        throw new Error('it ended')
      })()
      const pools = await within(5000, end, 'the last membership')
      const sorted = [...model.values()].sort((a, b) => (`${a.pool}/${a.id}` < `${b.pool}/${b.id}` ? -1 : 1))
      const plain = (members: readonly Member[]) => members.map(canonical)
      expect(plain([...pools.values()].flat())).toEqual(plain(sorted))
      expect(plain([...seen].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, members]) => members))).toEqual(
        plain(sorted),
      )
    }),
    { numRuns: 100 },
  )
})

it('options that are wrong are refused', () => {
  expect(() => new Discovery({ providers: [], mostRemoved: 2 })).toThrow('mostRemoved')
  expect(() => new Discovery({ providers: [], debounc: 1 } as never)).toThrow('debounce')
  expect(() => new Discovery({} as never)).toThrow('options.providers')
})
