/** Where a window has its time from; tests have one of their own. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number
  /** Calls back once, after so many milliseconds; the process does not stay alive for it. */
  later(callback: () => void, milliseconds: number): Timer
}

export interface Timer {
  cancel(): void
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  later(callback, milliseconds) {
    const timer = setTimeout(callback, Math.ceil(milliseconds)).unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
