import { setTimeout } from 'node:timers/promises'
import { PktInfoSocket, type SocketOptions } from 'udp-dsr'

export interface FloodOptions {
  type: 'udp4' | 'udp6'
  address: string
  port: number
  /** Payload in bytes; the first four are the datagram's number. */
  size: number
  /** Datagrams sent at once, in one tick; and a second time that many while the queue is not empty yet. */
  burst: number
  options: Partial<SocketOptions>
}

export interface FloodReport {
  /** Numbers of the datagrams that the kernel took, in the order of their callbacks. */
  taken: number[]
  /** Numbers of the datagrams that failed, with the error's code. */
  failed: { number: number; code: string }[]
  /** What lay in the queue after each burst. */
  queued: { datagrams: number; bytes: number }[]
  /** Whether the queue still held something when the second burst began. */
  overlapped: boolean
  /** Milliseconds until the last callback was called. */
  took: number
  stats: ReturnType<PktInfoSocket['stats']>
}

/** Sends more than the kernel has room for, and reports what became of every datagram. */
export async function flood({ type, address, port, size, burst, options }: FloodOptions): Promise<FloodReport> {
  await using socket = await PktInfoSocket.bind({ ...options, type })
  const taken: number[] = []
  const failed: FloodReport['failed'] = []
  const queued: FloodReport['queued'] = []
  let number = 0
  const start = Date.now()
  const sendBurst = async () => {
    for (let i = 0; i < burst; i++) {
      const mine = number++
      const payload = Buffer.alloc(size)
      payload.writeUInt32BE(mine)
      socket.send(payload, port, address, (error) => {
        if (error === null) taken.push(mine)
        else failed.push({ number: mine, code: (error as NodeJS.ErrnoException).code! })
      })
    }
    // Behind the flush at the end of this tick, and before the event loop finds room again.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    queued.push({ datagrams: socket.getSendQueueCount(), bytes: socket.getSendQueueSize() })
  }
  await sendBurst()
  // Let some of the queue drain, so that new datagrams find room behind what waits still.
  const half = queued[0]!.datagrams / 2
  while (socket.getSendQueueCount() > half) await setTimeout(5)
  const overlapped = socket.getSendQueueCount() > 0
  await sendBurst()
  while (taken.length + failed.length < number) await setTimeout(5)
  const took = Date.now() - start
  await setTimeout(100) // for callbacks that are called twice
  return { taken, failed, queued, overlapped, took, stats: socket.stats() }
}
