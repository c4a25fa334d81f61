// A server that makes itself known, answers with its name, and stops as a server should.
import { play } from '../../../examples/netns/actor.js'
import { type Registration, register } from '../../../src/discovery/index.js'
import { PktInfoSocket } from '../../../src/index.js'

let socket: PktInfoSocket | undefined
let registration: Registration | undefined

const part = {
  async serve(name: string, port: number): Promise<void> {
    // Room for what comes while other processes have the processor.
    socket = await PktInfoSocket.bind({ type: 'udp6', port, recvBufferSize: 4 << 20 })
    socket.on('message', (_, rinfo) => socket!.reply(name, rinfo))
  },
  async register(options: Parameters<typeof register>[0]): Promise<void> {
    registration = await register(options)
  },
  state(): string {
    return registration!.state
  },
  async drain(): Promise<void> {
    await registration!.drain()
  },
  async stop(): Promise<void> {
    await registration?.close()
    await new Promise<void>((closed) => socket!.close(closed))
  },
}

export type ServerPart = typeof part
play(part)
