import { AsyncResource } from 'node:async_hooks'

/** Called when the kernel has taken a datagram (`bytes` of payload), or with why it did not. */
export type SendCallback = (error: Error | null, bytes: number) => void

/**
 * What became of a datagram, for the callback of its `send`. The callback takes its turn when `send` is called: so
 * callbacks keep the order and the context (AsyncLocalStorage) of their calls, with whatever the datagrams leave.
 */
export class Receipt {
  #callback: SendCallback
  #outcome: { error: Error | null; bytes: number } | undefined
  #late = false

  constructor(callback: SendCallback) {
    this.#callback = callback
    process.nextTick(Receipt.#takeTurn, this)
  }

  resolve(error: Error | null, bytes: number): void {
    if (this.#late) process.nextTick(this.#callback, error, bytes)
    else this.#outcome = { error, bytes }
  }

  /** What was staged in this tick has left by now, unless the kernel had no room for it. */
  static #takeTurn(receipt: Receipt): void {
    const outcome = receipt.#outcome
    if (outcome === undefined) {
      receipt.#late = true
      receipt.#callback = AsyncResource.bind(receipt.#callback)
      return
    }
    const callback = receipt.#callback
    callback(outcome.error, outcome.bytes)
  }
}
