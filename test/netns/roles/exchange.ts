import dgram from 'node:dgram'
import { isIPv6 } from 'node:net'
import { setTimeout } from 'node:timers/promises'

export interface ExchangeOptions {
  address: string
  port: number
  /** Payload in bytes, 4 or more. */
  size: number
  /** Datagrams to send, all at once. */
  count: number
}

export interface Exchanged {
  /** Numbers of the datagrams that came back, in the order in which they came. */
  echoed: number[]
  /** Those of them that were not what was sent. */
  harmed: number[]
}

const PATIENCE_MS = 10_000

/** Datagram `number`: the number itself, then octets that follow from it. */
function make(number: number, size: number): Buffer {
  const payload = Buffer.alloc(size, number & 0xff)
  payload.writeUInt32BE(number)
  return payload
}

/** Sends datagrams to an echo server and looks at what comes back. */
export async function exchange({ address, port, size, count }: ExchangeOptions): Promise<Exchanged> {
  const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  const echoed: number[] = []
  const harmed: number[] = []
  socket.on('message', (message) => {
    const number = message.readUInt32BE(0)
    echoed.push(number)
    if (!message.equals(make(number, size))) harmed.push(number)
  })
  for (let i = 0; i < count; i++) socket.send(make(i, size), port, address)
  const deadline = Date.now() + PATIENCE_MS
  while (echoed.length < count && Date.now() < deadline) await setTimeout(10)
  socket.close()
  return { echoed, harmed }
}
