import dgram from 'node:dgram'
import { once } from 'node:events'
import { createSocket, type SocketOptions } from 'udp-dsr'
import { expect, test } from 'vitest'

/** Whose sockets a scenario is run with. */
export type Side = 'dgram' | 'ours'

/** What a program can see from outside, in order, for each actor of a scenario. */
export type Trace = Record<string, unknown[]>

/** Runs on one side; whatever it logs is its trace. */
export type Scenario = (stage: Stage) => Promise<void> | void

/** The options of both, and those of newer Nodes than the types know. */
type Options = dgram.SocketType | SocketOptions | Record<string, unknown>

type Listener = (msg: Buffer, rinfo: dgram.RemoteInfo) => void

/** How long a scenario may wait for something to happen, in milliseconds. */
const PATIENCE = 8_000

/** The sockets of a scenario, and what is seen of them: names stand for sockets and for their ports. */
export class Stage {
  readonly side: Side
  readonly #sockets: dgram.Socket[] = []
  readonly #names = new Map<unknown, string>()
  readonly #ports = new Map<number, string>()
  readonly #trace: Trace = {}

  constructor(side: Side) {
    this.side = side
  }

  /** A socket of the side under test, by the name of which the trace speaks. */
  open(name: string, options: Options = 'udp4', listener?: Listener): dgram.Socket {
    const create = this.side === 'dgram' ? dgram.createSocket : createSocket
    const socket: dgram.Socket = create(options as 'udp4', listener)
    this.#sockets.push(socket)
    this.#names.set(socket, name)
    return socket
  }

  /** `open`, bound to a port of the kernel's choice on the loopback address. */
  async bound(name: string, options: Options = 'udp4', bind: dgram.BindOptions = {}): Promise<dgram.Socket> {
    const socket = this.open(name, options)
    const v6 = options === 'udp6' || (typeof options === 'object' && options.type === 'udp6')
    socket.bind({ port: 0, address: v6 ? '::1' : '127.0.0.1', ...bind })
    await once(socket, 'listening')
    this.learn(socket)
    return socket
  }

  /** A peer that is the same on both sides: dgram's. */
  async peer(name: string, type: dgram.SocketType = 'udp4', address?: string): Promise<dgram.Socket> {
    const socket = dgram.createSocket(type)
    this.#sockets.push(socket)
    this.#names.set(socket, name)
    socket.bind(0, address ?? (type === 'udp6' ? '::1' : '127.0.0.1'))
    await once(socket, 'listening')
    this.learn(socket)
    return socket
  }

  /** From here on the trace says `port of NAME`. */
  learn(socket: dgram.Socket): number {
    const { port } = socket.address()
    this.#ports.set(port, `port of ${this.#names.get(socket)}`)
    return port
  }

  /** A port that nobody has: of a socket that was just closed. */
  async freePort(name = 'nobody', type: dgram.SocketType = 'udp4'): Promise<number> {
    const socket = await this.peer(name, type)
    const { port } = socket.address()
    socket.close()
    await once(socket, 'close')
    return port
  }

  log(actor: string, ...entry: unknown[]): void {
    this.#trace[actor] ??= []
    this.#trace[actor].push(entry.map((value) => this.#render(value)))
  }

  /** Logs the events of a socket, in the order of its listeners. */
  watch(socket: dgram.Socket, ...events: string[]): dgram.Socket {
    const name = this.#names.get(socket)!
    const watched = events.length > 0 ? events : ['listening', 'connect', 'message', 'error', 'close']
    for (const event of watched) socket.on(event, (...args) => this.log(name, event, ...args))
    return socket
  }

  /** Logs what a call returns, or throws. */
  attempt(actor: string, label: string, call: () => unknown): void {
    try {
      this.log(actor, label, 'returned', call())
    } catch (error) {
      this.log(actor, label, 'threw', error)
    }
  }

  /** A callback that logs its arguments and its `this`. */
  callback(actor: string, label: string): () => void {
    const log = (self: unknown, args: unknown[]) => this.log(actor, label, self, ...args)
    return function (this: unknown, ...args: unknown[]) {
      log(this, args)
    }
  }

  /** The number of entries that an actor's trace has so far. */
  count(actor: string): number {
    return this.#trace[actor]?.length ?? 0
  }

  /** Waits for entries of an actor's trace; gives up, with all that was seen, before the test's own timeout does. */
  async entries(actor: string, count: number): Promise<void> {
    const deadline = Date.now() + PATIENCE
    while (this.count(actor) < count) {
      if (Date.now() > deadline) {
        throw new Error(`${this.side}: waited for entry ${count} of ${actor} in ${JSON.stringify(this.trace, null, 1)}`)
      }
      await new Promise(setImmediate)
    }
  }

  /** Gives what is under way the time to arrive: two round trips between other sockets, and some turns of the loop. */
  async settle(): Promise<void> {
    const [a, b] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')]
    a.bind(0, '127.0.0.1')
    b.bind(0, '127.0.0.1')
    await Promise.all([once(a, 'listening'), once(b, 'listening')])
    for (let trip = 0; trip < 2; trip++) {
      a.send('', b.address().port, '127.0.0.1')
      await once(b, 'message')
      b.send('', a.address().port, '127.0.0.1')
      await once(a, 'message')
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
    }
    a.close()
    b.close()
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.removeAllListeners()
      await socket[Symbol.asyncDispose]()
    }
  }

  get trace(): Trace {
    return this.#named(this.#trace) as Trace
  }

  #render(value: unknown): unknown {
    if (value === undefined) return 'undefined'
    if (typeof value === 'function') return 'a function'
    if (this.#names.has(value)) return this.#names.get(value)
    if (value instanceof Error) return describeError(value)
    if (value instanceof Uint8Array) return value.length > 64 ? `${value.length} bytes` : Buffer.from(value).toString()
    if (typeof value === 'object' && value !== null && 'size' in value && 'address' in value) {
      const { address, family, port, size } = value as dgram.RemoteInfo
      return { address, family, port, size }
    }
    return value
  }

  /** Puts names in the place of ports. */
  #named(value: unknown): unknown {
    if (typeof value === 'number') return this.#ports.get(value) ?? value
    if (typeof value === 'string') {
      return value.replace(/:(\d+)\b/g, (all, port) => {
        const name = this.#ports.get(Number(port))
        return name === undefined ? all : `:${name}`
      })
    }
    if (Array.isArray(value)) return value.map((item) => this.#named(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#named(item)]))
  }
}

/** An error as a program may test it: its kind, Node's fields, and the text. */
function describeError(error: Error): Record<string, unknown> {
  const kind = error instanceof TypeError ? 'TypeError' : error instanceof RangeError ? 'RangeError' : 'Error'
  const { code, errno, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number }
  return { kind, code, errno, syscall, address, port, message: error.message }
}

/** Runs a scenario on one side. */
export async function run(side: Side, scenario: Scenario): Promise<Trace> {
  const stage = new Stage(side)
  try {
    await scenario(stage)
  } finally {
    await stage.close()
  }
  return stage.trace
}

/** A test that a scenario looks the same on both sides; errors of ours may say more than dgram's. */
export function same(title: string, scenario: Scenario): void {
  test(title, async () => {
    const expected = await run('dgram', scenario)
    expect(Object.values(expected).flat().length, 'the scenario must show something').toBeGreaterThan(0)
    const ours = await run('ours', scenario)
    expect(shortened(ours, expected)).toEqual(expected)
  })
}

/** `ours` with dgram's messages wherever its own begin with them, and without fields that dgram's errors lack. */
function shortened(ours: unknown, expected: unknown): unknown {
  if (typeof ours !== 'object' || ours === null || typeof expected !== 'object' || expected === null) return ours
  if (Array.isArray(ours)) return ours.map((item, index) => shortened(item, (expected as unknown[])[index]))
  return Object.fromEntries(
    Object.entries(ours).map(([key, item]) => {
      const other = (expected as Record<string, unknown>)[key]
      if (other === undefined && 'kind' in expected) return [key, undefined]
      if (key !== 'message' || typeof other !== 'string') return [key, shortened(item, other)]
      return [key, String(item).startsWith(beginning(other)) ? other : item]
    }),
  )
}

/** The part of Node's message that ours keep: argument errors name the argument, then say in their own words what it must be. */
function beginning(message: string): string {
  return message.replace(/ must be .*/s, '')
}
