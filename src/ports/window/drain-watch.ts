import type { BoundSocket, PortLease } from './lease.js'

/** Looks per idle timeout: a socket is closed so much later than need be, in parts of the timeout. */
const LOOKS = 8

interface Watched {
  socket: BoundSocket
  received: number
  /** When it had last received something, as far as the looks tell: never earlier than it was. */
  since: number
}

/** Sockets whose leases were released while they were open: they are closed when they have been idle for long enough. */
export class DrainWatch {
  readonly #idle: number
  readonly #watched = new Map<PortLease, Watched>()
  #nextLook = Number.POSITIVE_INFINITY

  /** @param idle milliseconds without a datagram after which a socket is closed */
  constructor(idle: number) {
    this.#idle = idle
  }

  /** When `look` is due; Infinity when there is nothing to look at. */
  get nextLook(): number {
    return this.#nextLook
  }

  add(lease: PortLease, socket: BoundSocket, now: number): void {
    this.#watched.set(lease, { socket, received: socket.received(), since: now })
    if (this.#watched.size === 1) this.#nextLook = now + this.#idle / LOOKS
  }

  /** A lease whose socket was closed; one that is not watched is left alone. */
  remove(lease: PortLease): void {
    this.#watched.delete(lease)
    if (this.#watched.size === 0) this.#nextLook = Number.POSITIVE_INFINITY
  }

  /** Closes the sockets that are idle for long enough, when it is time to look at all. */
  look(now: number): void {
    if (now < this.#nextLook) return
    for (const [lease, watched] of this.#watched) {
      const received = watched.socket.received()
      if (received !== watched.received) {
        watched.received = received
        watched.since = now
      } else if (now - watched.since >= this.#idle) {
        this.#watched.delete(lease)
        watched.socket.close()
      }
    }
    this.#nextLook = this.#watched.size === 0 ? Number.POSITIVE_INFINITY : now + this.#idle / LOOKS
  }

  /** Closes all of them. */
  closeAll(): void {
    const sockets = [...this.#watched.values()]
    this.#watched.clear()
    this.#nextLook = Number.POSITIVE_INFINITY
    for (const { socket } of sockets) socket.close()
  }
}
