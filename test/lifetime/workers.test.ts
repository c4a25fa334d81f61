import { describe, expect, it } from 'vitest'
import { report, underAsan } from './program.js'

describe('worker threads', () => {
  it('may end in mid-traffic, in every way', async () => {
    const terminations = underAsan ? 10 : 100
    const { descriptors, growth, ends } = await report<{
      descriptors: number
      growth: number
      ends: Record<string, unknown>
    }>('workers', { args: [terminations], node: ['--expose-gc'] })
    expect(descriptors).toBe(0)
    const end = { exit: 3, throw: 'the tenth datagram', unref: 0 }
    const apis = ['batch', 'message', 'iterator']
    expect(ends).toEqual(
      Object.fromEntries(apis.flatMap((api) => Object.entries(end).map(([mode, how]) => [`${mode} ${api}`, how]))),
    )
    // Each had touched some hundred KiB of buffers: had they stayed, 50 workers would show.
    if (!underAsan) expect(growth).toBeLessThan(10)
  }, 60_000)
})
