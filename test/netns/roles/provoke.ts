import { setTimeout } from 'node:timers/promises'
import { type PeerError, PktInfoSocket } from 'udp-dsr'

export interface ProvokeOptions {
  type: 'udp4' | 'udp6'
  /** Where the datagrams go that come back as ICMP errors. */
  address: string
  port: number
  /** Payload in bytes. */
  size: number
  /** An echo server that works, to show that the socket still does. */
  sane: { address: string; port: number }
}

export interface Provoked {
  peerErrors: PeerError[]
  /** Codes of `'error'` and `'sendError'` events, of which none should come. */
  others: string[]
  /** Datagrams that the working server answered, of `SANE`. */
  answered: number
}

/** Datagrams after the first; every fourth goes to the address in question. */
const CHAIN = 40
export const SANE = 30
const PATIENCE_MS = 3000

/** Sends datagrams that provoke ICMP errors and, in between, some to a server that works. */
export async function provoke({ type, address, port, size, sane }: ProvokeOptions): Promise<Provoked> {
  await using socket = await PktInfoSocket.bind({ type, receiveErrors: true })
  const peerErrors: PeerError[] = []
  const others: string[] = []
  let answered = 0
  socket.on('peerError', (error) => peerErrors.push(error))
  socket.on('error', (error) => others.push(`error ${(error as NodeJS.ErrnoException).code}`))
  socket.on('sendError', (error) => others.push(`sendError ${(error as NodeJS.ErrnoException).code}`))
  socket.on('message', () => answered++)

  // Sent from callback to callback, before the event loop gets to look for errors: the socket's pending error, which
  // the kernel returns from the next call whatever that is about, must not be taken for the next datagram's.
  const next = (left: number) => {
    const done = () => {
      if (left > 0) next(left - 1)
    }
    if (left % 4 === 0) socket.send(Buffer.alloc(size), port, address, done)
    else socket.send('?', sane.port, sane.address, done)
  }
  next(CHAIN)
  const deadline = Date.now() + PATIENCE_MS
  while ((peerErrors.length === 0 || answered < SANE) && Date.now() < deadline) await setTimeout(10)
  await setTimeout(50)
  return { peerErrors, others, answered }
}
