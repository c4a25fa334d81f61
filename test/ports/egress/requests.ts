import { readdirSync, readlinkSync } from 'node:fs'
import http from 'node:http'
import type https from 'node:https'
import type net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** What a request came to. */
export interface Answer {
  status: number | undefined
  body: string
}

/** Sends a request with `http.request` or `https.request` and reads the answer. */
export async function ask(
  request: typeof http.request | typeof https.request,
  options: https.RequestOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request(options, (response) => {
      let body = ''
      response
        .setEncoding('utf8')
        .on('data', (text: string) => {
          body += text
        })
        .on('end', () => resolve({ status: response.statusCode, body }))
        .on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

/** Who sent the requests that a server got, in their order: `address port`. */
export type Seen = string[]

/** Has a server listen on loopback; it ends with the test. */
export async function serve(server: net.Server, where: net.ListenOptions = { host: '127.0.0.1' }): Promise<number> {
  const open = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(where.path === undefined ? { port: 0, ...where } : where, resolve))
  onTestFinished(() => {
    for (const socket of open) socket.resetAndDestroy()
    server.close()
  })
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

/** A server that answers with the address and port of its client. */
export async function whoami(
  where?: net.ListenOptions,
  options: http.ServerOptions = {},
): Promise<{ port: number; seen: Seen; server: http.Server }> {
  const seen: Seen = []
  const server = http.createServer(options, (request, response) => {
    const { remoteAddress, remotePort } = request.socket
    seen.push(`${remoteAddress} ${remotePort}`)
    response.end(seen.at(-1))
  })
  return { port: await serve(server, where), seen, server }
}

/** Open sockets of this process: their inodes. */
export function openSockets(): Set<string> {
  const found = new Set<string>()
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`)
      if (target.startsWith('socket:')) found.add(target)
    } catch {
      // The one that was open to read the folder.
    }
  }
  return found
}

/** Waits until something is so; the test fails by its time limit when it never is. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}

/** Waits until no socket is open that was not open `before`. */
export function noneLeft(before: ReadonlySet<string>): Promise<void> {
  return until(() => [...openSockets()].every((socket) => before.has(socket)))
}
