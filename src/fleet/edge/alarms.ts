import type { Alarm } from './status.js'

/** What is wrong at the moment, each since when. */
export class Alarms {
  readonly #told: (alarm: Alarm, raised: boolean) => void
  readonly #current = new Map<string, Alarm>()

  /** @param told is called when one is raised or over */
  constructor(told: (alarm: Alarm, raised: boolean) => void) {
    this.#told = told
  }

  get list(): Alarm[] {
    return [...this.#current.values()]
  }

  /** Lets these be all of a kind that there are. */
  set(kind: Alarm['kind'], messages: readonly string[]): void {
    const wanted = new Set(messages)
    for (const [key, alarm] of this.#current) {
      if (alarm.kind !== kind || wanted.has(alarm.message)) continue
      this.#current.delete(key)
      this.#told(alarm, false)
    }
    for (const message of wanted) {
      const key = `${kind} ${message}`
      if (this.#current.has(key)) continue
      const alarm = { kind, message, since: new Date().toISOString() }
      this.#current.set(key, alarm)
      this.#told(alarm, true)
    }
  }
}
