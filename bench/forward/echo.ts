// Both ends of the echo: a client that keeps so many questions under way, and a server that answers each from where it was asked.

import { play } from '../../examples/netns/actor.js'
import { PktInfoSocket } from '../../src/index.js'

/** Questions that are under way at once. */
const WINDOW = 256
const PAYLOAD = 64
/** A window of which nothing came back for so many milliseconds is lost. */
const PATIENCE_MS = 200

const part = {
  async answer(port: number): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp4', port, recvBufferSize: 4 << 20 })
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
    })
  },

  /** Asks until so many answers came, and all from the VIP. */
  async ask(vip: string, port: number, answers: number): Promise<{ rate: number; lost: number; foreign: number }> {
    const socket = await PktInfoSocket.bind({ type: 'udp4', recvBufferSize: 4 << 20 })
    const question = Buffer.alloc(PAYLOAD, 'who are you?')
    const send = (count: number) => {
      for (let i = 0; i < count; i++) socket.send(question, port, vip)
    }
    let received = 0
    let foreign = 0
    let lost = 0
    let heard = process.hrtime.bigint()
    const start = heard
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      timer = setInterval(() => {
        if (Number(process.hrtime.bigint() - heard) < PATIENCE_MS * 1e6) return
        lost += WINDOW
        heard = process.hrtime.bigint()
        send(WINDOW)
      }, PATIENCE_MS)
      socket.on('batch', (batch) => {
        heard = process.hrtime.bigint()
        received += batch.length
        for (let i = 0; i < batch.length; i++) if (batch.peer(i).address !== vip) foreign++
        if (received >= answers) resolve()
        else send(batch.length)
      })
      send(WINDOW)
    })
    clearInterval(timer)
    const seconds = Number(heard - start) / 1e9
    await new Promise<void>((resolve) => socket.close(resolve))
    return { rate: received / seconds, lost, foreign }
  },
}

export type EchoPart = typeof part
play(part)
