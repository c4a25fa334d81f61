import { once } from 'node:events'
import net from 'node:net'
import { onTestFinished } from 'vitest'
import type { ProxiedServer, ProxiedSocket, WrapServerOptions } from '../../../src/proxy/server.js'
import type { ProxyHeader } from '../../../src/proxy/types.js'
import { listen, portOf, readAll } from '../tcp-kit.js'
import { NGINX_STREAM_MODULE } from './kit.js'

/** What a server saw of one connection. */
export interface Seen {
  client: string
  via: string | undefined
  header: ProxyHeader | undefined
}

export interface Behind {
  server: ProxiedServer<net.Server>
  port: number
  /** Of each connection, in order. */
  seen: Seen[]
}

const text = (address: string | undefined, port: number | undefined) => `${address}:${port}`

export function look(socket: ProxiedSocket): Seen {
  const { via, proxy: header } = socket
  const client = text(socket.remoteAddress, socket.remotePort)
  return { client, via: via?.address, header }
}

/** A server behind proxies, which says back what it gets. */
export async function serveBehind(options: Partial<WrapServerOptions> = {}): Promise<Behind> {
  const seen: Seen[] = []
  const server = await listen(
    net.createServer((socket) => {
      seen.push(look(socket))
      socket.on('error', () => {}) // a health check may reset what it has opened
      socket.pipe(socket)
    }),
    options,
  )
  return { server, port: portOf(server), seen }
}

/** A client of a proxy, from an address of its own. */
export async function connect(port: number, localAddress: string): Promise<{ socket: net.Socket; end: string }> {
  const host = localAddress.includes(':') ? '::1' : '127.0.0.1'
  const socket = net.connect({ port, host, localAddress })
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return { socket, end: text(socket.localAddress, socket.localPort) }
}

/**
 * Sends a text through a proxy to an echo, and returns the answer, and where it was sent from. Ends the connection when
 * the answer is there: nginx lets the end of one direction end the other.
 */
export async function exchange(port: number, localAddress: string, message: string) {
  const { socket, end } = await connect(port, localAddress)
  let length = 0
  socket.on('data', (part) => {
    length += part.length
    if (length >= message.length) socket.end()
  })
  const answer = readAll(socket)
  socket.write(message)
  return { answer: await answer, end }
}

/** HAProxy's beginning, and sections that carry TCP. */
export const haproxyTcp = (sections: string) => `
global
  nbthread 1
  maxconn 200
defaults
  mode tcp
  retries 0
  timeout connect 2s
  timeout client 5s
  timeout server 5s
  timeout check 5s
${sections}`

/** nginx with its stream module, and servers that carry TCP. */
export const nginxTcp = (folder: string, servers: string) => `
load_module ${NGINX_STREAM_MODULE};
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
stream {
  ${servers}
}`
