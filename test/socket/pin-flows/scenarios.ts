// What test/socket/pin-flows.test.ts has done in a process of its own, where a BPF filesystem is mounted. Takes the name of
// a scenario, and prints what came of it as JSON.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { capabilities, type OpenOptions, PktInfoSocket, type SocketOptions } from 'udp-dsr'
import { thread } from '../../../src/internal/thread.js'
import { askAll, Client, freePort, openClients } from './clients.js'

const PATH = '/sys/fs/bpf/udp-dsr'
const CLIENTS = 300
const member = fileURLToPath(new URL('member.ts', import.meta.url))

/** A worker thread does not inherit the loader of TypeScript in every version of Node. */
const START_MEMBER = `import('tsx/esm/api').then(({ tsImport }) => tsImport(${JSON.stringify(member)}, ${JSON.stringify(member)}))`

type Pin = NonNullable<SocketOptions['pinFlows']>

/** A socket of this process that answers with its name. */
async function open(port: number, name: string, pinFlows: Pin = true, more: Partial<OpenOptions> = {}) {
  const socket = await PktInfoSocket.bind({ type: 'udp4', port, reusePort: true, pinFlows, ...more })
  socket.on('message', (_msg, rinfo) => socket.reply(name, rinfo))
  return socket
}

/** A process with such a socket. */
async function openProcess(port: number, name: string): Promise<ChildProcess> {
  const child = fork(member, [String(port), name])
  await once(child, 'message')
  return child
}

async function killProcess(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

async function openThread(port: number, name: string): Promise<Worker> {
  const worker = new Worker(START_MEMBER, { eval: true, argv: [String(port), name] })
  await once(worker, 'message')
  return worker
}

/** The code and message of what a promise rejects with. */
async function failure(promise: Promise<unknown>): Promise<{ code: unknown; message: string; name: string }> {
  const error = await promise.then(
    () => new Error('nothing failed'),
    (reason) => reason,
  )
  return { code: error.code, message: error.message, name: error.name }
}

/** Clients that were not served by `name` before and are not served by the same now. */
const movedBeside = (name: string, before: readonly string[], now: readonly string[]) =>
  before.filter((server, i) => server !== name && now[i] !== server).length

/** Opens a socket and a client, has it asked, and closes them. */
async function askOnce(port: number): Promise<void> {
  const socket = await open(port, 'a')
  const client = await Client.open('127.0.0.1', port, '127.0.0.1')
  await client.ask()
  client.close()
  await socket[Symbol.asyncDispose]()
}

const openDescriptors = () => readdirSync('/proc/self/fd').length

const groups = () => (existsSync(PATH) ? readdirSync(PATH) : [])

const scenarios: Record<string, () => Promise<unknown>> = {
  /** Sockets of one process come and go. */
  async sockets() {
    const port = await freePort()
    await askOnce(port) // so that everything is loaded
    const descriptors = openDescriptors()
    const sockets = [await open(port, 'a'), await open(port, 'b'), await open(port, 'c')]
    const clients = await openClients(CLIENTS, port)
    const before = await askAll(clients)
    sockets[1]!.close()
    const without = await askAll(clients)
    const fourth = await open(port, 'b')
    const again = await askAll(clients)
    const fifth = await open(port, 'd')
    const more = await askAll(clients)
    const folders = groups()
    for (const socket of [sockets[0]!, sockets[2]!, fourth, fifth]) socket.close()
    for (const client of clients) client.close()
    return {
      counts: ['a', 'b', 'c'].map((name) => before.filter((server) => server === name).length),
      movedBesideB: movedBeside('b', before, without),
      stillAtB: without.filter((server) => server === 'b').length,
      sameAgain: again.every((server, i) => server === before[i]),
      /** A fourth takes from each of the three, and nobody moves between them. */
      toFourth: more.filter((server) => server === 'd').length,
      movedBetweenOthers: more.filter((server, i) => server !== 'd' && server !== again[i]).length,
      folders: folders.map((folder) => folder.replace(/^\d+/, 'NAMESPACE').replace(String(port), 'PORT')),
      foldersAfter: groups(),
      descriptorsLeft: openDescriptors() - descriptors,
      capability: capabilities().options.pinFlows,
    }
  },

  /** While clients ask without a pause, a fourth process comes and goes: killed, and in order. */
  async churn() {
    const port = await freePort()
    const sockets = [await open(port, 'a'), await open(port, 'b'), await open(port, 'c')]
    const clients = await openClients(CLIENTS, port)
    const homes = await askAll(clients)
    let ended = false
    let rounds = 0
    const strays: string[] = []
    let atFourth = 0
    const asking = (async () => {
      for (; !ended; rounds++) {
        const answers = await askAll(clients)
        atFourth += answers.filter((server) => server === 'd').length
        answers.forEach((server, i) => {
          if (server !== homes[i] && server !== 'd') strays.push(`${homes[i]} → ${server}`)
        })
      }
    })()
    for (let i = 0; i < 3; i++) {
      await killProcess(await openProcess(port, 'd'))
      const socket = await open(port, 'd')
      // A round that began with it there.
      for (const seen = rounds; rounds < seen + 2; ) await new Promise(setImmediate)
      socket.close()
    }
    ended = true
    await asking
    for (const socket of sockets) socket.close()
    for (const client of clients) client.close()
    return { strays, rounds, atFourth, foldersAfter: groups() }
  },

  /** Threads of one process; one is terminated without closing its socket. */
  async threads() {
    const port = await freePort()
    const threads = [await openThread(port, 'a'), await openThread(port, 'b'), await openThread(port, 'c')]
    const clients = await openClients(CLIENTS, port)
    const before = await askAll(clients)
    await threads[1]!.terminate()
    const without = await askAll(clients)
    threads[1] = await openThread(port, 'b')
    const again = await askAll(clients)
    for (const worker of threads) await worker.terminate()
    for (const client of clients) client.close()
    return {
      servers: new Set(before).size,
      movedBesideB: movedBeside('b', before, without),
      stillAtB: without.filter((server) => server === 'b').length,
      sameAgain: again.every((server, i) => server === before[i]),
    }
  },

  /** Most of a dozen processes are killed at once, more than the program tries one by one; then all of them. */
  async massacre() {
    const port = await freePort()
    const names = [...'abcdefghijkl']
    const children = new Map<string, ChildProcess>()
    await Promise.all(names.map(async (name) => children.set(name, await openProcess(port, name))))
    const clients = await openClients(CLIENTS, port)
    const before = await askAll(clients)
    const dead = new Set(names.slice(0, -2))
    await Promise.all([...dead].map((name) => killProcess(children.get(name)!)))
    const during = await askAll(clients)
    const afterwards = await askAll(clients)
    await Promise.all(names.slice(-2).map((name) => killProcess(children.get(name)!)))
    const stale = groups().length
    const next = await open(port, 'next', 'client-ip') // other than theirs, who are gone
    const last = await askAll(clients)
    next.close()
    for (const client of clients) client.close()
    return {
      servers: new Set(before).size,
      movedWithoutNeed: before.filter((server, i) => !dead.has(server) && during[i] !== server).length,
      atTheDead: during.filter((server) => dead.has(server)).length,
      stable: during.every((server, i) => server === afterwards[i]),
      stale,
      allAtNext: last.every((server) => server === 'next'),
      foldersAfter: groups(),
    }
  },

  /** `client-ip`: all sockets of an address are one client. */
  async addresses() {
    const port = await freePort()
    const sockets = [await open(port, 'a', 'client-ip'), await open(port, 'b', { affinity: 'client-ip' })]
    const addresses = Array.from({ length: 60 }, (_, i) => `127.0.1.${i + 1}`)
    const clients = await openClients(CLIENTS, port, { addresses })
    const answers = await askAll(clients)
    const served = addresses.map((_, i) => new Set(answers.filter((_answer, j) => j % addresses.length === i)))
    const other = await failure(open(port, 'c'))
    for (const socket of sockets) socket.close()
    for (const client of clients) client.close()
    return { servers: new Set(answers).size, mostPerAddress: Math.max(...served.map(({ size }) => size)), other }
  },

  /** IPv6, and IPv4 clients of the same dual-stack sockets. */
  async dualStack() {
    const port = await freePort()
    const more = { type: 'udp6' } as const
    const sockets = [
      await open(port, 'a', true, more),
      await open(port, 'b', true, more),
      await open(port, 'c', true, more),
    ]
    const clients = await openClients(CLIENTS, port, { server: '::1', addresses: ['::1'] })
    clients.push(...(await openClients(CLIENTS, port)))
    const before = await askAll(clients)
    sockets[1]!.close()
    const without = await askAll(clients)
    sockets[1] = await open(port, 'b', true, more)
    const again = await askAll(clients)
    const folders = groups().length
    for (const socket of sockets) socket.close()
    for (const client of clients) client.close()
    return {
      servers6: new Set(before.slice(0, CLIENTS)).size,
      servers4: new Set(before.slice(CLIENTS)).size,
      movedBesideB: movedBeside('b', before, without),
      sameAgain: again.every((server, i) => server === before[i]),
      folders,
    }
  },

  /** 64 places, and a 65th socket. */
  async full() {
    const port = await freePort()
    const sockets: PktInfoSocket[] = []
    for (let i = 0; i < 64; i++) sockets.push(await open(port, String(i)))
    const clients = await openClients(1000, port)
    const before = await askAll(clients)
    const tooMany = await failure(open(port, 'too many'))
    const after = await askAll(clients)
    sockets.pop()!.close()
    const fits = await open(port, '63')
    const again = await askAll(clients)
    for (const socket of [...sockets, fits]) socket.close()
    for (const client of clients) client.close()
    return {
      servers: new Set(before).size,
      tooMany,
      undisturbed: after.every((server, i) => server === before[i]),
      sameAgain: again.every((server, i) => server === before[i]),
      foldersAfter: groups(),
    }
  },

  /** A socket that could not come in can be bound again. */
  async again() {
    const port = await freePort()
    const first = await open(port, 'a', 'client-ip')
    const socket = new PktInfoSocket({ type: 'udp4', reusePort: true, pinFlows: true })
    const refused = await failure(
      new Promise((resolve, reject) =>
        socket
          .once('error', reject)
          .once('listening', () => resolve(0))
          .bind(port),
      ),
    )
    const addressInUse = await failure(PktInfoSocket.bind({ type: 'udp4', port }))
    first.close()
    socket.bind(port)
    await once(socket, 'listening')
    socket.close()
    return { refused, addressInUse, foldersAfter: groups() }
  },

  /** Somebody holds the lock, as a stopped process would. */
  async locked() {
    const port = await freePort()
    mkdirSync(PATH, { recursive: true })
    const folder = openSync(PATH, 'r')
    thread().addon.bpf.lock(folder, 0)
    const began = performance.now()
    const locked = await failure(open(port, 'a'))
    const waited = performance.now() - began
    closeSync(folder)
    const socket = await open(port, 'a')
    const client = await Client.open('127.0.0.1', port, '127.0.0.1')
    const answer = await client.ask()
    client.close()
    socket.close()
    return { locked, waited, answer }
  },

  /** What a process without the privilege is told. */
  async refused() {
    const option = capabilities().options.pinFlows
    return { option, failure: await failure(open(await freePort(), 'a')) }
  },

  /** With another directory. */
  async path() {
    const port = await freePort()
    const path = '/sys/fs/bpf/mine/deeper'
    const sockets = [await open(port, 'a', { path }), await open(port, 'b', { path })]
    const clients = await openClients(CLIENTS, port)
    const servers = new Set(await askAll(clients)).size
    const elsewhere = existsSync(PATH)
    const folders = readdirSync(path).length
    for (const socket of sockets) socket.close()
    for (const client of clients) client.close()
    const unmounted = await failure(open(port, 'a', { path: '/nowhere/in/particular' }))
    return { servers, elsewhere, folders, foldersAfter: readdirSync(path).length, unmounted }
  },
}

console.log(JSON.stringify(await scenarios[process.argv[2]!]!()))
