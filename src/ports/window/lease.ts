/** A port that its holder may use alone, until it is released. */
export interface Lease extends Disposable {
  /** 1–65535. */
  readonly port: number
  /** The port as it is seen from outside: `port` + `externalOffset` of the window. */
  readonly externalPort: number
  /** Whose it is, as it was asked for. */
  readonly owner: string | undefined
  /**
   * `draining`: its holder is done, but a socket may still be bound to it. `released`: the lease is over, and the port
   * quarantined or already somebody else's.
   */
  readonly state: 'leased' | 'draining' | 'released'
  /**
   * Ends the lease: the port is quarantined, then free. Where a socket of `bindSocket` is still open, the lease is
   * draining instead, until the socket is closed, by itself or by the window when it has received nothing for
   * `idleTimeout`. A lease that is over, or of a window that is closed, is left alone.
   */
  release(): void
  /**
   * Says that the port is not used for anything new, while a socket of the holder's own is still bound to it: it counts as
   * draining. `release` follows when that is closed. With a socket of `bindSocket`: the same as `release`.
   */
  drain(): void
  /**
   * Says that the port could not be bound because somebody else has it. The lease is over, and the port left alone for
   * `retryTaken`. Does nothing where a socket of `bindSocket` has the port.
   */
  reportTaken(): void
  /** `release`. */
  [Symbol.dispose](): void
}

/** An even port and the next one, as RTP and RTCP want them (RFC 3550 §11). */
export interface PairLease extends Disposable {
  /** The even port. */
  readonly rtp: Lease
  /** The odd port, one above. */
  readonly rtcp: Lease
  readonly owner: string | undefined
  /** Releases both. */
  release(): void
  /** Drains both. */
  drain(): void
  /** Releases both. */
  [Symbol.dispose](): void
}

/** A socket of the window on a leased port. */
export interface BoundSocket {
  /** Datagrams received so far. */
  received(): number
  /** Closes it; the lease is told when it is closed, also by others. */
  close(): void
}

/** How a lease ends: what becomes of its port. */
export type LeaseEnd = 'quarantine' | 'taken' | 'unused'

/** Who gave out the lease. */
export interface Lessor {
  onDrain(lease: PortLease, socket: BoundSocket | undefined): void
  onEnd(lease: PortLease, end: LeaseEnd): void
}

/** A lease as the window has it. */
export class PortLease implements Lease {
  readonly port: number
  readonly externalPort: number
  readonly owner: string | undefined
  readonly #lessor: Lessor
  #state: Lease['state'] = 'leased'
  #socket: BoundSocket | undefined

  constructor(lessor: Lessor, port: number, externalPort: number, owner: string | undefined) {
    this.#lessor = lessor
    this.port = port
    this.externalPort = externalPort
    this.owner = owner
  }

  get state(): Lease['state'] {
    return this.#state
  }

  release(): void {
    if (this.#socket === undefined) this.#end('quarantine')
    else this.drain()
  }

  drain(): void {
    if (this.#state !== 'leased') return
    this.#state = 'draining'
    this.#lessor.onDrain(this, this.#socket)
  }

  reportTaken(): void {
    if (this.#socket === undefined) this.#end('taken')
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** The port was not used. */
  giveBack(): void {
    this.#end('unused')
  }

  /** A socket of the window is on the port from now on. */
  hold(socket: BoundSocket): void {
    this.#socket = socket
  }

  /** That socket is closed. */
  onSocketClosed(): void {
    this.#socket = undefined
    this.#end('quarantine')
  }

  #end(end: LeaseEnd): void {
    if (this.#state === 'released') return
    this.#state = 'released'
    this.#lessor.onEnd(this, end)
  }
}

export class PortPairLease implements PairLease {
  readonly rtp: PortLease
  readonly rtcp: PortLease

  constructor(rtp: PortLease, rtcp: PortLease) {
    this.rtp = rtp
    this.rtcp = rtcp
  }

  get owner(): string | undefined {
    return this.rtp.owner
  }

  release(): void {
    this.rtp.release()
    this.rtcp.release()
  }

  drain(): void {
    this.rtp.drain()
    this.rtcp.drain()
  }

  /** Neither port was used, but for one that is over already. */
  giveBack(): void {
    this.rtp.giveBack()
    this.rtcp.giveBack()
  }

  [Symbol.dispose](): void {
    this.release()
  }
}
