import { once } from 'node:events'
import net from 'node:net'
import type { PortRange } from 'udp-dsr/ports'
import { onTestFinished } from 'vitest'

/** A TCP server on loopback that closes each connection when its client has; ends with the test. */
export async function listen(
  host = '127.0.0.1',
  onConnection: (socket: net.Socket) => void = (socket) => socket.resume(),
): Promise<number> {
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    onConnection(socket)
  })
  server.listen(0, host)
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of open) socket.resetAndDestroy()
    server.close()
  })
  return (server.address() as net.AddressInfo).port
}

/** Waits for `'connect'`; rejects with the socket's error. Resets the connection with the test, so that no port lingers. */
export async function connected(socket: net.Socket): Promise<net.Socket> {
  onTestFinished(() => {
    if (!socket.destroyed) socket.resetAndDestroy()
  })
  await once(socket, 'connect')
  return socket
}

/** The error that a socket ends with. */
export async function failure(socket: net.Socket): Promise<NodeJS.ErrnoException> {
  const [error] = await once(socket, 'error')
  return error as NodeJS.ErrnoException
}

/** Resets a connection; resolves when its port is free. */
export async function reset(socket: net.Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.resetAndDestroy()
  await closed
}

/**
 * For tests that want certain ports of the host's own range: anybody may have one of them at that moment, other tests above
 * all. Each attempt has ports of its own, so that only a real fault fails all of them.
 */
export const PORTS_OF_THE_HOST = { retry: 4 } as const

let next = 33_000

/** Some neighbouring ports of the kernel's range that no other test of this file has. */
export function portRange(size: number): PortRange {
  next += size
  return [next - size, next - 1]
}
