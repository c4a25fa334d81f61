import { describe, expect, it } from 'vitest'
import { report } from './program.js'

describe('the addon', () => {
  it('survives whatever it is called with', async () => {
    expect(await report('native')).toEqual({
      foreign: true,
      derived: 0,
      unopened: [-1, true, true, true, true, true, true, true],
      twice: ['EALREADY', 'EALREADY', 0, 'EALREADY', true, -1],
      notAFunction: true,
      adopt: [
        ['ENOTSOCK', true],
        ['EPROTOTYPE', true],
        ['EBADF', 'Error'],
        ['EBADF', 'Error'],
        ['EBADF', 'Error'],
      ],
      otherFamily: [6, -1, 0, 0],
      stolen: 'EEXIST',
      flush: ['number'],
      reopened: [0, 0, 1],
    })
  })

  it('survives a program that writes over the memory they share', async () => {
    expect(await report('hostile', { args: ['scribble'] })).toMatchObject({ batches: true })
  })

  it('survives a program that takes that memory away', async () => {
    // ArrayBuffer.prototype.transfer came with V8 11.4 (Node 21).
    const node = 'transfer' in ArrayBuffer.prototype ? [] : ['--harmony-rab-gsab-transfer']
    const { batches, errors } = await report('hostile', { args: ['detach'], node })
    expect(batches).toBe(true)
    expect(errors).toEqual(['TypeError']) // what JavaScript says to the use of detached memory
  })

  it('keeps its memory when a payload is transferred to another thread', async () => {
    const found = await report('hostile', { args: ['transfer'] })
    expect(found).toMatchObject({ batches: true, answers: true })
  })
})
