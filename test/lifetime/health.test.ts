import { describe, expect, it } from 'vitest'
import { report, run } from './program.js'

describe('a process that follows backends', () => {
  it.each([
    ['ends by itself when it is unref-ed', 'unref', 0],
    ['ends by itself when it is unref-ed, with checks that wait', 'unrefLong', 0],
    ['goes on otherwise', 'held', 5],
  ])('%s', async (_title, way, code) => {
    expect(await run('health', { args: [way] })).toEqual({ code, signal: null, stdout: '', stderr: '' })
  })

  it('has no socket of it left after close, and ends', async () => {
    // One of all checks over UDP, and both ends of two connections.
    expect(await report('health', { args: ['close'] })).toEqual({ open: 5 })
  })

  it('takes nobody out because it has no descriptors', async () => {
    expect(await report('health', { args: ['exhausted'], descriptors: 64 })).toEqual({ seen: ['up undecided'] })
  })
})
