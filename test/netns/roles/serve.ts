import dgram from 'node:dgram'
import { once } from 'node:events'
import { PktInfoSocket, type RemoteInfo, type SocketOptions } from 'udp-dsr'

/** How a server answers: with node:dgram, or in one of the ways of udp-dsr. */
export type Way = 'dgram' | 'reply' | 'batch' | 'from'

export interface ServeOptions {
  way: Way
  type: 'udp4' | 'udp6'
  /** Default 0: the kernel chooses. */
  port?: number
  options?: Partial<SocketOptions>
  /** Groups to join, each with the interface to join it on. */
  groups?: readonly (readonly [group: string, on: string])[]
  broadcast?: boolean
}

/** What a server of udp-dsr says about a datagram, as JSON. */
export type Told = Pick<RemoteInfo, 'address' | 'port' | 'local'>

const open: (dgram.Socket | PktInfoSocket)[] = []

/** Starts a server on the wildcard address; returns its port. It answers with what it knows about the question. */
export async function serve({
  way,
  type,
  port = 0,
  options,
  groups = [],
  broadcast = false,
}: ServeOptions): Promise<number> {
  const socket = way === 'dgram' ? await bindDgram(type, port) : await PktInfoSocket.bind({ ...options, type, port })
  open.push(socket)
  if (socket instanceof PktInfoSocket) answer(socket, way)
  for (const [group, on] of groups) socket.addMembership(group, on)
  if (broadcast) socket.setBroadcast(true)
  return socket.address().port
}

/** Stops all servers of this host. */
export async function stop(): Promise<void> {
  await Promise.all(open.splice(0).map((socket) => new Promise<void>((resolve) => socket.close(resolve))))
}

async function bindDgram(type: 'udp4' | 'udp6', port: number): Promise<dgram.Socket> {
  const socket = dgram.createSocket(type)
  socket.on('message', (_msg, rinfo) => socket.send('{}', rinfo.port, rinfo.address))
  socket.bind(port)
  await once(socket, 'listening')
  return socket
}

function answer(socket: PktInfoSocket, way: Way): void {
  switch (way) {
    case 'reply':
      socket.on('message', (_msg, rinfo) => socket.reply(tell(rinfo), rinfo))
      break
    case 'from':
      socket.on('message', (_msg, rinfo) => {
        const { source, ifindex } = rinfo.local
        socket.send(tell(rinfo), rinfo.port, rinfo.address, { from: { address: source, ifindex } })
      })
      break
    case 'batch':
      socket.on('batch', (batch) => {
        for (let i = 0; i < batch.length; i++) batch.reply(i, Buffer.from(tell(batch.rinfo(i))))
      })
      break
  }
}

function tell({ address, port, local }: RemoteInfo): string {
  return JSON.stringify({ address, port, local } satisfies Told)
}
