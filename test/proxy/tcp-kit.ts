import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { encode } from '../../src/proxy/encode.js'
import { type ProxiedServer, type WrapServerOptions, wrapServer } from '../../src/proxy/server.js'

/** The client and the service that headers of these tests name. */
export const CLIENT = { address: '192.0.2.7', port: 4711 }
export const SERVICE = { address: '198.51.100.1', port: 443 }
export const CLIENT6 = { address: '2001:db8::7', port: 4711 }
export const SERVICE6 = { address: '2001:db8::1', port: 443 }

const flow = { family: 'IPv4', transport: 'STREAM', source: CLIENT, destination: SERVICE } as const
const flow6 = { family: 'IPv6', transport: 'STREAM', source: CLIENT6, destination: SERVICE6 } as const

export const HEADERS = {
  v1: encode({ version: 'v1', ...flow }),
  v2: encode({ version: 'v2', ...flow }),
  v1IPv6: encode({ version: 'v1', ...flow6 }),
  v2IPv6: encode({ version: 'v2', ...flow6 }),
  unknown: encode({ version: 'v1', family: 'UNSPEC' }),
  unspec: encode({ version: 'v2', family: 'UNSPEC' }),
  local: encode({ version: 'v2', command: 'LOCAL' }),
  unix: encode({
    version: 'v2',
    family: 'UNIX',
    transport: 'STREAM',
    source: { path: Buffer.from('/run/client') },
    destination: { path: Buffer.from('/run/service') },
  }),
}

const accepted = new WeakMap<net.Server, Set<net.Socket>>()

/** The server's sockets as Node made them, those that wait for a header too, oldest first. */
export const acceptedBy = (server: net.Server): net.Socket[] => [...accepted.get(server)!]

/** Wraps a server that trusts loopback, and listens on a free port; closed with the test, with all its connections. */
export async function listen<T extends net.Server>(
  server: T,
  options: Partial<WrapServerOptions> = {},
): Promise<ProxiedServer<T>> {
  const wrapped = wrapServer(server, { trusted: ['127.0.0.0/8'], ...options })
  const sockets = new Set<net.Socket>()
  accepted.set(server, sockets)
  const { emit } = server
  server.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event === 'connection') sockets.add(args[0] as net.Socket)
    return Reflect.apply(emit, server, [event, ...args])
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return wrapped
}

export const portOf = (server: net.Server) => (server.address() as net.AddressInfo).port

/** A plain connection to a server, destroyed with the test. */
export async function dial(server: net.Server, options: Partial<net.TcpNetConnectOpts> = {}): Promise<net.Socket> {
  const socket = net.connect({ port: portOf(server), host: '127.0.0.1', noDelay: true, ...options })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {}) // what the server sees is what the tests are about
  await once(socket, 'connect')
  return socket
}

/** Writes the pieces one after the other, so that they arrive as several. */
export async function writeSlowly(socket: net.Socket, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    await new Promise<void>((resolve) => socket.write(piece, () => resolve()))
    await sleep(1)
  }
}

export const bytewise = (bytes: Buffer) => Array.from(bytes, (_, i) => bytes.subarray(i, i + 1))

/** All that the other side sends until the connection is closed, by an error or not. */
export async function readAll(socket: net.Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
  })
  socket.on('error', () => {}) // shows in what is missing
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return text
}

/**
 * A stream over a connection whose first write goes out in one segment with a header before it, or byte by byte;
 * `gathered`: with all that is written within 50 ms.
 */
export function proxied(
  socket: net.Socket,
  header: Buffer,
  way: 'together' | 'bytewise' | 'gathered' = 'together',
): Duplex {
  let held: Buffer[] | undefined = [header]
  const release = (): Buffer => {
    const bytes = Buffer.concat(held ?? [])
    held = undefined
    return bytes
  }
  if (way === 'gathered') setTimeout(() => socket.write(release()), 50)
  const duplex = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _, callback) {
      held?.push(chunk)
      if (held === undefined) socket.write(chunk, callback)
      else if (way === 'gathered') callback()
      else if (way === 'together') socket.write(release(), callback)
      else writeSlowly(socket, bytewise(release())).then(() => callback(), callback)
    },
    final: (callback) => void socket.end(callback),
    destroy(error, callback) {
      socket.destroy()
      callback(error)
    },
  })
  socket.on('data', (chunk) => {
    if (!duplex.push(chunk)) socket.pause()
  })
  socket.on('end', () => duplex.push(null))
  socket.on('close', () => duplex.destroy())
  return duplex
}
