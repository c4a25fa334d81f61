import type { PortRange } from '../port-range.js'
import { shuffle } from '../random-order.js'
import { isReserved, kernelPorts } from './kernel-ports.js'
import { PortDeck } from './port-deck.js'

/** Destinations without a connection whose ports are remembered. */
const IDLE_DECKS = 1024

/** Decks with ports out, and those without, the one that has been so longest first. */
const busy = new Map<string, PortDeck>()
const idle = new Map<string, PortDeck>()

/** Ranges whose order is remembered: 2 bytes a port each. */
const ORDERS = 64
const orders = new Map<string, Uint16Array>()

/** A port that was taken from a deck. */
export interface DealtPort {
  readonly port: number
  /** Its connection is closed. */
  release(): void
}

/**
 * Takes a port out of the deck of a destination.
 *
 * @param flow names protocol, local address and destination
 * @param range ports that may be taken; those that the kernel reserves are left out
 * @returns undefined when all of them are out
 */
export function dealPort(flow: string, range: PortRange): DealtPort | undefined {
  const key = `${flow} ${range[0]}-${range[1]}`
  const deck = busy.get(key) ?? wake(key, range)
  const port = deck.deal()
  if (port < 0) return undefined
  return {
    port,
    release() {
      deck.giveBack(port)
      if (deck.inUse === 0) rest(key, deck)
    },
  }
}

/**
 * Whether others have so many ports of a range that our list is of little use: told by `contest`, and true for the next
 * `AWAY` times that it is asked, after which the list deserves another try.
 */
export function isContested(flow: string, range: PortRange): boolean {
  const key = `${flow} ${range[0]}-${range[1]}`
  const left = contested.get(key)
  if (left === undefined) return false
  if (left === 1) contested.delete(key)
  else contested.set(key, left - 1)
  return true
}

/** Others have one port after the other of our list. */
export function contest(flow: string, range: PortRange): void {
  if (contested.size === IDLE_DECKS) contested.clear()
  contested.set(`${flow} ${range[0]}-${range[1]}`, AWAY)
}

/** Connections for which the kernel searches, before the list is tried again. */
const AWAY = 64
const contested = new Map<string, number>()

/** How many ports of a range may be given out, and how many of them this thread has given to a destination. */
export function deckUse(flow: string, range: PortRange): { total: number; leased: number } {
  const deck = busy.get(`${flow} ${range[0]}-${range[1]}`)
  return { total: orderOf(range).length, leased: deck?.inUse ?? 0 }
}

function wake(key: string, range: PortRange): PortDeck {
  const deck = idle.get(key) ?? new PortDeck(orderOf(range))
  idle.delete(key)
  if (deck.size > 0) busy.set(key, deck)
  return deck
}

function rest(key: string, deck: PortDeck): void {
  busy.delete(key)
  idle.set(key, deck)
  if (idle.size <= IDLE_DECKS) return
  for (const oldest of idle.keys()) {
    idle.delete(oldest)
    return
  }
}

/** The ports of a range in the order of this thread. */
function orderOf([low, high]: PortRange): Uint16Array {
  const kernel = kernelPorts()
  const key = `${low}-${high} ${kernel.reserved.join(';')}`
  const known = orders.get(key)
  if (known !== undefined) return known
  const ports: number[] = []
  for (let port = low; port <= high; port++) if (!isReserved(kernel, port)) ports.push(port)
  const order = shuffle(Uint16Array.from(ports))
  if (orders.size === ORDERS) orders.clear()
  orders.set(key, order)
  return order
}
