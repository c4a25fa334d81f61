// A backend of the demo: a server that is bound to the wildcard address.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { PktInfoSocket } from 'udp-dsr'
import {
  Backend,
  type BackendOptions,
  type BackendStats,
  SourceRewrite,
  type SourceRewriteConfig,
  type SourceRewriteOptions,
  type SourceRewriteStats,
} from 'udp-dsr/forwarder'
import { play } from '../../netns/actor.js'
import { answerQuery } from '../dns.js'

export type ServerKind = 'PktInfoSocket' | 'node:dgram'

let rewrite: SourceRewrite | undefined
let backend: Backend | undefined
const refused: string[] = []

const part = {
  /** Answers each datagram with the server's name. A long question asks for an answer as long. */
  async serve(kind: ServerKind, name: string, ports: number[]): Promise<void> {
    const answer = ({ length }: Buffer) => name.padEnd(length > 1000 ? length : 0)
    for (const port of ports) {
      if (kind === 'PktInfoSocket') {
        const socket = await PktInfoSocket.bind({ type: 'udp6', port })
        socket.on('message', (question, rinfo) => socket.reply(answer(question), rinfo))
      } else {
        const socket = createSocket('udp6')
        socket.on('message', (question, { port, address }) => socket.send(answer(question), port, address))
        await once(socket.bind(port), 'listening')
      }
    }
  },

  /** The same where the edge sends a PROXY header: `trusted` are its addresses. */
  async serveProxied(name: string, port: number, trusted: string[]): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp6', port, proxyProtocol: { trusted, reply: 'direct' } })
    socket.on('message', (_, rinfo) => socket.reply(name, rinfo))
  },

  /** Answers eight times at once, which leaves as one packet that the kernel cuts (UDP_SEGMENT): from the VIP, or without a word of the source. */
  async serveSegments(port: number, { reply = false } = {}): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp6', port, gso: true })
    socket.on('message', (_, rinfo) => {
      for (let i = 0; i < 8; i++) {
        const answer = Buffer.alloc(1000, i)
        if (reply) socket.reply(answer, rinfo)
        else socket.send(answer, rinfo.port, rinfo.address)
      }
    })
  },

  /** Answers DNS queries with its name, and the address that was asked. */
  async serveDns(name: string, port: number): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp6', port })
    socket.on('message', (query, rinfo) => {
      const asked = rinfo.local.address.replace('::ffff:', '')
      const answer = answerQuery(query, `${name} was asked at ${asked}`, asked)
      if (answer !== undefined) socket.reply(answer, rinfo)
    })
  },

  /** Answers late, when the client may have gone, and keeps what ICMP says of that. */
  async serveWatchful(name: string, port: number): Promise<void> {
    const socket = await PktInfoSocket.bind({ type: 'udp4', port, receiveErrors: true })
    socket.on('message', (_, rinfo) => setTimeout(() => socket.reply(name, rinfo), 50))
    socket.on('peerError', ({ address, port: gone }) => refused.push(`${address}:${gone}`))
  },

  /** Clients that were gone. */
  refusals(): string[] {
    return refused
  },

  /** Takes packets out of an edge's tunnels. */
  async decapsulate(options: BackendOptions): Promise<string> {
    backend = await Backend.attach(options)
    return backend.mode
  },

  async stopDecapsulating(): Promise<void> {
    await backend!.detach()
  },

  async closeDecapsulating(): Promise<void> {
    await backend!.close()
  },

  decapsulated(): BackendStats {
    return backend!.stats()
  },

  /** Gives replies of programs that cannot change the right source. */
  async rewrite(options: SourceRewriteOptions): Promise<string> {
    rewrite = await SourceRewrite.attach(options)
    return rewrite.hook
  },

  /** Changes VIPs and rules. */
  async changeRewriting(config: SourceRewriteConfig): Promise<void> {
    await rewrite!.apply(config)
  },

  pid(): number {
    return process.pid
  },

  rewritten(): SourceRewriteStats {
    return rewrite!.stats()
  },

  async stopRewriting(): Promise<void> {
    await rewrite!.detach()
  },
}

export type BackendPart = typeof part
play(part)
