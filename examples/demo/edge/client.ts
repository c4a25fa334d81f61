// The demo's client, in a namespace of its own. It takes an answer only from the address that it asked, as every NAT does.

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { play } from '../../netns/actor.js'

/** How long an answer is waited for. On this network it takes a fraction of a millisecond. */
const PATIENCE_MS = 300

/** One flow each: their local ports stay, and so the edge knows them again. */
const flows: { socket: Socket; heard: string | undefined }[] = []

const part = {
  /** Opens flows to ports of a VIP, in addition to those that are open. Returns where they come from. */
  async open(vip: string, ports: number[]): Promise<{ address: string; port: number }[]> {
    const ends: { address: string; port: number }[] = []
    for (const port of ports) {
      const socket = createSocket(isIPv6(vip) ? 'udp6' : 'udp4')
      const flow = { socket, heard: undefined as string | undefined }
      socket.on('message', (answer) => {
        flow.heard = answer.toString()
      })
      socket.on('error', () => {}) // a host that refuses is one that does not answer
      socket.connect(port, vip)
      await once(socket, 'connect')
      flows.push(flow)
      const { address, port: own } = socket.address()
      ends.push({ address, port: own })
    }
    return ends
  },

  /** Asks on every flow, with so many bytes if need be; returns who answered each, null where nobody did. */
  async ask(size = 0): Promise<(string | null)[]> {
    for (const flow of flows) {
      flow.heard = undefined
      flow.socket.send('who are you?'.padEnd(size))
    }
    const until = Date.now() + PATIENCE_MS
    while (Date.now() < until && flows.some(({ heard }) => heard === undefined)) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return flows.map(({ heard }) => heard ?? null)
  },

  /** Asks an address from a port of one's own, which is free again afterwards. */
  async askFrom(own: number, address: string, port: number): Promise<string | null> {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    socket.bind(own)
    await once(socket, 'listening')
    socket.connect(port, address)
    await once(socket, 'connect')
    socket.send('who are you?')
    try {
      const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
      return answer.toString()
    } catch {
      return null
    } finally {
      socket.close()
    }
  },

  /** Asks from a port, and closes it before the answer can come. */
  async askAndLeave(own: number, address: string, port: number): Promise<void> {
    const socket = createSocket('udp4')
    socket.bind(own)
    await once(socket, 'listening')
    await new Promise((resolve) => socket.send('who are you?', port, address, resolve))
    socket.close()
  },

  /** Asks once, and counts the answers. */
  async countAnswers(address: string, port: number): Promise<number> {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    socket.connect(port, address)
    await once(socket, 'connect')
    let answers = 0
    socket.on('message', () => answers++)
    socket.send('who are you?')
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))
    socket.close()
    return answers
  },

  /** Asks with datagrams of these sizes, one after the other; tells which were answered. */
  async sizes(address: string, port: number, sizes: number[]): Promise<boolean[]> {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
    socket.connect(port, address)
    await once(socket, 'connect')
    socket.on('error', () => {}) // what the kernel refuses is not answered
    const outcomes: boolean[] = []
    for (const size of sizes) {
      const answered = once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
      socket.send(Buffer.alloc(size, 'who are you?'))
      outcomes.push(
        await answered.then(
          () => true,
          () => false,
        ),
      )
    }
    socket.close()
    return outcomes
  },

  /** Asks on every flow again and again for so many milliseconds; counts what came back. */
  async flood(milliseconds: number): Promise<{ sent: number; answered: number }> {
    let sent = 0
    let answered = 0
    const count = () => {
      answered++
    }
    for (const { socket } of flows) socket.on('message', count)
    for (const until = Date.now() + milliseconds; Date.now() < until; ) {
      for (const { socket } of flows) socket.send('who are you?')
      sent += flows.length
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    for (const until = Date.now() + PATIENCE_MS; Date.now() < until && answered < sent; ) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    for (const { socket } of flows) socket.off('message', count)
    return { sent, answered }
  },

  close(): void {
    for (const { socket } of flows.splice(0)) socket.close()
  },
}

export type ClientPart = typeof part
play(part)
