import dgram from 'node:dgram'
import { once } from 'node:events'

const BUFFER_BYTES = 4 * 1024 * 1024

let socket: dgram.Socket | undefined
let sequence: number[] = []

/** Starts to collect the first four bytes of each datagram, a big-endian number; returns the port. */
export async function collect(type: 'udp4' | 'udp6'): Promise<number> {
  sequence = []
  socket = dgram.createSocket({ type, recvBufferSize: BUFFER_BYTES })
  socket.on('message', (message) => sequence.push(message.readUInt32BE(0)))
  socket.bind()
  await once(socket, 'listening')
  return socket.address().port
}

/** Waits for `count` datagrams, and then a little for any that should not have come; returns all in order of arrival. */
export async function collected(count: number, patience: number): Promise<number[]> {
  const deadline = Date.now() + patience
  while (sequence.length < count && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
  await new Promise((resolve) => setTimeout(resolve, 200))
  socket?.close()
  socket = undefined
  return sequence
}
