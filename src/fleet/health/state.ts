import type { CheckOutcome } from './check.js'

/** A backend that is followed. */
export interface HealthTarget {
  /** Name of its pool. */
  pool: string
  /** Its own within the pool. */
  id: string
  /** Where checks ask: IPv4 or IPv6. Under the same id another address is another backend. */
  address: string
}

/**
 * Why a backend is what it is.
 *
 * - `initial`: nothing is known about it yet
 * - `unchecked`: its pool has no health options; it is up
 * - `checks`: what the checks say
 * - `reports`: reports say that it is down; the pool has no check
 * - `flaps`: it fell too often, and is held down for a while
 * - `floor`: it should be down, and stays up because too few of its pool would be left
 * - `recovered`: it was down by reports or held for flapping, and its time is over
 */
export type HealthCause = 'initial' | 'unchecked' | 'checks' | 'reports' | 'flaps' | 'floor' | 'recovered'

/** What is known about a backend. Plain data, a copy. */
export interface BackendHealth extends HealthTarget {
  /** Whether it should get traffic. */
  state: 'up' | 'down'
  cause: HealthCause
  /** One line for people: `3 checks failed, the last: no answer within 500 ms`. */
  reason: string
  /** Since when it has this state and this cause: milliseconds since 1970. */
  since: number
  /** What the checks say by themselves, without floor and holds. */
  checked: 'up' | 'down'
  /** It is held down until then at least, because it flaps or by reports: milliseconds since 1970. */
  heldUntil: number | undefined
  /** The check that ended last. */
  last:
    | { outcome: CheckOutcome /** Milliseconds since 1970. */; at: number /** Milliseconds it took. */; took: number }
    | undefined
}

/** A backend whose state or cause is another one now. */
export interface HealthChange extends Omit<BackendHealth, 'last'> {
  /** The state before. Equal to `state` when only the cause changed. */
  was: 'up' | 'down'
}

/** The floor of a pool holds, or does not any more. */
export interface FloorAlarm {
  pool: string
  /** Whether it holds: more backends should be out than may be. */
  reached: boolean
  /** Backends of the pool. */
  backends: number
  /** Those that should be out. */
  failing: number
  /** Those of them that stay in. */
  kept: number
}

/** What somebody saw of a backend: ICMP says that a host or a network cannot be reached, or that nobody listens on a port. */
export type ReportKind = 'unreachable' | 'refused'

/** Something that was seen beside the checks: `HealthMonitor.report`. */
export interface HealthReport {
  pool: string
  id: string
  kind: ReportKind
  /** When it was seen: milliseconds since 1970, default now. What is older than the window of reports is passed over. */
  at?: number | undefined
}

/** Numbers of one pool. */
export interface PoolHealthStats {
  backends: number
  up: number
  down: number
  /** Of those that are up: how many the floor keeps. */
  kept: number
  /** Of those that are down: how many are held there. */
  held: number
  /** Checks that ended since the pool got its first backend, by what they said. */
  checks: { passed: number; failed: number; undecided: number }
  /** Reports that were taken. */
  reports: number
}
