/** Where a window has its time from; tests have one of their own. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number
  /** Calls back once, after so many milliseconds. @param keepAlive whether the process stays alive for it */
  later(callback: () => void, milliseconds: number, keepAlive: boolean): Timer
}

export interface Timer {
  cancel(): void
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  later(callback, milliseconds, keepAlive) {
    const timer = setTimeout(callback, Math.ceil(milliseconds))
    if (!keepAlive) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
