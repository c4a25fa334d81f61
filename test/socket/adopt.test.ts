import { PktInfoSocket } from 'udp-dsr'
import { describe, expect, it, onTestFinished } from 'vitest'
import { thread } from '../../src/internal/thread.js'
import { writeEnds } from '../../src/ports/egress/ends.js'
import { bind, portOf, receive } from './kit.js'

/** A descriptor of a socket that is bound and connected. */
function connectedDescriptor(version: 4 | 6, address: string, port: number): number {
  writeEnds({ version, localAddress: address, localPort: 0, address, port })
  return thread().addon.egress.openUdp(version, 0, 0)
}

describe('bind with a descriptor that is connected', () => {
  it.each([
    ['udp4', '127.0.0.1', 4],
    ['udp6', '::1', 6],
  ] as const)('keeps the peer: %s', async (type, address, version) => {
    const peer = await bind({ type, address })
    peer.on('message', (msg, rinfo) => peer.reply(msg, rinfo))
    const socket = new PktInfoSocket({ type, recvBufferSize: 100_000 })
    onTestFinished(() => socket[Symbol.asyncDispose]())
    socket.bind({ fd: connectedDescriptor(version, address, portOf(peer)) })
    expect(socket.remoteAddress()).toMatchObject({ address, port: portOf(peer) })
    expect(socket.getRecvBufferSize()).toBe(200_000)
    const answer = receive(socket)
    socket.send('hello')
    expect(String((await answer)[0]?.msg)).toBe('hello')
    socket.disconnect()
    expect(() => socket.remoteAddress()).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_DGRAM_NOT_CONNECTED' }))
  })
})
