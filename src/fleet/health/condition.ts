import type { HealthOptions, Outcome } from './check.js'

/** Of the time that a backend which comes and goes stays out, milliseconds. */
const LONGEST_PENALTY = 3_600_000

/**
 * What the checks of one backend come to. It takes `fall` failures in a row to be down and `rise` successes in a row to be up again;
 * one that changes too often is kept down for as long as the window, and twice as long each time.
 */
export class Condition {
  /** Discovery vouches for a backend until the checks say otherwise. */
  up = true
  reason = 'not checked yet'
  since: number
  /** Outcomes in a row that are not what it is. */
  #streak = 0
  /** When it changed. */
  #changes: number[] = []
  #penalty = 0
  #until = 0

  constructor(now: number) {
    this.since = now
  }

  /** Whether it is about to change. */
  get pending(): boolean {
    return this.#streak > 0
  }

  /** @returns whether it is another one now */
  take(outcome: Outcome, { rise, fall, flaps }: Pick<HealthOptions, 'rise' | 'fall' | 'flaps'>, now: number): boolean {
    if (outcome.ok === this.up) {
      this.#streak = 0
      if (outcome.ok) this.reason = 'ok'
      else this.reason = outcome.reason
      return false
    }
    this.#streak++
    if (this.#streak < (this.up ? fall : rise)) return false
    // It is well, and not trusted yet.
    if (outcome.ok && now < this.#until) return false
    this.#streak = 0
    this.up = outcome.ok
    this.reason = outcome.ok ? 'ok' : outcome.reason
    this.since = now
    this.#changed(flaps, now)
    return true
  }

  #changed({ changes, window }: HealthOptions['flaps'], now: number): void {
    this.#changes = [...this.#changes.filter((at) => now - at <= window), now]
    if (this.#changes.length <= changes) {
      if (this.#changes.length === 1) this.#penalty = 0
      return
    }
    if (this.up) return
    this.#penalty = Math.min(Math.max(window, 2 * this.#penalty), LONGEST_PENALTY)
    this.#until = now + this.#penalty
    this.reason += `; it came and went ${this.#changes.length} times`
  }
}
