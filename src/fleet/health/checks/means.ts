import type { ProbeSockets } from './probe-sockets.js'
import type { Turnstile } from './turnstile.js'

/** What checks share. */
export interface CheckMeans {
  probes: ProbeSockets
  /** Of the checks that open connections. */
  turnstile: Turnstile
}
