import { connect } from 'node:net'
import { type CheckOutcome, type CheckTarget, GIVEN_UP, type HealthCheck, outcomeOf, PASSED } from '../check.js'
import { afterArrivals, timeUp } from './deadline.js'
import type { CheckMeans } from './means.js'

/** A connection that comes about. */
export function tcpCheck(port: number, { turnstile }: CheckMeans): HealthCheck {
  return {
    async run(target) {
      if (!(await turnstile.enter(target.signal))) return GIVEN_UP
      try {
        return await tryConnect(target, port)
      } finally {
        turnstile.leave()
      }
    },
  }
}

function tryConnect({ address, timeout, signal }: CheckTarget, port: number): Promise<CheckOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port })
    socket.unref()
    const settle = (outcome: CheckOutcome) => {
      cancelTimer()
      signal.removeEventListener('abort', giveUp)
      // A reset leaves no TIME_WAIT here, where thousands of checks a second would pile them up.
      socket.resetAndDestroy()
      resolve(outcome)
    }
    const giveUp = () => settle(GIVEN_UP)
    const cancelTimer = afterArrivals(timeout, (late) => settle(timeUp(timeout, late)))
    signal.addEventListener('abort', giveUp)
    socket.once('connect', () => settle(PASSED))
    socket.on('error', (error) => settle(outcomeOf(error)))
  })
}
