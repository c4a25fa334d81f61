import { expect, test } from 'vitest'
import { report } from '../../lifetime/program.js'

const MB = 2 ** 20

test('a million leases of 10,000 ports take no more memory than those that are held', async () => {
  interface Report {
    window: number
    early: number
    late: number
    rest: number
    owners: number
    ownersLeft: number
    stats: Record<string, number>
  }
  const found = await report<Report>('leases', { node: ['--expose-gc'] })
  expect(found.stats.leases).toBeGreaterThanOrEqual(1_000_000)
  expect(found.stats.foundTaken).toBeGreaterThan(10_000)
  expect(found.window).toBeLessThan(MB / 2)
  expect(found.late).toBeLessThan(6 * MB) // 9,000 leases, and the names of 9,000 owners
  expect(found.late - found.early).toBeLessThan(3 * MB) // 900,000 leases later: 3 bytes for each would be too many
  expect(found.rest).toBeLessThan(3 * MB) // compiled code, and maps that shrink when they are used again
  expect(found.owners).toBeGreaterThan(8_000)
  expect(found.ownersLeft).toBe(0)
}, 60_000)
