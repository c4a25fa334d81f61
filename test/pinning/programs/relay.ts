import { onTestFinished } from 'vitest'
import { PktInfoSocket, type RemoteInfo } from '../../../src/index.js'

/** A datagram of a client that passed the relay. */
export interface Passed {
  clientPort: number
  /** Place in the list of backends; undefined when it was dropped. */
  backend: number | undefined
}

export interface Relay {
  port: number
  /** All datagrams from clients, in their order. */
  readonly passed: readonly Passed[]
}

export interface RelayOptions {
  /** Ports on 127.0.0.1. */
  backends: readonly number[]
  /** Place of the backend that a client's datagram goes to; undefined drops it. */
  choose(datagram: Buffer, client: RemoteInfo): number | undefined
  /** Sees what a backend sends to a client. */
  onReply?(datagram: Buffer, client: RemoteInfo, backend: number): void
}

/**
 * A small load balancer on 127.0.0.1: every client gets a socket of its own towards the backends, so they see another
 * address when the client moves, as they would without a relay. Closed with the test.
 */
export async function startRelay({ backends, choose, onReply }: RelayOptions): Promise<Relay> {
  const front = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
  const passed: Passed[] = []
  const backs = new Map<number, Promise<PktInfoSocket>>()
  onTestFinished(async () => {
    await front[Symbol.asyncDispose]()
    for (const back of backs.values()) await (await back)[Symbol.asyncDispose]()
  })

  const openBack = async (client: RemoteInfo): Promise<PktInfoSocket> => {
    const back = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
    back.on('message', (datagram, from) => {
      onReply?.(datagram, client, backends.indexOf(from.port))
      front.send(datagram, client.port, client.address)
    })
    return back
  }

  front.on('message', (datagram, client) => {
    const backend = choose(datagram, client)
    passed.push({ clientPort: client.port, backend })
    if (backend === undefined) return
    let back = backs.get(client.port)
    if (back === undefined) {
      back = openBack(client)
      backs.set(client.port, back)
    }
    const copy = Buffer.from(datagram)
    back.then((socket) => socket.send(copy, backends[backend]!, '127.0.0.1'))
  })
  return { port: front.address().port, passed }
}
