// A backend of the demo: a server, and what makes its replies leave from the VIP. It is bound to the wildcard address.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { PktInfoSocket } from 'udp-dsr'
import { Backend, SourceRewrite } from 'udp-dsr/forwarder'
import { play } from '../../netns/actor.js'

export type ServerKind = 'PktInfoSocket' | 'node:dgram'

const part = {
  /** Takes packets out of the edge's tunnel: without it nothing arrives. */
  async decapsulate(edge: string): Promise<void> {
    await Backend.attach({ interface: 'eth0', edges: [edge] })
  },

  /** Answers each datagram with the server's name. */
  async serve(kind: ServerKind, name: string, ports: number[]): Promise<void> {
    for (const port of ports) {
      if (kind === 'PktInfoSocket') {
        const socket = await PktInfoSocket.bind({ type: 'udp4', port })
        socket.on('message', (_, rinfo) => socket.reply(name, rinfo))
      } else {
        const socket = createSocket('udp4')
        socket.on('message', (_, { port, address }) => socket.send(name, port, address))
        await once(socket.bind(port), 'listening')
      }
    }
  },

  /** Gives replies of programs that cannot change the right source. */
  async rewrite(vips: string[]): Promise<void> {
    await SourceRewrite.attach({ interface: 'eth0', vips })
  },
}

export type BackendPart = typeof part
play(part)
