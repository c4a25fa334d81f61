import type { PortRange } from '../port-range.js'
import { randomBelow } from '../random-order.js'
import { contest, type DealtPort, dealPort, isContested } from './decks.js'
import type { PortSettings } from './strategy.js'

/** With `auto`: so many ports of our list that others have are enough to leave the search to the kernel. */
const AUTO_PORTS = 4
/** With `auto`: windows that are tried before the whole range. */
const AUTO_WINDOWS = 4

/**
 * One connection's way to a local port: proposes ranges, one after the other, until the kernel takes one.
 *
 *     const search = new PortSearch(settings, flow)
 *     while (search.next()) {
 *       if (tried(search.low, search.high)) return search.keep()
 *       search.refuse()
 *     }
 */
export class PortSearch {
  /** The range to try. */
  low = 0
  high = 0
  /** Ranges tried so far. */
  attempts = 0
  readonly #settings: PortSettings
  readonly #flow: string
  #dealt: DealtPort | undefined
  // Of 'auto':
  #fromList: boolean | undefined
  #windows = 0
  #whole = false

  /** @param flow names protocol, local address and destination: connections that may not share a port */
  constructor(settings: PortSettings, flow: string) {
    this.#settings = settings
    this.#flow = flow
  }

  /** Puts the next range into `low` and `high`; false when there is none. */
  next(): boolean {
    if (this.attempts >= this.#settings.attempts) return false
    const found = this.#propose()
    if (found) this.attempts++
    return found
  }

  /** The kernel refused the range: somebody has the port. */
  refuse(): void {
    this.#dealt?.release()
    this.#dealt = undefined
  }

  /** The kernel took the range. @returns what is to be released with the connection */
  keep(): DealtPort | undefined {
    return this.#dealt
  }

  #propose(): boolean {
    const { strategy, range } = this.#settings
    switch (strategy) {
      case 'exact':
        return this.#deal()
      case 'kernel':
        return this.#set(range)
      case 'shifting-window':
        return this.#set(randomWindow(range, this.#settings.window))
      case 'select-test-repeat':
        return this.#set(randomWindow(range, 1))
      case 'auto':
        return this.#proposeAuto()
    }
  }

  #proposeAuto(): boolean {
    const { range, window } = this.#settings
    this.#fromList ??= !isContested(this.#flow, range)
    if (this.#fromList) {
      if (this.attempts < AUTO_PORTS && this.#deal()) return true
      if (this.attempts === AUTO_PORTS) contest(this.#flow, range)
      this.#fromList = false
    }
    if (this.#windows < AUTO_WINDOWS) {
      this.#windows++
      return this.#set(randomWindow(range, window))
    }
    if (this.#whole) return false
    this.#whole = true
    return this.#set(range)
  }

  #deal(): boolean {
    this.#dealt = dealPort(this.#flow, this.#settings.range)
    return this.#dealt !== undefined && this.#set([this.#dealt.port, this.#dealt.port])
  }

  #set([low, high]: PortRange): true {
    this.low = low
    this.high = high
    return true
  }
}

/** `size` ports that begin anywhere, so that even and odd first ports are equally likely. */
function randomWindow([low, high]: PortRange, size: number): PortRange {
  const room = high - low + 1 - size
  if (room <= 0) return [low, high]
  const first = low + randomBelow(room + 1)
  return [first, first + size - 1]
}
