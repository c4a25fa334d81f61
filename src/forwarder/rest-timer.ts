import { waitForPackets } from './grace-period.js'

/** What has places that rest until no packet can be under way with them. */
export interface Resting {
  readonly resting: boolean
  /** Ends it. */
  rested(): void
}

/** Milliseconds after a change until what it left behind is freed. */
const REST_MS = 100

/** Frees what changes left behind, a while later: the wait for packets takes as long as a change does, and nobody needs it at once. */
export class RestTimer {
  readonly #of: readonly Resting[]
  #timer: NodeJS.Timeout | undefined

  constructor(of: readonly Resting[]) {
    this.#of = of
  }

  /** Whether something is to be freed. */
  get running(): boolean {
    return this.#timer !== undefined
  }

  /** To be called after a change. */
  start(): void {
    if (this.#of.some(({ resting }) => resting)) this.#timer ??= setTimeout(() => this.end(), REST_MS).unref()
  }

  /** Frees everything now. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    waitForPackets()
    for (const one of this.#of) one.rested()
  }

  /** Frees nothing by itself any more. */
  cancel(): void {
    clearTimeout(this.#timer)
  }
}
