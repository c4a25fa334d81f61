import { describe, expect, it } from 'vitest'
import { report, underAsan } from './program.js'

describe('a long run of traffic', () => {
  // 500,000 echoes, a million datagrams, in all.
  it.each([
    ['batch', 200_000],
    ['message', 150_000],
    ['callback', 75_000],
    ['iterator', 75_000],
  ] as const)(
    'leaves no memory and no descriptor behind: %s',
    async (api, echoes) => {
      const count = underAsan ? echoes / 20 : echoes
      const { answered, growth, ...rest } = await report<Record<string, number>>('traffic', {
        args: [count, api],
        node: ['--expose-gc'],
      })
      expect(answered).toBeGreaterThanOrEqual(count)
      expect(rest).toEqual({ wrong: 0, lost: 0, descriptors: 0 })
      // A hundred bytes for each datagram of three samples would be more.
      if (!underAsan) expect(growth).toBeLessThan(8)
    },
    60_000,
  )
})
