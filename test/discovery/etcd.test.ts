import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { command, findCommand } from '../../examples/netns/index.js'
import {
  Discovery,
  etcdMembers,
  type Member,
  publishDigest,
  register,
  type Snapshot,
  type Update,
  watchDigests,
} from '../../src/discovery/index.js'
import { EtcdServers, type ServerFiles, whyNoEtcd } from './etcd-server.js'
import { eventually, idsOf, Updates, within } from './kit.js'

/** A real etcd: killed, started again, frozen, compacted, with a cluster, with users and TLS. */

let servers: EtcdServers
let updates: Updates | undefined
const closing: AsyncDisposable[] = []

beforeEach((context) => {
  const missing = whyNoEtcd()
  if (missing) context.skip(missing)
})
afterEach(async () => {
  await updates?.close()
  updates = undefined
  for (const one of closing.splice(0).reverse()) await one[Symbol.asyncDispose]()
  await servers?.startAll()
})

/** Not the whole time that a lease of a test takes. */
const TTL = 2

function ids({ members }: Snapshot): string {
  return members.map(({ pool, id }) => `${pool}/${id}`).join(' ')
}

const puts = (update: Update) =>
  update.type === 'delta' ? update.put.map(({ id, state }) => `${id} ${state ?? 'up'}`) : []
const removals = (update: Update) => (update.type === 'delta' ? update.removed.map(({ id }) => id) : [])

describe('one server', () => {
  let prefix: string
  let count = 0
  beforeAll(async () => {
    if (!whyNoEtcd()) servers = await EtcdServers.start()
  }, 30_000)
  afterAll(() => servers?.remove())
  beforeEach(() => {
    prefix = `/test-${++count}`
  })

  const options = () => ({ endpoints: servers.endpoints, prefix, timeout: 1000 })
  const put = (id: string, value: string | object = { address: '10.0.0.7' }) =>
    servers.ctl('put', `${prefix}/pools/p/${id}`, typeof value === 'string' ? value : JSON.stringify(value))
  const del = (id: string) => servers.ctl('del', `${prefix}/pools/p/${id}`)
  const watch = (resume?: unknown) => {
    updates = new Updates(etcdMembers(options()), resume)
    return updates
  }

  it('all that there is comes first, and then what changes', async () => {
    await put('a')
    await put('b', { address: '2001:db8::7', weight: 2, state: 'draining', serverId: 'C46E', since: 'another version' })
    watch()
    const snapshot = (await updates!.next()) as Snapshot
    expect(snapshot).toMatchObject({
      type: 'snapshot',
      members: [
        { pool: 'p', id: 'a', address: '10.0.0.7' },
        { pool: 'p', id: 'b', address: '2001:db8::7', weight: 2, state: 'draining', serverId: 'c46e' },
      ],
      unreadable: [],
    })
    expect(snapshot.members[1]).not.toHaveProperty('since')
    await put('c')
    expect(await updates!.next()).toMatchObject({ type: 'delta', put: [{ id: 'c' }], removed: [] })
    await del('a')
    expect(await updates!.next()).toMatchObject({ type: 'delta', put: [], removed: [{ pool: 'p', id: 'a' }] })
  })

  it('an update tells where to go on', async () => {
    await put('a')
    watch()
    const { resume } = (await updates!.next()) as Snapshot
    await updates!.close()
    await put('b')
    await del('a')
    watch(resume)
    const seen: Update[] = [await updates!.next()]
    while (!seen.some((update) => removals(update).length > 0)) seen.push(await updates!.next())
    expect(seen.map(({ type }) => type)).not.toContain('snapshot')
    expect(seen.flatMap(puts)).toEqual(['b up'])
    expect(seen.flatMap(removals)).toEqual(['a'])
  })

  it('what changes while the server is gone comes when it is back, and nothing is lost', async () => {
    await put('a')
    watch()
    await updates!.next()
    await put('b')
    await updates!.next()
    await servers.killOne(0)
    expect(await updates!.next()).toMatchObject({ type: 'stale', reason: { code: 'ERR_DISCOVERY_ETCD' } })
    await servers.startOne(0)
    await put('c')
    const seen: Update[] = []
    while (!seen.some((update) => puts(update).includes('c up'))) seen.push(await updates!.next())
    expect(seen.every(({ type }) => type === 'delta')).toBe(true)
  })

  it('a server that stands still is noticed', async () => {
    await put('a')
    watch()
    await updates!.next()
    servers.freeze(0)
    try {
      expect(await updates!.next(8000)).toMatchObject({ type: 'stale' })
    } finally {
      servers.thaw(0)
    }
    expect(await updates!.next(8000)).toMatchObject({ type: 'delta', put: [], removed: [] })
  })

  it('a history that is gone (compaction) makes a new snapshot', async () => {
    await put('a')
    watch()
    const { resume } = (await updates!.next()) as Snapshot
    await updates!.close()
    await put('b')
    await del('a')
    await put('b', { address: '10.0.0.8' })
    const revision = /"revision":(\d+)/.exec(await servers.ctl('get', 'x', '-w', 'json'))![1]!
    await servers.ctl('compact', revision)
    watch(resume)
    const snapshot = await updates!.until(({ type }) => type === 'snapshot')
    expect(ids(snapshot as Snapshot)).toBe('p/b')
    // Under a watch that goes on, compaction changes nothing.
    await put('c')
    await updates!.until((update) => puts(update).includes('c up'))
    await servers.ctl('compact', String(Number(revision) + 1))
    await put('d')
    expect(puts(await updates!.until((update) => update.type === 'delta' && update.put.length > 0))).toEqual(['d up'])
  })

  it.each([
    ['no JSON', '{"address": "10.0.0', 'no JSON'],
    ['no address', '{"address": "10.0.0"}', 'address must be'],
    ['no object', '7', 'must be an object'],
    ['a weight that is none', '{"address":"10.0.0.7","weight":-1}', 'weight must be'],
  ])('a key with %s takes nobody else along, and is told of', async (_, value, problem) => {
    await put('a')
    await put('b')
    await using discovery = new Discovery({ providers: [etcdMembers(options())] })
    await eventually(() => idsOf(discovery.current) === 'a b', 'both')
    await put('a', value)
    await eventually(() => discovery.current.unreadable.length === 1, 'the alarm')
    expect(discovery.current.unreadable[0]).toMatchObject({ pool: 'p', id: 'a' })
    expect(discovery.current.unreadable[0]!.reason.message).toContain(problem)
    expect(idsOf(discovery.current)).toBe('a b')
    await put('a', { address: '10.0.0.9' })
    await eventually(() => discovery.current.unreadable.length === 0, 'its end')
    expect(discovery.current.pools.get('p')![0]!.address).toBe('10.0.0.9')
    await put('c/d', {})
    await eventually(() => discovery.current.unreadable.length === 1, 'a key that is no member’s')
    expect(idsOf(discovery.current)).toBe('a b')
  })

  it('an emptied prefix is held back', async () => {
    for (const id of ['a', 'b', 'c']) await put(id)
    await using discovery = new Discovery({ providers: [etcdMembers(options())] })
    await eventually(() => idsOf(discovery.current) === 'a b c', 'all three')
    await servers.ctl('del', '--prefix', prefix)
    await eventually(() => discovery.current.held.length === 1, 'the alarm')
    expect(idsOf(discovery.current)).toBe('a b c')
    expect(discovery.current.held).toEqual([{ pool: 'p', removed: ['a', 'b', 'c'], of: 3 }])
  })

  it('ten thousand members', async () => {
    const { EtcdClient } = await import('../../src/discovery/etcd/client.js')
    const { readEtcdOptions } = await import('../../src/discovery/etcd/options.js')
    const client = new EtcdClient(readEtcdOptions(options()))
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    try {
      for (let from = 0; from < 10_000; from += 100) {
        const success = Array.from({ length: 100 }, (_, i) => ({
          requestPut: {
            key: base64(`${prefix}/pools/p${Math.floor((from + i) / 100)}/b${from + i}`),
            value: base64(JSON.stringify({ address: `10.${(from + i) >> 8}.${(from + i) & 255}.1` })),
          },
        }))
        await client.call('kv/txn', { success })
      }
    } finally {
      client.close()
    }
    await using discovery = new Discovery({ providers: [etcdMembers(options())] })
    await eventually(() => discovery.current.pools.size === 100, 'all pools')
    expect([...discovery.current.pools.values()].flat()).toHaveLength(10_000)
    const changes: string[][] = []
    const reading = (async () => {
      for await (const { changed } of discovery) {
        changes.push([...changed])
        if (changes.length === 2) break
      }
    })()
    await eventually(() => changes.length === 1, 'the first membership')
    await servers.ctl('put', `${prefix}/pools/p42/b4200`, JSON.stringify({ address: '10.99.0.1' }))
    await within(5000, reading, 'the change')
    expect(changes[1]).toEqual(['p42'])
    expect(discovery.current.pools.get('p42')!.find(({ id }) => id === 'b4200')!.address).toBe('10.99.0.1')
  }, 60_000)

  describe('registration', () => {
    const me = (more: Partial<Member> = {}) => ({
      ...options(),
      pool: 'p',
      id: 'me',
      address: '10.0.0.7',
      ttl: TTL,
      ...more,
    })
    const value = async () => {
      const text = await servers.ctl('get', '--print-value-only', `${prefix}/pools/p/me`)
      return text.trim() === '' ? undefined : JSON.parse(text)
    }

    it('is there when it is told, drains, and is gone when it is closed', async () => {
      const registration = await register(me({ weight: 3, serverId: 'c46e' }))
      expect(await value()).toEqual({ address: '10.0.0.7', weight: 3, serverId: 'c46e', state: 'up' })
      expect(registration.state).toBe('registered')
      await registration.drain()
      expect(await value()).toMatchObject({ state: 'draining' })
      await registration.undrain()
      expect(await value()).toMatchObject({ state: 'up' })
      await registration.close()
      expect(registration.state).toBe('closed')
      expect(await value()).toBeUndefined()
      await expect(registration.drain()).rejects.toMatchObject({ code: 'ERR_DISCOVERY_CLOSED' })
    })

    it('outlives its lease’s time', async () => {
      closing.push(await register(me()))
      await new Promise((resolve) => setTimeout(resolve, 1000 * TTL + 1500))
      expect(await value()).toMatchObject({ state: 'up' })
    })

    it('comes back when its lease was lost, with its last state', async () => {
      const states: unknown[] = []
      const hear = (message: unknown) => states.push((message as { state: string }).state)
      subscribe('udp-dsr:discovery:registration', hear)
      try {
        const registration = await register(me())
        closing.push(registration)
        await registration.drain()
        const [lease] = (await servers.ctl('lease', 'list')).match(/^[0-9a-f]{10,}$/m)!
        await servers.ctl('lease', 'revoke', lease)
        expect(await value()).toBeUndefined()
        await eventually(async () => (await value()) !== undefined, 'it to be back')
        expect(await value()).toMatchObject({ state: 'draining' })
        await eventually(() => states.at(-1) === 'registered', 'the event')
        expect(states).toEqual(['registered', 'lost', 'registered'])
      } finally {
        unsubscribe('udp-dsr:discovery:registration', hear)
      }
    })

    it('comes back when somebody takes its key away', async () => {
      closing.push(await register(me()))
      await del('me')
      expect(await value()).toBeUndefined()
      await eventually(async () => (await value()) !== undefined, 'it to be back')
    })

    it('comes back when the server does', async () => {
      const registration = await register(me())
      closing.push(registration)
      await servers.killOne(0)
      await eventually(() => registration.state === 'lost', 'the loss')
      await new Promise((resolve) => setTimeout(resolve, 1000 * TTL))
      await servers.startOne(0)
      await eventually(() => registration.state === 'registered', 'it to be back')
      expect(await value()).toMatchObject({ state: 'up' })
    })

    it('ends with its process', async () => {
      const script = new URL('./registered.ts', import.meta.url).pathname
      const { spawn } = await import('node:child_process')
      const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(me())], { stdio: 'ignore' })
      try {
        await eventually(async () => (await value()) !== undefined, 'its registration')
        child.kill('SIGKILL')
        const killed = Date.now()
        await eventually(async () => (await value()) === undefined, 'it to be gone', 1000 * TTL + 5000)
        expect(Date.now() - killed).toBeLessThan(1000 * TTL + 4000)
      } finally {
        child.kill('SIGKILL')
      }
    })

    it('waits for a store that is away, until it is told to give up', async () => {
      const signal = AbortSignal.timeout(500)
      const nowhere = { ...me(), endpoints: ['http://127.0.0.1:1'], signal }
      await expect(register(nowhere)).rejects.toBe(
        signal.reason ??
          (await new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason)))),
      )
    })

    it('that is wrong is refused', async () => {
      await expect(register({ ...me(), address: 'example.org' })).rejects.toMatchObject({
        code: 'ERR_DISCOVERY_MEMBER',
      })
      await expect(register({ ...me(), id: 'a/b' })).rejects.toMatchObject({ code: 'ERR_DISCOVERY_MEMBER' })
      await expect(register({ ...me(), ttl: 0 })).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
      await expect(register({ ...me(), endpoint: [] } as never)).rejects.toThrow('Did you mean "endpoints"?')
      await expect(register({ ...me(), endpoints: ['10.0.0.1:2379'] })).rejects.toThrow('options.endpoints[0]')
      await expect(register({ ...me(), prefix: 'udp-dsr/' })).rejects.toThrow('options.prefix')
    })
  })

  it('edges see what the others follow', async () => {
    const ending = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      for await (const digests of watchDigests(options(), { signal: ending.signal })) {
        seen.push([...digests].map(([edge, digest]) => `${edge}=${digest}`).join(' '))
      }
    })()
    const [a, b] = ['a', 'b'].map((edge) => publishDigest({ ...options(), edge, ttl: TTL }))
    await Promise.all([a!.set('1111'), b!.set('1111')])
    await eventually(() => seen.at(-1) === 'a=1111 b=1111', 'both')
    await a!.set('2222')
    await eventually(() => seen.at(-1) === 'a=2222 b=1111', 'a difference')
    await b!.close()
    await eventually(() => seen.at(-1) === 'a=2222', 'one alone')
    await a!.close()
    ending.abort()
    await watching
  })
})

describe('a cluster', () => {
  beforeAll(async () => {
    if (!whyNoEtcd()) servers = await EtcdServers.start({ count: 3 })
  }, 40_000)
  afterAll(() => servers?.remove())

  it('whose members go one after the other is followed by way of the others', async () => {
    const options = { endpoints: servers.endpoints, timeout: 1000 }
    updates = new Updates(etcdMembers(options))
    await updates.next()
    const registration = await register({ ...options, pool: 'p', id: 'me', address: '10.0.0.7', ttl: 5 })
    closing.push(registration)
    await updates.until((update) => puts(update).includes('me up'))
    for (const [i, id] of ['a', 'b', 'c'].entries()) {
      await servers.killOne(i)
      // While they choose a leader, a question may be lost with the old one.
      const put = () => servers.ctl('put', `/udp-dsr/pools/p/${id}`, '{"address":"10.0.0.7"}')
      await eventually(
        () =>
          put().then(
            () => true,
            () => false,
          ),
        'a leader',
        25_000,
      )
      await updates.until((update) => puts(update).includes(`${id} up`))
      await servers.startOne(i)
    }
    expect(await servers.ctl('get', '--keys-only', '/udp-dsr/pools/p/me')).toContain('/me')
  }, 90_000)

  it('whose watched member stands still is watched at another one', async () => {
    updates = new Updates(etcdMembers({ endpoints: servers.endpoints, timeout: 1000 }))
    await updates.next()
    servers.freeze(0)
    try {
      await updates.until(({ type }) => type === 'stale')
      await eventually(
        () =>
          servers.ctl('put', '/udp-dsr/pools/p/still', '{"address":"10.0.0.8"}').then(
            () => true,
            () => false,
          ),
        'a leader',
        25_000,
      )
      await updates.until((update) => puts(update).includes('still up'))
    } finally {
      servers.thaw(0)
    }
  }, 60_000)

  it('that has lost its majority is stale, though one of it answers', async () => {
    const options = { endpoints: [servers.endpoints[0]!], timeout: 1000 }
    updates = new Updates(etcdMembers(options))
    await updates.next()
    await Promise.all([servers.killOne(1), servers.killOne(2)])
    try {
      expect(await updates.until(({ type }) => type === 'stale')).toMatchObject({ type: 'stale' })
    } finally {
      await Promise.all([1, 2].map((i) => servers.startOne(i)))
    }
    await updates.until(({ type }) => type !== 'stale', 15_000)
  }, 60_000)
})

describe('with TLS and users', () => {
  let folder: string
  let files: ServerFiles
  beforeAll(async () => {
    if (whyNoEtcd() || findCommand('openssl') === undefined) return
    folder = mkdtempSync(join(tmpdir(), 'udp-dsr-etcd-tls-'))
    files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'cert.pem') }
    const subject = ['-subj', '/CN=etcd', '-addext', 'subjectAltName=IP:127.0.0.1']
    const made = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      files.key,
      '-out',
      files.cert,
    ]
    const { code, stderr } = await command(findCommand('openssl')!, [...made, ...subject])
    if (code !== 0) throw new Error(stderr)
    servers = await EtcdServers.start({ tls: files })
    await servers.ctl('user', 'add', 'root:secret')
    await servers.ctl('user', 'grant-role', 'root', 'root')
    await servers.ctl('user', 'add', 'edge:hidden')
    await servers.ctl('role', 'add', 'edge')
    await servers.ctl('role', 'grant-permission', '--prefix', 'edge', 'readwrite', '/udp-dsr/')
    await servers.ctl('user', 'grant-role', 'edge', 'edge')
    await servers.ctl('auth', 'enable')
    servers.become('root:secret')
  }, 40_000)
  afterAll(async () => {
    await servers?.remove()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })
  beforeEach((context) => {
    if (!findCommand('openssl')) context.skip('no openssl')
  })
  const options = () => ({
    endpoints: servers.endpoints,
    tls: { ca: readFileSync(files.ca) },
    user: 'edge',
    password: 'hidden',
  })

  it('members are found, and registered', async () => {
    updates = new Updates(etcdMembers(options()))
    expect(await updates.next()).toMatchObject({ type: 'snapshot', members: [] })
    closing.push(await register({ ...options(), pool: 'p', id: 'me', address: '10.0.0.7' }))
    expect(puts(await updates.next())).toEqual(['me up'])
  })

  it('a token that is none any more is replaced', async () => {
    await using discovery = new Discovery({ providers: [etcdMembers(options())] })
    const registration = await register({ ...options(), pool: 'p', id: 'again', address: '10.0.0.7', ttl: TTL })
    closing.push(registration)
    await eventually(() => idsOf(discovery.current).includes('again'), 'the member')
    // Tokens live in the memory of the server.
    await servers.killOne(0)
    await servers.startOne(0)
    await eventually(
      () => registration.state === 'registered' && discovery.current.stale.length === 0,
      'both to be back',
      15_000,
    )
    await registration.drain()
    await eventually(
      () => discovery.current.pools.get('p')?.find(({ id }) => id === 'again')?.state === 'draining',
      'the change',
    )
  }, 40_000)

  it('a wrong password and a server that nobody vouches for are told of', async () => {
    updates = new Updates(etcdMembers({ ...options(), password: 'guessed' }))
    const wrong = await updates.next()
    expect(wrong).toMatchObject({ type: 'stale' })
    expect((wrong as { reason: Error }).reason.message).toContain('authentication failed')
    expect((wrong as { reason: Error }).reason.message).not.toContain('guessed')
    await updates.close()
    updates = new Updates(etcdMembers({ ...options(), tls: {} }))
    expect((await updates.next()) as { reason: Error }).toMatchObject({
      type: 'stale',
      reason: { message: expect.stringContaining('SELF_SIGNED') },
    })
  })
})
