import { describe, expect, it } from 'vitest'
import { report, underAsan } from './program.js'

describe('descriptors', () => {
  it('that have run out are told by EMFILE, and all works again when some are closed', async () => {
    const found = await report('descriptors', { descriptors: 64, node: ['--expose-gc'] })
    expect(found).toMatchObject({
      codes: ['EMFILE', 'EMFILE', 'EMFILE', 'EMFILE'],
      message: expect.stringContaining('EMFILE'),
      refilled: 0,
      stillWorks: true,
      worksAgain: true,
      left: 0,
    })
  })

  it('of thousands of sockets, wave after wave, are all given back', async () => {
    const [count, waves] = underAsan ? [500, 3] : [5000, 4]
    const { most, heard, left, growth } = await report<Record<string, number>>('thousands', {
      args: [count, waves],
      descriptors: count + 100,
      node: ['--expose-gc'],
    })
    expect({ most, heard, left }).toEqual({ most: count, heard: (waves * count) / 100, left: 0 })
    // A socket costs some KiB: had those of two waves stayed, tens of MB would show.
    if (!underAsan) expect(growth).toBeLessThan(12)
  }, 60_000)
})
