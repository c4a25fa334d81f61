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
  /** Send the question back instead of what is known about it. */
  echo?: boolean
  /** Milliseconds that it takes for an answer (`way: 'reply'`). Default 0. */
  delay?: number
}

/** What a server of udp-dsr says about a datagram, as JSON. */
export type Told = Pick<RemoteInfo, 'address' | 'port' | 'local'>

const open: (dgram.Socket | PktInfoSocket)[] = []

/** Starts a server on the wildcard address; returns its port. It answers with what it knows about the question. */
export async function serve(options: ServeOptions): Promise<number> {
  const { way, type, port = 0, groups = [] } = options
  const socket =
    way === 'dgram' ? await bindDgram(type, port) : await PktInfoSocket.bind({ ...options.options, type, port })
  open.push(socket)
  if (socket instanceof PktInfoSocket) {
    if (options.delay) answerLate(socket, options.delay)
    else answer(socket, way, options.echo ? echo : tell)
  }
  for (const [group, on] of groups) socket.addMembership(group, on)
  if (options.broadcast) socket.setBroadcast(true)
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

function answer(socket: PktInfoSocket, way: Way, content: (msg: Buffer, rinfo: RemoteInfo) => Buffer): void {
  switch (way) {
    case 'reply':
      socket.on('message', (msg, rinfo) => socket.reply(content(msg, rinfo), rinfo))
      break
    case 'from':
      socket.on('message', (msg, rinfo) => {
        const { address, source, ifindex } = rinfo.local
        // A group cannot be the source; and where the kernel is to choose one, it must know the interface.
        const from = source === address ? { address } : { address: source, ifindex }
        socket.send(content(msg, rinfo), rinfo.port, rinfo.address, { from })
      })
      break
    case 'batch':
      socket.on('batch', (batch) => {
        for (let i = 0; i < batch.length; i++) batch.reply(i, content(batch.payload(i), batch.rinfo(i)))
      })
      break
  }
}

function answerLate(socket: PktInfoSocket, delay: number): void {
  socket.on('message', (msg, rinfo) => {
    const timer = setTimeout(() => socket.reply(msg, rinfo), delay)
    socket.once('close', () => clearTimeout(timer))
  })
}

const echo = (msg: Buffer) => msg

function tell(_msg: Buffer, { address, port, local }: RemoteInfo): Buffer {
  return Buffer.from(JSON.stringify({ address, port, local } satisfies Told))
}
