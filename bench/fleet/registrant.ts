// A backend that comes and goes. Times are those of the host's clock, which all namespaces share.
import { performance } from 'node:perf_hooks'
import { play } from '../../examples/netns/actor.js'
import { type Registration, register } from '../../src/discovery/index.js'
import { PktInfoSocket } from '../../src/index.js'

let registration: Registration | undefined
const now = () => performance.timeOrigin + performance.now()

const part = {
  async serve(name: string, port: number): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp4', port })
    socket.on('message', (_, rinfo) => socket.reply(name, rinfo))
  },
  /** @returns when it was called */
  async register(options: Parameters<typeof register>[0]): Promise<number> {
    const began = now()
    registration = await register(options)
    return began
  },
  async leave(): Promise<void> {
    await registration!.close()
  },
}

export type RegistrantPart = typeof part
play(part)
