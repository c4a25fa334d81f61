// A client with many flows, which asks each of them again and again, and sees who answers.
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { play } from '../../examples/netns/actor.js'

/** Milliseconds between two rounds of questions. */
const ROUND_MS = 2
const now = () => performance.timeOrigin + performance.now()

const sockets: Socket[] = []
const last: string[] = []
let heard: (name: string) => void = () => {}

/** Asks until `done` says so. */
async function ask(done: () => boolean, limit: number): Promise<void> {
  for (const until = now() + limit; !done(); ) {
    if (now() > until) throw new Error(`nobody was heard for ${limit} ms`)
    for (const socket of sockets) socket.send('?')
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS))
  }
}

const part = {
  async open(vip: string, port: number, flows: number): Promise<void> {
    for (let i = 0; i < flows; i++) {
      const socket = createSocket('udp4')
      socket.on('message', (answer) => {
        last[i] = answer.toString()
        heard(last[i]!)
      })
      socket.on('error', () => {})
      socket.connect(port, vip)
      await once(socket, 'connect')
      sockets.push(socket)
    }
  },
  /** Asks until somebody answers for the first time. @returns when */
  async first(name: string, limit: number): Promise<number> {
    let at = 0
    heard = (one) => {
      if (one === name && at === 0) at = now()
    }
    await ask(() => at !== 0, limit)
    heard = () => {}
    return at
  },
  /** Asks until it is one alone that answers. */
  async until(name: string, limit: number): Promise<void> {
    last.fill('')
    await ask(() => last.length === sockets.length && last.every((one) => one === name), limit)
  },
}

export type WatcherPart = typeof part
play(part)
