import { EventEmitter } from 'node:events'
import { checkOptions, checkSignal, checkString } from '../../errors/checks.js'
import { type PortCounts, SystemError } from '../../errors.js'
import { PktInfoSocket } from '../../socket/index.js'
import { type FirewallFormat, type FirewallOptions, firewallRules } from '../window/firewall.js'
import type { Lease, PairLease, PortLease, PortPairLease } from '../window/lease.js'
import { LeaseBook, type PortWindowStats } from '../window/lease-book.js'
import type { PortWindowOptions } from '../window/window-options.js'
import { type BindSocketOptions, type SplitBindOptions, splitBindOptions } from './bind-options.js'

/** Events of a `PortWindow`, and what their listeners get. */
export interface PortWindowEvents {
  /** Few ports are free (`lowWater`). Emitted once, and again only after more were free in between. */
  low: [counts: PortCounts]
}

/** Options of `acquire` and `acquirePair`. */
export interface AcquireOptions {
  /** Whose the ports are, for `quota` and `stats().owners`. */
  owner?: string
}

/** Options of `waitForPort`. */
export interface WaitOptions extends AcquireOptions {
  /** Gives up: the promise rejects with the signal's reason. */
  signal?: AbortSignal
}

/** Two sockets, on an even port and on the next one (RFC 3550 §11). */
export interface SocketPair {
  rtp: PktInfoSocket
  rtcp: PktInfoSocket
  /** The leases of both. Each ends with its socket. */
  lease: PairLease
}

/**
 * Leases of the UDP ports of a range. Each port has one holder at a time; one that is given back is quarantined before the
 * next gets it; one that another program has is skipped, remembered, and tried again later.
 *
 * It keeps the books of this process. Several processes take windows of their own, which do not overlap. Every call takes
 * constant time, however many ports there are and are in use; memory is 15 bytes a port, beside the leases.
 */
export class PortWindow extends EventEmitter<PortWindowEvents> implements Disposable {
  readonly #book: LeaseBook
  readonly #leases = new WeakMap<PktInfoSocket, Lease>()

  /**
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE
   */
  constructor(options: PortWindowOptions) {
    super()
    // Later, so that a listener that throws or asks for ports does not do so in the midst of a lease.
    this.#book = new LeaseBook(options, (counts) => process.nextTick(() => this.emit('low', counts)))
  }

  // ---- Ports

  /**
   * Leases the port that has been free longest. Who binds it and finds it in use calls `lease.reportTaken()` and tries again.
   *
   * @throws PortsExhaustedError ERR_PORTS_EXHAUSTED, PortsQuotaError ERR_PORTS_QUOTA, PortsClosedError ERR_PORTS_CLOSED,
   * ArgumentTypeError
   */
  acquire(options: AcquireOptions = {}): Lease {
    return this.#book.acquire(ownerOf(options))
  }

  /**
   * Leases an even port and the next one (RFC 3550 §11), of the pairs that are free the one that has been so longest.
   *
   * @throws as `acquire`
   */
  acquirePair(options: AcquireOptions = {}): PairLease {
    return this.#book.acquirePair(ownerOf(options))
  }

  /**
   * A lease, as soon as there is one. Those who wait are served in the order in which they came, and before anybody who
   * calls `acquire` meanwhile. Waiting for a port whose quarantine ends keeps the process alive.
   *
   * @throws (rejects with) PortsQuotaError, PortsClosedError, the reason of an aborted `signal`, ArgumentTypeError
   */
  async waitForPort(options: WaitOptions = {}): Promise<Lease> {
    checkOptions(options, ['owner', 'signal'])
    const { owner, signal } = options
    if (owner !== undefined) checkString('options.owner', owner)
    if (signal !== undefined) checkSignal(signal)
    return this.#book.waitForPort(owner, signal)
  }

  // ---- Sockets

  /**
   * Opens a socket on a leased port. Closing it ends the lease; releasing the lease (`leaseOf(socket)`) while it is open
   * makes it draining: it stays open, and is closed when it has received nothing for `idleTimeout`.
   *
   * There is one bind(2) for each port that is tried, and no search: ports that others have are reported and skipped.
   *
   * @throws as `acquire`, and as `PktInfoSocket` and its `bindSync` do; the port is then as free as before
   */
  bindSocket(options: BindSocketOptions): PktInfoSocket {
    const { owner, where, socket: socketOptions } = splitBindOptions(options)
    socketOptions.signal?.throwIfAborted()
    let lease = this.#book.acquire(owner)
    let socket: PktInfoSocket | undefined
    try {
      socket = new PktInfoSocket(socketOptions)
      // At most each port once: with a short `retryTaken` the first may be due again before the last was tried.
      for (let left = this.#book.total; !bound(socket, lease.port, where); ) {
        lease.reportTaken()
        if (--left === 0) throw this.#book.shortage('port')
        lease = this.#book.acquire(owner)
      }
    } catch (error) {
      lease.giveBack()
      socket?.close()
      throw error
    }
    this.#hold(lease, socket)
    return socket
  }

  /**
   * Opens two sockets, on an even port and on the next one (RFC 3550 §11).
   *
   * @throws as `bindSocket`
   */
  bindSocketPair(options: BindSocketOptions): SocketPair {
    const split = splitBindOptions(options)
    split.socket.signal?.throwIfAborted()
    for (let left = this.#book.total; left > 0; left--) {
      const lease = this.#book.acquirePair(split.owner)
      const sockets = this.#bindBoth(lease, split)
      if (sockets !== undefined) return { ...sockets, lease }
    }
    throw this.#book.shortage('pair of ports')
  }

  /** The lease of a socket that this window has opened, also after it is over; undefined for other sockets. */
  leaseOf(socket: PktInfoSocket): Lease | undefined {
    return this.#leases.get(socket)
  }

  // ---- The window

  /** How many ports are in which state. */
  counts(): PortCounts {
    return this.#book.counts()
  }

  /** Ports by state and owner, and counters since the window was made. */
  stats(): PortWindowStats {
    return this.#book.stats()
  }

  /**
   * Rules that let UDP to the ports of the window in: for `nft -f`, or commands for a shell. docs/port-ranges.md shows them.
   *
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION
   */
  toFirewall(format: FirewallFormat, options: FirewallOptions = {}): string {
    const { runs, externalOffset } = this.#book.settings
    return firewallRules(format, runs, externalOffset, options)
  }

  /**
   * Gives out no more ports: `waitForPort` rejects with ERR_PORTS_CLOSED. Draining sockets are closed; other sockets and
   * leases stay with their holders.
   */
  close(): void {
    this.#book.close()
  }

  /** `close`. */
  [Symbol.dispose](): void {
    this.close()
  }

  // ---- Inside

  /** Undefined when one of the two ports is in use by others; the pair is given up then. */
  #bindBoth(lease: PortPairLease, split: SplitBindOptions): Omit<SocketPair, 'lease'> | undefined {
    const sockets: PktInfoSocket[] = []
    let done = false
    try {
      for (const half of [lease.rtp, lease.rtcp]) {
        const socket = new PktInfoSocket(split.socket)
        sockets.push(socket)
        if (bound(socket, half.port, split.where)) continue
        half.reportTaken()
        return undefined
      }
      done = true
    } finally {
      if (!done) {
        for (const socket of sockets) socket.close()
        lease.giveBack()
      }
    }
    const [rtp, rtcp] = sockets as [PktInfoSocket, PktInfoSocket]
    this.#hold(lease.rtp, rtp)
    this.#hold(lease.rtcp, rtcp)
    return { rtp, rtcp }
  }

  /** Ties the lease to the socket: it ends with it. */
  #hold(lease: PortLease, socket: PktInfoSocket): void {
    this.#leases.set(socket, lease)
    lease.hold({
      received: () => socket.stats().received,
      close: () => void socket[Symbol.asyncDispose](), // which leaves one alone that is closed
    })
    socket.once('close', () => lease.onSocketClosed())
  }
}

/** Binds a socket; false when another one has the port. It can be bound again then. */
function bound(socket: PktInfoSocket, port: number, where: { address?: string }): boolean {
  try {
    socket.bindSync({ port, ...where })
    return true
  } catch (error) {
    if (error instanceof SystemError && error.code === 'EADDRINUSE') return false
    throw error
  }
}

function ownerOf(options: AcquireOptions): string | undefined {
  checkOptions(options, ['owner'])
  const { owner } = options
  if (owner !== undefined) checkString('options.owner', owner)
  return owner
}
