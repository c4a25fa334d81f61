/** How many reports of one backend, within how many milliseconds, mean something. */
export interface ReportLimits {
  count: number
  window: number
}

/** Reports about one backend. Time is what the caller says, in milliseconds that never go back. */
export class ReportWindow {
  /** Times of the last reports, fewer than `count`. */
  #times: number[] = []

  /** Takes a report. @returns whether it was the last of `count` within `window`; the count then begins anew */
  take(at: number, { count, window }: ReportLimits): boolean {
    this.#times.push(at)
    if (this.#times.length > count) this.#times.splice(0, this.#times.length - count)
    if (this.#times.length < count || at - this.#times[0]! > window) return false
    this.#times = []
    return true
  }
}
