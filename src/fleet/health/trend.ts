/** How many checks in a row change the mind. */
export interface TrendLimits {
  /** Passed ones until a backend that is down is up. */
  rise: number
  /** Failed ones until a backend that is up is down. */
  fall: number
}

/** What the checks of one backend say: up or down, with the inertia of `rise` and `fall`. Knows no time. */
export class Trend {
  #up: boolean
  /** Outcomes in a row that contradict the state. */
  #against = 0

  constructor(up: boolean) {
    this.#up = up
  }

  get up(): boolean {
    return this.#up
  }

  /** Whether the last outcome contradicted the state: the next one is wanted soon. */
  get turning(): boolean {
    return this.#against > 0
  }

  /** Takes the outcome of a check. @returns whether the state is another one now */
  take(passed: boolean, { rise, fall }: TrendLimits): boolean {
    this.#against = passed === this.#up ? 0 : this.#against + 1
    if (this.#against === 0 || this.#against < (this.#up ? fall : rise)) return false
    return this.set(!this.#up)
  }

  /** Decides without checks. @returns whether the state is another one now */
  set(up: boolean): boolean {
    const changed = up !== this.#up
    this.#up = up
    this.#against = 0
    return changed
  }
}
