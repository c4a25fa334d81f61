import type { CheckLoop } from './check-loop.js'
import { Damping } from './damping.js'
import { type Floored, rankOf } from './floor.js'
import { ReportWindow } from './report-window.js'
import type { BackendHealth, HealthCause, HealthChange, HealthTarget } from './state.js'
import { Trend } from './trend.js'

/** A backend and all that is known about it. `PoolHealth` decides. */
export class Member implements Floored {
  readonly pool: string
  readonly id: string
  /** As inet_ntop(3) prints it. */
  readonly address: string
  readonly rank: number
  readonly trend: Trend
  readonly damping = new Damping()
  readonly reports = new ReportWindow()
  loop: CheckLoop | undefined
  /** Until the hold ends. */
  holdTimer: NodeJS.Timeout | undefined
  /** When that is, in milliseconds since 1970; undefined when it is not held. `damping` decides, whatever the clock does. */
  heldUntil: number | undefined
  /** The floor has it among those that should be out. */
  out = false
  kept = false
  /** What the trend rests on, and one line about it. */
  ground: { cause: Exclude<HealthCause, 'flaps' | 'floor' | 'unchecked'>; reason: string }
  state: 'up' | 'down' = 'up'
  cause: HealthCause = 'initial'
  reason = ''
  since = 0
  last: BackendHealth['last']

  constructor({ pool, id }: HealthTarget, address: string, initial: 'up' | 'down') {
    this.pool = pool
    this.id = id
    this.address = address
    this.rank = rankOf(pool, id)
    this.trend = new Trend(initial === 'up')
    this.ground = { cause: 'initial', reason: `nothing is known yet: ${initial} at first` }
  }

  health(): BackendHealth {
    const { pool, id, address, state, cause, reason, since, last, heldUntil } = this
    return { pool, id, address, state, cause, reason, since, checked: this.trend.up ? 'up' : 'down', heldUntil, last }
  }

  change(was: 'up' | 'down'): HealthChange {
    const { last: _, ...health } = this.health()
    return { ...health, was }
  }
}
