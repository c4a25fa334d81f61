import { describe, expect, it } from 'vitest'
import { report } from './program.js'

describe('a listener that throws', () => {
  it('has its error reported, and nothing else is lost', async () => {
    const at = (count: number) => Array.from({ length: count }, (_, i) => `at ${i}`)
    expect(await report('throwing')).toEqual({
      message: { got: ['0', '1', '2', '3', '4', '0'], errors: [...at(5), 'at 0'] },
      'batch and message': {
        got: { batches: 1, got: ['0', '1', '2', '3'], stats: 4 },
        errors: ['batch of 4', 'message 2'],
      },
      'replies of a batch that throws': { got: 4, errors: ['after the replies'] },
      'closes, then throws': { got: 1, errors: ['closed'] },
      listening: { got: null, errors: ['listening'] },
      peerError: { got: 2, errors: ['peerError', 'peerError'] },
      'send callback, sendError, close': { got: 3, errors: ['told', 'told', 'told'] },
    })
  })
})
