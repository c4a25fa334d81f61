import dgram from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type OpenOptions, PktInfoSocket, type RemoteInfo } from 'udp-dsr'
import { onTestFinished } from 'vitest'

/** Addresses of the loopback network, each of which stands for a VIP. */
export const VIPS_V4 = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `127.0.0.${n}`)
export const VIPS_V6 = ['::1']

/** Index of the loopback interface. */
export const LO = Number(readFileSync('/sys/class/net/lo/ifindex', 'utf8'))

/** A socket of ours that is closed with the test. */
export async function bind(options: OpenOptions): Promise<PktInfoSocket> {
  const socket = await PktInfoSocket.bind(options)
  onTestFinished(() => socket[Symbol.asyncDispose]())
  return socket
}

export function portOf(socket: { address(): { port: number } }): number {
  return socket.address().port
}

/** A plain socket of dgram, closed with the test. It has as much room as the kernel grants, so that nothing is lost. */
export async function client(type: dgram.SocketType = 'udp4', address?: string): Promise<dgram.Socket> {
  const socket = dgram.createSocket({ type, recvBufferSize: 1 << 20 })
  onTestFinished(() => socket[Symbol.asyncDispose]())
  socket.bind(0, address ?? (type === 'udp6' ? '::' : '0.0.0.0'))
  await once(socket, 'listening')
  return socket
}

/** Sends a question and waits for the answer: its text, and where it came from. */
export async function ask(
  from: dgram.Socket,
  address: string,
  port: number,
  question: string | Buffer = 'hello',
): Promise<{ text: string; address: string; port: number }> {
  const answer = once(from, 'message') as Promise<[Buffer, dgram.RemoteInfo]>
  from.send(question, port, address)
  const [msg, rinfo] = await answer
  return { text: String(msg), address: rinfo.address, port: rinfo.port }
}

/** Waits for `count` datagrams. */
export async function receive(socket: PktInfoSocket, count = 1): Promise<{ msg: Buffer; rinfo: RemoteInfo }[]> {
  const received: { msg: Buffer; rinfo: RemoteInfo }[] = []
  return new Promise((resolve) => {
    const onMessage = (msg: Buffer, rinfo: RemoteInfo) => {
      received.push({ msg, rinfo })
      if (received.length < count) return
      socket.off('message', onMessage)
      resolve(received)
    }
    socket.on('message', onMessage)
  })
}

/** A dgram socket connected to a port: each of its sends is in the receiver's buffer when `send` returns. */
export async function connectedClient(port: number, address = '127.0.0.1'): Promise<dgram.Socket> {
  const socket = await client(address.includes(':') ? 'udp6' : 'udp4')
  socket.connect(port, address)
  await once(socket, 'connect')
  return socket
}

/** `send` of ours as a promise of its callback. */
export function sent(send: (callback: (error: Error | null, bytes: number) => void) => void): Promise<number> {
  return new Promise((resolve, reject) => send((error, bytes) => (error ? reject(error) : resolve(bytes))))
}
