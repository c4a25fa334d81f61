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
  /** Opens flows to the same or different ports of a VIP, in addition to those that are open. */
  async open(vip: string, ports: number[]): Promise<void> {
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
    }
  },

  /** Asks on every flow; returns who answered each, null where nobody did. */
  async ask(): Promise<(string | null)[]> {
    for (const flow of flows) {
      flow.heard = undefined
      flow.socket.send('who are you?')
    }
    const until = Date.now() + PATIENCE_MS
    while (Date.now() < until && flows.some(({ heard }) => heard === undefined)) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return flows.map(({ heard }) => heard ?? null)
  },

  close(): void {
    for (const { socket } of flows.splice(0)) socket.close()
  },
}

export type ClientPart = typeof part
play(part)
