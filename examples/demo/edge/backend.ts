// A backend of the demo: a server that is bound to the wildcard address.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { PktInfoSocket } from 'udp-dsr'
import { play } from '../../netns/actor.js'

export type ServerKind = 'PktInfoSocket' | 'node:dgram'

const part = {
  /** Answers each datagram with the server's name. */
  async serve(kind: ServerKind, name: string, ports: number[]): Promise<void> {
    for (const port of ports) {
      if (kind === 'PktInfoSocket') {
        const socket = await PktInfoSocket.bind({ type: 'udp6', port })
        socket.on('message', (_, rinfo) => socket.reply(name, rinfo))
      } else {
        const socket = createSocket('udp6')
        socket.on('message', (_, { port, address }) => socket.send(name, port, address))
        await once(socket.bind(port), 'listening')
      }
    }
  },

  /** The same where the edge sends a PROXY header: `trusted` are its addresses. */
  async serveProxied(name: string, port: number, trusted: string[]): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp6', port, proxyProtocol: { trusted, reply: 'direct' } })
    socket.on('message', (_, rinfo) => socket.reply(name, rinfo))
  },
}

export type BackendPart = typeof part
play(part)
