import { isIPv6 } from 'node:net'
import { type PeerError, PktInfoSocket } from '../../../socket/index.js'
import { type CheckOutcome, failed, GIVEN_UP, outcomeOf } from '../check.js'
import { afterArrivals, timeUp } from './deadline.js'

/** A datagram, and what is to be made of the answers to it. */
export interface Probe {
  address: string
  port: number
  payload: Uint8Array
  /** Milliseconds. */
  timeout: number
  signal: AbortSignal
  /** What a datagram from that address and port says; undefined when it is no answer to this one. */
  judge(answer: Uint8Array): CheckOutcome | undefined
}

interface Pending {
  probe: Probe
  /** When the timeout is over, by `performance.now()`. */
  deadline: number
  /** What seems to be wrong, and counts unless a good answer comes yet. */
  doubt: CheckOutcome | undefined
  cancelTimer: () => void
  settle: (outcome: CheckOutcome) => void
}

/**
 * Milliseconds in which a good answer outdoes bad news. ICMP errors and bad answers are easily forged by those who guess the
 * port, and come from the wrong one when a good answer is on its way.
 */
const GRACE = 100
/** Room for the answers that come while this process is busy; the kernel gives at most `net.core.rmem_max`. */
const RECEIVE_BUFFER = 1 << 20

/**
 * The sockets of all checks over UDP, one for each family: a descriptor and a port instead of thousands. Answers are told
 * apart by where they come from, and by what `judge` knows. They do not keep the process alive.
 */
export class ProbeSockets implements AsyncDisposable {
  readonly #sockets = new Map<'udp4' | 'udp6', Promise<PktInfoSocket>>()
  /** By address and port. Checks of several pools may ask the same program. */
  readonly #pending = new Map<string, Set<Pending>>()

  /** Sends, and waits for the answer. Never rejects. */
  async ask(probe: Probe): Promise<CheckOutcome> {
    let socket: PktInfoSocket
    try {
      socket = await this.#socket(isIPv6(probe.address) ? 'udp6' : 'udp4')
    } catch (error) {
      return outcomeOf(error as Error)
    }
    if (probe.signal.aborted) return GIVEN_UP
    return new Promise((resolve) => this.#send(socket, probe, resolve))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = await Promise.allSettled(this.#sockets.values())
    this.#sockets.clear()
    for (const opened of sockets) if (opened.status === 'fulfilled') await opened.value[Symbol.asyncDispose]()
  }

  #send(socket: PktInfoSocket, probe: Probe, resolve: (outcome: CheckOutcome) => void): void {
    const { address, port, payload, timeout, signal } = probe
    const key = keyOf(address, port)
    const others = this.#pending.get(key) ?? new Set()
    this.#pending.set(key, others)
    const settle = (outcome: CheckOutcome) => {
      if (!others.delete(pending)) return
      if (others.size === 0) this.#pending.delete(key)
      pending.cancelTimer()
      signal.removeEventListener('abort', giveUp)
      resolve(outcome)
    }
    const giveUp = () => settle(GIVEN_UP)
    const pending: Pending = {
      probe,
      deadline: performance.now() + timeout,
      doubt: undefined,
      cancelTimer: afterArrivals(timeout, (late) => settle(timeUp(timeout, late))),
      settle,
    }
    others.add(pending)
    signal.addEventListener('abort', giveUp)
    socket.send(payload, port, address, (error) => {
      if (error) settle(outcomeOf(error))
    })
  }

  #socket(type: 'udp4' | 'udp6'): Promise<PktInfoSocket> {
    const known = this.#sockets.get(type)
    if (known !== undefined) return known
    const opening = this.#open(type)
    this.#sockets.set(type, opening)
    opening.catch(() => this.#sockets.delete(type)) // the next check tries again
    return opening
  }

  async #open(type: 'udp4' | 'udp6'): Promise<PktInfoSocket> {
    const ipv6Only = type === 'udp6'
    // Nobody waits for an answer so much that a core should look for it (`busyPoll`).
    const options = { receiveErrors: true, recvBufferSize: RECEIVE_BUFFER, busyPoll: 0 }
    const socket = await PktInfoSocket.bind({ type, ipv6Only, ...options })
    socket.unref()
    socket.on('message', (answer, { address, port }) => this.#take(answer, keyOf(address, port)))
    socket.on('peerError', (error) => this.#takeError(error))
    // One that a send or receive reports; the check in question has its timeout.
    socket.on('error', () => {})
    return socket
  }

  #take(answer: Uint8Array, key: string): void {
    for (const pending of this.#pending.get(key) ?? []) {
      const outcome = pending.probe.judge(answer)
      if (outcome?.verdict === 'passed') pending.settle(outcome)
      else if (outcome !== undefined) doubt(pending, outcome)
    }
  }

  #takeError({ address, port, code, offender, origin }: PeerError): void {
    if (code === 'EMSGSIZE') return // the kernel knows the path's MTU now, and the next check fits
    for (const pending of this.#pending.get(keyOf(address, port)) ?? []) {
      const by = offender === undefined || offender === address ? '' : ` from ${offender}`
      if (origin === 'local') pending.settle(outcomeOf(Object.assign(new Error('sending failed'), { code })))
      else doubt(pending, failed(`${code} by ${origin.toUpperCase()}${by}`))
    }
  }
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`
}

/** Ends the check soon, unless a good answer comes before. */
function doubt(pending: Pending, outcome: CheckOutcome): void {
  if (pending.doubt !== undefined) return
  pending.doubt = outcome
  pending.cancelTimer()
  const left = Math.max(0, Math.min(GRACE, pending.deadline - performance.now()))
  pending.cancelTimer = afterArrivals(left, () => pending.settle(outcome))
}
