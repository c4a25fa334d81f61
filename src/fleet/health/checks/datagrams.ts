import { isIPv6 } from 'node:net'
import { PktInfoSocket } from '../../../socket/index.js'
import { type Asked, bad, GOOD, type Outcome } from '../check.js'

/** What a datagram is that a check sends, and how the reply to it is known. */
export interface Question {
  port: number
  datagram: Uint8Array
  /** Whether it is the reply; a text: it is, and not as it should be. */
  accepts(reply: Uint8Array): boolean | string
}

interface Pending {
  question: Question
  done(outcome: Outcome): void
}

/** Bytes: many backends may answer at once. */
const BUFFER = 1 << 20

/**
 * Asks backends by datagrams, all of them from one socket of each family. A reply counts when it comes from the address and the port
 * that were asked, and is to the question; an ICMP error from where it was sent is a failure at once.
 */
export class Datagrams {
  readonly #sockets = new Map<'udp4' | 'udp6', Promise<PktInfoSocket>>()
  readonly #pending = new Map<string, Set<Pending>>()
  readonly #unreachable: (address: string) => void

  /** @param unreachable hears of backends that ICMP says cannot be reached, also when nobody asked */
  constructor(unreachable: (address: string) => void = () => {}) {
    this.#unreachable = unreachable
  }

  async ask({ address, signal }: Asked, question: Question): Promise<Outcome> {
    const family = isIPv6(address) ? 'udp6' : 'udp4'
    let socket: PktInfoSocket
    try {
      socket = await this.#socket(family)
    } catch (error) {
      this.#sockets.delete(family)
      return bad(`no socket: ${(error as Error).message}`)
    }
    if (signal.aborted) return bad('it was not asked')
    const key = keyOf(address, question.port)
    const pending = this.#pending.get(key) ?? new Set()
    this.#pending.set(key, pending)
    return new Promise<Outcome>((resolve) => {
      const one: Pending = {
        question,
        done: (outcome) => {
          pending.delete(one)
          if (pending.size === 0) this.#pending.delete(key)
          signal.removeEventListener('abort', late)
          resolve(outcome)
        },
      }
      const late = () => one.done(bad('no reply'))
      pending.add(one)
      signal.addEventListener('abort', late, { once: true })
      socket.send(question.datagram, question.port, address, (error) => {
        if (error) one.done(bad(`not sent: ${error.message}`))
      })
    })
  }

  async close(): Promise<void> {
    const sockets = await Promise.allSettled(this.#sockets.values())
    this.#sockets.clear()
    for (const result of sockets) {
      if (result.status === 'fulfilled') await new Promise<void>((closed) => result.value.close(closed))
    }
  }

  #socket(type: 'udp4' | 'udp6'): Promise<PktInfoSocket> {
    const known = this.#sockets.get(type)
    if (known !== undefined) return known
    const opening = this.#open(type)
    this.#sockets.set(type, opening)
    return opening
  }

  async #open(type: 'udp4' | 'udp6'): Promise<PktInfoSocket> {
    const ipv6Only = type === 'udp6' ? { ipv6Only: true } : {}
    const socket = await PktInfoSocket.bind({ type, receiveErrors: true, recvBufferSize: BUFFER, ...ipv6Only })
    socket.on('batch', (batch) => {
      for (let i = 0; i < batch.length; i++) {
        const { address, port } = batch.peer(i)
        this.#take(keyOf(address, port), batch.payload(i))
      }
    })
    socket.on('peerError', ({ address, port, code }) => {
      this.#unreachable(address)
      for (const one of [...(this.#pending.get(keyOf(address, port)) ?? [])]) one.done(bad(code))
    })
    socket.on('error', () => {})
    return socket
  }

  #take(key: string, reply: Uint8Array): void {
    for (const one of [...(this.#pending.get(key) ?? [])]) {
      const answer = one.question.accepts(reply)
      if (answer === false) continue
      one.done(answer === true ? GOOD : bad(answer))
    }
  }
}

function keyOf(address: string, port: number): string {
  // One text for each address of IPv6, however it was written.
  const one = isIPv6(address) ? new URL(`http://[${address.replace(/%.*/, '')}]`).hostname : address
  return `${one} ${port}`
}
