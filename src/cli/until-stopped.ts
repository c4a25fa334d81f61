/** Waits for SIGINT or SIGTERM, or for `signal`. @returns what it was */
export function untilStopped(signal?: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    // A promise keeps no process alive.
    const alive = setInterval(() => {}, 2 ** 31 - 1)
    const end = (name: string) => {
      clearInterval(alive)
      for (const one of ['SIGINT', 'SIGTERM'] as const) process.off(one, end)
      resolve(name)
    }
    for (const one of ['SIGINT', 'SIGTERM'] as const) process.once(one, end)
    signal?.addEventListener('abort', () => end('asked'), { once: true })
  })
}
