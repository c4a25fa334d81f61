import { randomFillSync } from 'node:crypto'

/** Bytes of randomness fetched at a time. */
const POOL = 4096
const pool = new Uint32Array(POOL / 4)
let left = 0

/** A number from 0 to `below` − 1, each equally likely, that nobody can foretell; `below` from 1 to 65536. */
export function randomBelow(below: number): number {
  if (left === 0) {
    randomFillSync(pool)
    left = pool.length
  }
  // Of 2³² values and at most 2¹⁶ results, no result is likelier than another by more than 2⁻¹⁶ of itself.
  return Math.floor(((pool[--left] as number) / 2 ** 32) * below)
}

/** Shuffles in place (Fisher and Yates), so that ports cannot be foretold (RFC 6056 §3.1). */
export function shuffle(ports: Uint16Array): Uint16Array {
  for (let i = ports.length - 1; i > 0; i--) {
    const j = randomBelow(i + 1)
    const port = ports[i] as number
    ports[i] = ports[j] as number
    ports[j] = port
  }
  return ports
}
