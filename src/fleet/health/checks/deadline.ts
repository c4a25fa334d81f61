import { type CheckOutcome, failed, undecided } from '../check.js'

/**
 * Calls when the time is over, and what has arrived by then was looked at. When this process was busy or stopped for a while, its
 * timers are due before its sockets are read: without the second step every backend would seem to have been silent.
 *
 * Does not keep the process alive.
 *
 * @param call gets how many milliseconds after the time it comes
 * @returns a function that calls it off
 */
export function afterArrivals(ms: number, call: (late: number) => void): () => void {
  const due = performance.now() + ms
  let immediate: NodeJS.Immediate | undefined
  const timer = setTimeout(() => {
    // Timers, then sockets, then immediates: the order of libuv's loop.
    immediate = setImmediate(() => call(performance.now() - due))
  }, ms)
  timer.unref()
  return () => {
    clearTimeout(timer)
    clearImmediate(immediate)
  }
}

/** What a check says that had no answer. @param late how many milliseconds after its time that was noticed */
export function timeUp(timeout: number, late: number): CheckOutcome {
  // A process that was stopped, or a machine that slept, asked nobody meanwhile.
  if (late > timeout) return undecided(`this process was late by ${Math.round(late)} ms`)
  return failed(`no answer within ${timeout} ms`)
}
