import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './project.mjs'

/** Milliseconds between two tries to take the lock. */
const RETRY = 250

/**
 * Runs `work` while no other process runs under this lock for the same checkout.
 *
 * The lock is a listening socket in Linux's abstract namespace (unix(7)), not a file: the kernel drops it when
 * its owner ends, however it ends, so there is no stale lock to recognise. Elsewhere there is no lock.
 */
export async function withLock(work) {
  if (process.platform !== 'linux') return work()
  const name = `\0udp-dsr-setup-${createHash('sha256').update(root).digest('hex').slice(0, 32)}`
  const lock = await acquire(name)
  try {
    return await work()
  } finally {
    lock.close()
  }
}

async function acquire(name) {
  for (let tries = 0; ; tries++) {
    const server = createServer()
    const taken = await new Promise((resolve, reject) => {
      server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(true) : reject(error)))
      server.listen(name, () => resolve(false))
    })
    if (!taken) return server.unref()
    if (tries === 0) console.error('• Waiting for another set-up of this checkout …')
    await sleep(RETRY)
  }
}
