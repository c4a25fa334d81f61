import { once } from 'node:events'
import { PktInfoSocket } from 'udp-dsr'
import { describe, expect, it, onTestFinished } from 'vitest'
import { run } from './program.js'

describe('a process with open sockets', () => {
  it.each([
    ['ends by itself when all are unref-ed', 'unref', 0],
    ['ends by itself when none is bound', 'unbound', 0],
    ['ends by itself when all are closed', 'close', 0],
    ['ends by itself when a signal closed them', 'aborted', 0],
    ['ends by process.exit', 'exit', 7],
    ['ends by process.exit in a message listener', 'exitInMessage', 8],
    ['ends by process.exit in a batch listener', 'exitInBatch', 9],
    ['ends by process.exit in an iterator loop', 'exitInIterator', 10],
    ['may close them at exit', 'closeAtExit', 11],
  ])('%s', async (_title, way, code) => {
    expect(await run('ends', { args: [way] })).toEqual({ code, signal: null, stdout: '', stderr: '' })
  })

  it.each([
    ['a listener that throws', 'uncaught', 'Error: from a listener'],
    ['an unhandled rejection', 'rejected', 'Error: from a promise'],
  ])('ends by %s, and says so', async (_title, way, message) => {
    const { code, signal, stderr } = await run('ends', { args: [way] })
    expect({ code, signal }).toEqual({ code: 1, signal: null })
    expect(stderr).toContain(message)
    expect(stderr).toContain('ends.js') // where it was thrown
  })

  it('ends well when its SIGTERM handler closes them', async () => {
    const outcome = await run('ends', { args: ['sigterm'], onOutput: (kill) => kill('SIGTERM') })
    expect(outcome).toMatchObject({ code: 0, signal: null, stderr: '' })
  })

  it('ends by SIGTERM without a handler', async () => {
    const outcome = await run('ends', { args: ['killed'], onOutput: (kill) => kill('SIGTERM') })
    expect(outcome).toMatchObject({ code: null, signal: 'SIGTERM', stderr: '' })
  })

  it('says its last words', async () => {
    const socket = await PktInfoSocket.bind({ type: 'udp4', address: '127.0.0.1' })
    onTestFinished(() => socket[Symbol.asyncDispose]())
    const heard = once(socket, 'message')
    expect(await run('ends', { args: ['sendThenExit', socket.address().port] })).toMatchObject({ code: 0, stderr: '' })
    expect(String((await heard)[0])).toBe('the last words')
  })
})
