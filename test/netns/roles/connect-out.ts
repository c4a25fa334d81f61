import { once } from 'node:events'
import net from 'node:net'
import { type ConnectOptions, connect } from 'udp-dsr/ports'

/** How a connection went. */
export interface Connected {
  localAddress?: string | undefined
  localPort?: number | undefined
  /** Code of the error that it failed with. */
  failed?: string | undefined
  message?: string
}

const kept: net.Socket[] = []

/** Opens connections, all at once, and keeps those that came about. */
export function connectOut(options: ConnectOptions, count = 1): Promise<Connected[]> {
  return Promise.all(Array.from({ length: count }, () => connectOnce(options)))
}

async function connectOnce(options: ConnectOptions): Promise<Connected> {
  const socket = connect(options)
  try {
    await once(socket, 'connect')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { failed: code, message }
  }
  kept.push(socket)
  socket.on('error', () => {})
  const { localAddress, localPort } = socket
  return { localAddress, localPort }
}

/** Local ports of the connections that are open. */
export function localPorts(): number[] {
  return kept.filter((socket) => !socket.destroyed).map((socket) => socket.localPort!)
}

/** Accepts connections and keeps them; returns the port. */
export async function acceptTcp(address: string): Promise<number> {
  const server = net.createServer((socket) => {
    kept.push(socket)
    socket.on('error', () => {})
  })
  server.listen({ port: 0, host: address, backlog: 4096 })
  await once(server, 'listening')
  return (server.address() as net.AddressInfo).port
}
