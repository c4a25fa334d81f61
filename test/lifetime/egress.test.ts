import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { report, run, underAsan } from './program.js'

describe('connect and connectUdp', () => {
  it('leave no descriptor and no port behind, however connections end', async () => {
    const count = underAsan ? 200 : 1000
    const batches = count / 50
    expect(await report('egress-churn', { args: [count], node: ['--expose-gc'] })).toEqual({
      refused: { ECONNREFUSED: count },
      reset: { closed: count },
      'destroyed at once': { closed: count },
      aborted: { ABORT_ERR: count },
      exhausted: { connected: 8 * batches, ERR_PORTS_EXHAUSTED: count - 8 * batches },
      udp: { closed: count },
      'udp, closed at once': { closed: count },
      'udp, one port': { closed: batches, ERR_TUPLE_IN_USE: count - batches },
    })
  }, 60_000)

  it('in worker threads may be terminated in mid-traffic', async () => {
    const terminations = underAsan ? 10 : 30
    const found = await report('egress-workers', { args: [terminations] })
    expect(found).toEqual({ terminated: terminations, answer: 'still works' })
  }, 60_000)
})

describe('a process with open connections', () => {
  it.each([
    ['ends by itself when all are unref-ed', 'unref', 0],
    ['ends by itself when they are unref-ed while they are made', 'unrefAtOnce', 0],
    ['ends by process.exit', 'exit', 7],
    ['ends by process.exit while they are made', 'exitWhileConnecting', 8],
    ['ends by process.exit in a listener', 'exitInListener', 9],
    ['ends by itself when all are closed', 'close', 0],
  ])('%s', async (_title, way, code) => {
    const server = net.createServer((socket) => socket.on('error', () => {}).resume())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as net.AddressInfo
    const outcome = await run('egress-ends', { args: [way, port] })
    expect(outcome).toEqual({ code, signal: null, stdout: '', stderr: '' })
  })
})
