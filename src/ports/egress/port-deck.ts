import { randomBelow } from '../random-order.js'
import { PortQueue } from './port-queue.js'

/**
 * The free local ports of connections from one address to one destination, as far as this thread gives them out: first
 * each port once, in a random order that all destinations share from a start of their own, then whichever was given back
 * longest ago. So a port rests as long as can be, which is what TIME_WAIT asks for, and cannot be foretold.
 *
 * Its memory is what was given back: two bytes a port.
 */
export class PortDeck {
  readonly #order: Uint16Array
  readonly #start: number
  readonly #returned = new PortQueue()
  #dealt = 0
  /** Ports that are out. */
  inUse = 0

  /** @param order all ports that may be given out, in random order; not changed */
  constructor(order: Uint16Array) {
    this.#order = order
    this.#start = order.length === 0 ? 0 : randomBelow(order.length)
  }

  /** Ports that it gives out, those that are out included. */
  get size(): number {
    return this.#order.length
  }

  /** A port that is not out; −1 when all are. */
  deal(): number {
    const order = this.#order
    let port = -1
    if (this.#dealt < order.length) {
      const at = this.#start + this.#dealt++
      port = order[at < order.length ? at : at - order.length] as number
    } else {
      port = this.#returned.shift()
    }
    if (port >= 0) this.inUse++
    return port
  }

  /** Takes back a port that `deal` gave. */
  giveBack(port: number): void {
    this.inUse--
    this.#returned.push(port)
  }
}
