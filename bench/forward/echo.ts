// Both ends of the echo: a client that keeps so many questions under way, and a server that answers each from where it was asked.

import { setTimeout as sleep } from 'node:timers/promises'
import { play } from '../../examples/netns/actor.js'
import { PktInfoSocket } from '../../src/index.js'

/** Questions that are under way at once. */
const WINDOW = 256
const PAYLOAD = 64
/** What did not come back for so many milliseconds of silence is given up. */
const PATIENCE_MS = 200

const part = {
  async answer(port: number): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp4', port, recvBufferSize: 4 << 20 })
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) batch.reply(i, batch.payload(i))
    })
  },

  /** Asks until so many answers came, and tells how many did not, and how many came from elsewhere than the VIP. */
  async ask(vip: string, port: number, answers: number): Promise<{ rate: number; lost: number; foreign: number }> {
    const socket = await PktInfoSocket.bind({ type: 'udp4', recvBufferSize: 4 << 20 })
    const question = Buffer.alloc(PAYLOAD, 'who are you?')
    let sent = 0
    let received = 0
    let foreign = 0
    let given = 0
    const fill = () => {
      for (; sent - given - received < WINDOW; sent++) socket.send(question, port, vip)
    }
    const start = process.hrtime.bigint()
    let heard = start
    await new Promise<void>((resolve) => {
      socket.on('batch', (batch) => {
        heard = process.hrtime.bigint()
        received += batch.length
        for (let i = 0; i < batch.length; i++) if (batch.peer(i).address !== vip) foreign++
        if (received >= answers) resolve()
        else fill()
      })
      const timer = setInterval(() => {
        if (received >= answers) clearInterval(timer)
        else if (Number(process.hrtime.bigint() - heard) > PATIENCE_MS * 1e6) {
          given = sent - received
          fill()
        }
      }, PATIENCE_MS)
      fill()
    })
    const rate = received / (Number(heard - start) / 1e9)
    // What is still under way.
    while (received < sent && Number(process.hrtime.bigint() - heard) < PATIENCE_MS * 1e6) await sleep(PATIENCE_MS / 4)
    await new Promise<void>((resolve) => socket.close(resolve))
    return { rate, lost: sent - received, foreign }
  },
}

export type EchoPart = typeof part
play(part)
