import { type CheckOutcome, GIVEN_UP, undecided } from './check.js'
import type { PoolSettings } from './read-options.js'

/** Share of an interval by which it is longer or shorter, so that edges that started together do not ask together for ever. */
const JITTER = 0.1

/** Of `PoolSettings`, what times of checks depend on. */
type Pace = Pick<PoolSettings, 'check' | 'interval' | 'fastInterval' | 'timeout'>

/**
 * Asks one backend again and again, never twice at a time. The first check is at a random time within the interval, so that the
 * checks of many backends spread over it. Does not keep the process alive.
 */
export class CheckLoop {
  readonly #address: string
  #pace: Pace
  readonly #tell: (outcome: CheckOutcome, took: number) => boolean
  /** Made with the first check: it is what makes a loop costly. */
  #abort: AbortController | undefined
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** When the last check began, by `performance.now()`. */
  #began = Number.NEGATIVE_INFINITY

  /** @param tell takes the outcome of a check and its milliseconds; returns whether the next one is to come soon */
  constructor(address: string, pace: Pace, tell: (outcome: CheckOutcome, took: number) => boolean) {
    this.#address = address
    this.#pace = pace
    this.#tell = tell
    this.#wait(Math.random() * pace.interval)
  }

  /** Other settings, from the next check on. */
  setPace(pace: Pace): void {
    this.#pace = pace
    if (this.#running === undefined) this.#wait(Math.random() * pace.interval)
  }

  /** Something seems wrong: asks now, but not sooner than `fastInterval` after the last time. */
  hurry(): void {
    if (this.#running === undefined) this.#wait(this.#until(this.#pace.fastInterval))
  }

  /** Ends it. @returns when the check that is on has ended */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#abort?.abort()
    await this.#running
  }

  #wait(ms: number): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    if (this.#pace.check === undefined) return
    this.#timer = setTimeout(() => {
      this.#running = this.#run().finally(() => {
        this.#running = undefined
      })
    }, ms)
    this.#timer.unref()
  }

  async #run(): Promise<void> {
    this.#abort ??= new AbortController()
    this.#began = performance.now()
    const outcome = await this.#ask(this.#abort.signal)
    if (this.#stopped) return
    const soon = this.#tell(outcome, performance.now() - this.#began)
    const { interval, fastInterval } = this.#pace
    this.#wait(this.#until((soon ? fastInterval : interval) * (1 + JITTER * (2 * Math.random() - 1))))
  }

  async #ask(signal: AbortSignal): Promise<CheckOutcome> {
    const { check, timeout } = this.#pace
    try {
      return (await check?.run({ address: this.#address, timeout, signal })) ?? GIVEN_UP
    } catch (error) {
      return undecided(error instanceof Error ? error.message : String(error))
    }
  }

  /** Milliseconds until so long after the last check began. */
  #until(gap: number): number {
    return Math.max(0, this.#began + gap - performance.now())
  }
}
