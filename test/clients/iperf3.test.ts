// iperf3 -u: its UDP socket is connected, so without an answer from the address that it asked it never begins.

import type dgram from 'node:dgram'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import type { PktInfoSocket, RemoteInfo } from 'udp-dsr'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { iperf3Server, UDP_CONNECT_MESSAGE, UDP_CONNECT_REPLY } from './iperf3-server.js'
import { run, whyMissing } from './programs.js'
import { ADDRESSES, bind, bindDgram } from './servers.js'

const PACKETS = 200
const BYTES = 1000

beforeEach((context) => {
  const missing = whyMissing('iperf3')
  if (missing) context.skip(missing)
})

let close = () => {}
afterEach(() => close())

/** Serves one iperf3 client; `answer` sends a datagram back to where another came from. */
async function serve<Socket extends PktInfoSocket | dgram.Socket, Rinfo>(
  open: () => Promise<Socket>,
  answerBy: (socket: Socket) => (message: Uint8Array, rinfo: Rinfo) => void,
): Promise<{ port: number; socket: Socket }> {
  const socket = await open()
  const { port } = socket.address()
  const server = iperf3Server()
  try {
    server.control.listen(port)
    await once(server.control, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    // Free for UDP, and somebody's for TCP.
    socket.close()
    return serve(open, answerBy)
  }
  const answer = answerBy(socket)
  let peer: Rinfo | undefined
  ;(socket as PktInfoSocket).on('message', (message: Buffer, rinfo: unknown) => {
    if (message.equals(UDP_CONNECT_MESSAGE)) {
      peer = rinfo as Rinfo
      answer(UDP_CONNECT_REPLY, peer)
      server.connected()
    } else {
      server.received.packets++
      server.received.bytes += message.length
    }
  })
  server.onRunning = async ({ reverse, len }, ended) => {
    if (!reverse) return
    for (let i = 1; !ended.aborted; i++) {
      answer(packet(i, len), peer!)
      if (i % 10 === 0) await setTimeout(4) // 20 Mbit/s, as the client was told to ask for
    }
  }
  close = () => {
    socket.close()
    server.control.close()
  }
  return { port, socket }
}

/** A datagram of iperf3: seconds, microseconds, number (32 bits each, iperf_udp.c), and nothing else. */
function packet(number: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32BE(Math.floor(Date.now() / 1000), 0)
  bytes.writeUInt32BE((Date.now() % 1000) * 1000, 4)
  bytes.writeUInt32BE(number, 8)
  return bytes
}

const iperf3 = async (address: string, port: number, ...more: string[]) => {
  const what = ['-u', '-b', '20M', '-l', `${BYTES}`, '-k', `${PACKETS}`, '--json']
  const { code, stdout } = await run('iperf3', ['-c', address, '-p', `${port}`, ...what, ...more], '', 3000)
  return { code, end: stdout === '' ? undefined : JSON.parse(stdout).end }
}

const replying = (socket: PktInfoSocket) => (message: Uint8Array, rinfo: RemoteInfo) => socket.reply(message, rinfo)

describe.each(ADDRESSES)('iperf3 -u -c %s', (address) => {
  test('sends to udp-dsr', async () => {
    const { port, socket } = await serve(bind, replying)
    const { code, end } = await iperf3(address, port)
    expect(code).toBe(0)
    expect(end.sum).toMatchObject({ lost_packets: 0, packets: PACKETS })
    expect(socket.stats().received).toBe(PACKETS + 1)
  })

  test('receives from udp-dsr (-R)', async () => {
    const { port } = await serve(bind, replying)
    const { code, end } = await iperf3(address, port, '-R')
    expect(code).toBe(0)
    // Some may be lost to the client's own buffer while it gets going.
    expect(end.sum.packets - end.sum.lost_packets).toBeGreaterThanOrEqual(PACKETS)
  })
})

test('iperf3 -u hangs when node:dgram answers from another address', async () => {
  const { port } = await serve(
    bindDgram,
    (socket) =>
      (m: Uint8Array, { port: to, address }: dgram.RemoteInfo) =>
        socket.send(m, to, address),
  )
  expect(await iperf3('127.0.0.1', port)).toMatchObject({ code: 0 })
  expect(await iperf3('127.0.0.2', port)).toEqual({ code: -1, end: undefined })
})
