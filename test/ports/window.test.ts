// PortWindow with real sockets: its own, those of this process, and those of others.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { PktInfoSocket } from '../../src/index.js'
import { type Lease, PortWindow, type PortWindowOptions } from '../../src/ports/index.js'
import { Example } from '../examples/example.js'

const ADDRESS = '127.0.0.83'
const LOCAL = { type: 'udp4', address: ADDRESS } as const

/** A range of its own for each test, below those that kernels choose from. */
let next = 21_000
function ports(count: number): [number, number] {
  const low = next
  next += count + (count % 2)
  return [low, low + count - 1]
}

const opened: { close(): unknown }[] = []
afterEach(() => {
  for (const each of opened.splice(0)) {
    try {
      each.close()
    } catch {
      // The test has closed it.
    }
  }
})
function window(options: PortWindowOptions): PortWindow {
  const made = new PortWindow(options)
  opened.push(made)
  return made
}
function keep<T extends { close(): unknown }>(socket: T): T {
  opened.push(socket)
  return socket
}

/** A socket of node:dgram, which knows no windows. */
async function stranger(port: number, address = ADDRESS): Promise<dgram.Socket> {
  const socket = keep(dgram.createSocket('udp4'))
  socket.bind(port, address)
  await once(socket, 'listening')
  return socket
}

/** Whether nobody has the port. */
async function isFree(port: number): Promise<boolean> {
  const socket = dgram.createSocket('udp4')
  socket.bind(port, ADDRESS)
  const free = await new Promise<boolean>((resolve) => {
    socket.once('listening', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.close()
  return free
}

async function closed(socket: PktInfoSocket): Promise<void> {
  await socket[Symbol.asyncDispose]()
}

/** Waits until something is so; the test fails by its time limit when it never is. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}

describe('bindSocket', () => {
  test('opens a socket that works, on each port once, until none is left', async () => {
    const range = ports(20)
    const made = window({ range })
    const sockets = Array.from({ length: 20 }, () => keep(made.bindSocket(LOCAL)))
    const bound = sockets.map((socket) => socket.address().port)
    expect([...bound].sort()).toEqual(Array.from({ length: 20 }, (_, i) => range[0] + i))
    expect(() => made.bindSocket(LOCAL)).toThrow(expect.objectContaining({ code: 'ERR_PORTS_EXHAUSTED' }))

    const [asked] = sockets as [PktInfoSocket]
    asked.on('message', (msg, rinfo) => asked.reply(`${msg}!`, rinfo))
    const client = keep(dgram.createSocket('udp4'))
    client.send('hello', bound[0]!, ADDRESS)
    const [answer, from] = await once(client, 'message')
    expect([`${answer}`, from.port, from.address]).toEqual(['hello!', bound[0], ADDRESS])
  })

  test('has the kernel refuse others, and skips ports that others have, and finds them later', async () => {
    const range = ports(4)
    const made = window({ range, order: 'sequential', retryTaken: 200 })
    const other = await stranger(range[0])
    const wildcard = await stranger(range[0] + 1, '0.0.0.0')
    const socket = keep(made.bindSocket(LOCAL))
    expect(socket.address().port).toBe(range[0] + 2)
    expect(await isFree(range[0] + 2)).toBe(false)
    expect(made.stats()).toMatchObject({ taken: 2, foundTaken: 2, leased: 1, free: 1 })
    keep(made.bindSocket(LOCAL))
    expect(() => made.bindSocket(LOCAL)).toThrow(
      expect.objectContaining({
        code: 'ERR_PORTS_EXHAUSTED',
        counts: expect.objectContaining({ taken: 2, leased: 2 }),
      }),
    )
    expect(made.stats().foundTaken).toBe(2) // and does not try them again before it is time
    other.close()
    wildcard.close()
    const lease = await made.waitForPort()
    expect(lease.port).toBe(range[0])
    lease.release()
    expect(keep(made.bindSocket(LOCAL)).address().port).toBe(range[0] + 1)
  })

  test('skips the ports of another process', async () => {
    const range = ports(2)
    const example = new Example('echo.ts', [`${range[0]}`])
    opened.push({ close: () => example.kill() })
    await example.says(/Echo on/)
    const made = window({ range, order: 'sequential' })
    expect(keep(made.bindSocket(LOCAL)).address().port).toBe(range[1])
    expect(made.counts()).toMatchObject({ taken: 1, leased: 1 })
  })

  test('tries each port once, also where those that others have are soon due again', async () => {
    const range = ports(3)
    for (let port = range[0]; port <= range[1]; port++) await stranger(port)
    const made = window({ range, retryTaken: 1 })
    const realNow = performance.now
    let now = realNow.call(performance)
    performance.now = () => {
      now += 10 // as slow as a host that is busy
      return now
    }
    try {
      expect(() => made.bindSocket(LOCAL)).toThrow(expect.objectContaining({ code: 'ERR_PORTS_EXHAUSTED' }))
      expect(made.stats().foundTaken).toBe(3)
    } finally {
      performance.now = realNow
    }
  })

  test('leaves the port free when the socket cannot be opened', async () => {
    const range = ports(2)
    const made = window({ range, quota: 1 })
    const wrong: [object, string][] = [
      [{ ...LOCAL, address: '192.0.2.1' }, 'EADDRNOTAVAIL'],
      [{ type: 'udp4', address: '::1' }, 'EINVAL'],
      [{ ...LOCAL, bindToDevice: 'no-such-device' }, 'ENODEV'],
      [{ ...LOCAL, type: 'udp5' }, 'ERR_SOCKET_BAD_TYPE'],
      [{ ...LOCAL, address: 'localhost' }, 'ERR_INVALID_ARG_VALUE'],
      [{ ...LOCAL, recvBuferSize: 5 }, 'ERR_UNKNOWN_OPTION'],
      [{ ...LOCAL, port: 5 }, 'ERR_INVALID_ARG_VALUE'],
      [{ ...LOCAL, reusePort: true }, 'ERR_INVALID_ARG_VALUE'],
      [{ ...LOCAL, owner: 5 }, 'ERR_INVALID_ARG_TYPE'],
      [{ ...LOCAL, signal: AbortSignal.abort(Object.assign(new Error('no'), { code: 'EARLY' })) }, 'EARLY'],
    ]
    for (const [options, code] of wrong) {
      for (const act of [() => made.bindSocket(options as never), () => made.bindSocketPair(options as never)]) {
        expect(act).toThrow(expect.objectContaining({ code }))
      }
    }
    expect(() => made.bindSocketPair(null as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    expect(made.stats()).toMatchObject({ free: 2, leased: 0, quarantined: 0, owners: {} })
    expect(() => made.bindSocketPair({ ...LOCAL, owner: 'a' })).toThrow(
      expect.objectContaining({ code: 'ERR_PORTS_QUOTA' }),
    )
    expect(await isFree(range[0])).toBe(true)
  })

  test('ends the lease with the socket, however that is closed', async () => {
    const made = window({ range: ports(3), quarantine: 0 })
    const controller = new AbortController()
    const aborted = made.bindSocket({ ...LOCAL, signal: controller.signal, owner: 'a' })
    controller.abort()
    await once(aborted, 'close')
    const disposed = made.bindSocket({ ...LOCAL, owner: 'b' })
    await disposed[Symbol.asyncDispose]()
    const direct = made.bindSocket(LOCAL)
    const lease = made.leaseOf(direct) as Lease
    expect([lease.port, lease.state]).toEqual([direct.address().port, 'leased'])
    lease.reportTaken() // nonsense, which does no harm
    direct.close()
    await once(direct, 'close')
    expect(lease.state).toBe('released')
    expect(made.leaseOf(direct)).toBe(lease)
    expect(made.leaseOf(keep(new PktInfoSocket('udp4')))).toBeUndefined()
    expect(made.stats()).toMatchObject({ free: 3, leases: 3, owners: {}, foundTaken: 0 })
  })
})

describe('a lease that is released while its socket is open', () => {
  test('drains: the socket works on, and is closed when it is idle', async () => {
    const made = window({ range: ports(1), idleTimeout: 400, quarantine: 100_000 })
    const socket = keep(made.bindSocket(LOCAL))
    const { port } = socket.address()
    const got: string[] = []
    let last = 0
    socket.on('message', (msg) => {
      got.push(`${msg}`)
      last = performance.now()
    })
    const lease = made.leaseOf(socket) as Lease
    lease.release()
    expect([lease.state, made.counts().draining]).toEqual(['draining', 1])
    const client = keep(dgram.createSocket('udp4'))
    const end = once(socket, 'close')
    for (let i = 0; i < 20; i++) {
      client.send('late', port, ADDRESS)
      await until(() => got.length > i)
      await sleep(30)
    }
    expect(await isFree(port)).toBe(false)
    await end
    // Never before its time, which is counted from the last datagram.
    expect(performance.now() - last).toBeGreaterThanOrEqual(400)
    expect(got.length).toBe(20)
    expect([lease.state, await isFree(port)]).toEqual(['released', true])
    expect(made.counts()).toMatchObject({ draining: 0, quarantined: 1 })
  })

  test('is closed with the window', async () => {
    const range = ports(2)
    const made = window({ range })
    const [draining, used] = [keep(made.bindSocket(LOCAL)), keep(made.bindSocket(LOCAL))]
    made.leaseOf(draining)?.release()
    made.close()
    await once(draining, 'close')
    expect(used.address().port).toBeGreaterThanOrEqual(range[0])
    expect(() => made.acquire()).toThrow(expect.objectContaining({ code: 'ERR_PORTS_CLOSED' }))
    await closed(used)
    expect(made.counts()).toMatchObject({ leased: 0, quarantined: 2 })
  })
})

describe('bindSocketPair', () => {
  test('opens sockets on an even port and on the next', async () => {
    const range = ports(4)
    const made = window({ range, quarantine: 0, externalOffset: 10_000, quota: 2 })
    const pair = made.bindSocketPair({ ...LOCAL, owner: 'a' })
    keep(pair.rtp)
    keep(pair.rtcp)
    const { lease } = pair
    expect([pair.rtp.address().port, pair.rtcp.address().port]).toEqual([lease.rtp.port, lease.rtp.port + 1])
    expect(lease.rtp.port % 2).toBe(0)
    expect(lease.rtcp.externalPort).toBe(lease.rtcp.port + 10_000)
    expect([lease.owner, made.stats().owners]).toEqual(['a', { a: 2 }])
    expect(() => made.bindSocket({ ...LOCAL, owner: 'a' })).toThrow(
      expect.objectContaining({ code: 'ERR_PORTS_QUOTA' }),
    )
    await closed(pair.rtcp)
    expect([lease.rtp.state, lease.rtcp.state]).toEqual(['leased', 'released'])
    lease.release()
    expect(lease.rtp.state).toBe('draining')
    await closed(pair.rtp)
    expect(made.stats()).toMatchObject({ free: 4, freePairs: 2, owners: {} })
  })

  test.each([0, 1])('passes over a pair of which others have port %i', async (half) => {
    const range = ports(4)
    await stranger(range[0] + half)
    const made = window({ range, order: 'sequential' })
    const pair = made.bindSocketPair(LOCAL)
    keep(pair.rtp)
    keep(pair.rtcp)
    expect(pair.lease.rtp.port).toBe(range[0] + 2)
    expect(made.counts()).toMatchObject({ free: 1, taken: 1, leased: 2 })
    expect(await isFree(range[0] + 1 - half)).toBe(true)
    expect(() => made.bindSocketPair(LOCAL)).toThrow(/No free pair of ports/)
  })
})

describe('leases of sockets that are not the window’s', () => {
  test('are released by `using`, and found taken by who binds them', async () => {
    const made = window({ range: ports(2), order: 'sequential', quarantine: 0, retryTaken: 100_000 })
    let inside: Lease
    {
      using lease = made.acquire({ owner: 'a' })
      inside = lease
      expect(lease).toMatchObject({ state: 'leased', owner: 'a', externalPort: lease.port })
      await stranger(lease.port)
      expect(await isFree(lease.port)).toBe(false)
    }
    expect(inside.state).toBe('released')
    const again = [made.acquire(), made.acquire()] as const
    expect(await isFree(again[1].port)).toBe(false)
    again[1].reportTaken()
    again[0].release()
    expect(made.acquire().port).toBe(again[0].port)
    expect(made.counts()).toMatchObject({ taken: 1 })
    {
      using pair = window({ range: ports(2) }).acquirePair()
      pair.drain()
      expect([pair.rtp.state, pair.rtcp.state]).toEqual(['draining', 'draining'])
      inside = pair.rtcp
    }
    expect(inside.state).toBe('released')
  })

  test('are had by who waits, until the window is closed', async () => {
    const made = window({ range: ports(1), quarantine: 30 })
    const first = await made.waitForPort({ owner: 'a' })
    const second = made.waitForPort({ owner: 'b' })
    const third = made.waitForPort({ signal: AbortSignal.timeout(20) })
    first.release()
    await expect(third).rejects.toMatchObject({ name: 'TimeoutError' })
    expect((await second).owner).toBe('b')
    const last = made.waitForPort()
    made[Symbol.dispose]()
    await expect(last).rejects.toMatchObject({ code: 'ERR_PORTS_CLOSED' })
    for (const wrong of [{ signal: {} }, { owner: 5 }, { singal: undefined }]) {
      await expect(made.waitForPort(wrong as never)).rejects.toBeInstanceOf(TypeError)
    }
    expect(() => made.acquire({ owner: null } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
    )
    expect(() => made.acquirePair({ onwer: 'a' } as never)).toThrow(/Did you mean "owner"/)
  })
})

test("'low' comes after the call that caused it", async () => {
  const made = window({ range: ports(3), lowWater: 1 })
  const low = once(made, 'low')
  let called = false
  made.on('low', () => {
    called = true
    made.acquire()
  })
  made.acquire()
  made.acquire()
  expect(called).toBe(false)
  expect((await low)[0]).toMatchObject({ free: 1, total: 3 })
  expect(made.counts().free).toBe(0)
})
