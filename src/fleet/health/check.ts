/**
 * What one check says about a backend.
 *
 * - `passed`: it answered as it should
 * - `failed`: it did not, or not in time
 * - `undecided`: the check could not be made (no descriptor is free, a firewall of this host): nothing about the backend
 */
export type CheckOutcome =
  | { readonly verdict: 'passed' }
  | { readonly verdict: 'failed' | 'undecided'; readonly reason: string }

/** Whom a check asks. */
export interface CheckTarget {
  /** IPv4 or IPv6, as inet_ntop(3) prints it. */
  address: string
  /** Milliseconds that the backend has. A check that waits for something of this host first begins to count after that. */
  timeout: number
  /** Aborted when nobody wants to know any more. What `run` resolves with then does not matter. */
  signal: AbortSignal
}

/** One way of asking a backend whether it works. Those of this package are named in `HealthCheckOptions`; others can be written. */
export interface HealthCheck {
  /** Asks once. Settles not long after `timeout`, and soon after `signal`; what it rejects with is taken as `undecided`. */
  run(target: CheckTarget): Promise<CheckOutcome>
}

export const PASSED: CheckOutcome = Object.freeze({ verdict: 'passed' })

export function failed(reason: string): CheckOutcome {
  return { verdict: 'failed', reason }
}

export function undecided(reason: string): CheckOutcome {
  return { verdict: 'undecided', reason }
}

/** For checks whose signal is aborted. */
export const GIVEN_UP = undecided('given up')

/**
 * Errors that are about the path or the backend. All others, those without a code included, come from this host, whose lack
 * of descriptors or memory must not look like the death of every backend.
 */
const OF_THE_BACKEND = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EPROTO',
])

/** What an error of a system call says about the backend. */
export function outcomeOf(error: Error): CheckOutcome {
  const { code = '' } = error as NodeJS.ErrnoException
  return OF_THE_BACKEND.has(code) ? failed(code) : undecided(code ? `${code}: ${error.message}` : error.message)
}
