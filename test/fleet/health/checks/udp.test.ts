import dgram from 'node:dgram'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { PktInfoSocket } from 'udp-dsr'
import { describe, expect, onTestFinished, test } from 'vitest'
import { checkOnce, closedUdpPort, IMPATIENT, PATIENT, udpServer, useMeans } from '../kit.js'

describe.each(['127.0.0.1', '::1'])('a datagram to %s', (address) => {
  test('passes with any answer, an empty one too', async () => {
    const seen: string[] = []
    const { port } = await udpServer((msg, answer) => {
      seen.push(String(msg))
      answer('')
    }, address)
    expect(await checkOnce({ check: 'udp', port }, { address })).toEqual({ verdict: 'passed' })
    expect(seen).toEqual(['ping'])
  })

  test('fails without one', async () => {
    const { port } = await udpServer(() => {}, address)
    expect(await checkOnce({ check: 'udp', port }, { address, timeout: IMPATIENT })).toEqual({
      verdict: 'failed',
      reason: `no answer within ${IMPATIENT} ms`,
    })
  })

  test('fails long before its timeout where nobody listens', async () => {
    const port = await closedUdpPort(address)
    const began = performance.now()
    const outcome = await checkOnce({ check: 'udp', port }, { address, timeout: PATIENT })
    const origin = address === '::1' ? 'ICMP6' : 'ICMP'
    expect(outcome).toEqual({ verdict: 'failed', reason: `ECONNREFUSED by ${origin}` })
    expect(performance.now() - began).toBeLessThan(PATIENT / 2)
  })
})

test('payload and the beginning of the answer, with a mask', async () => {
  const { port } = await udpServer((msg, answer) => answer(Buffer.concat([msg, Buffer.from('!')])))
  const ask = (options: object) =>
    checkOnce({ check: 'udp', port, payload: 'c0ffee', ...options }, { timeout: 1000 }).then(({ verdict }) => verdict)
  expect(await ask({ expect: 'c0ff' })).toBe('passed')
  expect(await ask({ expect: Buffer.from('c0ffee21', 'hex') })).toBe('passed')
  expect(await ask({ expect: 'c0ffee2100' })).toBe('failed')
  expect(await ask({ expect: 'd0ff' })).toBe('failed')
  expect(await ask({ expect: 'd0ff', mask: '0fff' })).toBe('passed')
})

test('an answer that is not the expected one is shown', async () => {
  const { port } = await udpServer((_, answer) => answer('wrong'))
  expect(await checkOnce({ check: 'udp', port, expect: '00' })).toEqual({
    verdict: 'failed',
    reason: 'answered 77726f6e67, not what is expected',
  })
})

test('a good answer that follows bad news outdoes it', async () => {
  const { port } = await udpServer((_, answer) => {
    answer('wrong')
    answer('right')
  })
  const expected = Buffer.from('right')
  expect(await checkOnce({ check: 'udp', port, expect: expected })).toEqual({ verdict: 'passed' })
})

test('an answer from another address or another port is none', async () => {
  const strangers = ['127.0.0.2', '127.0.0.1'].map((address) => {
    const socket = dgram.createSocket('udp4').bind(0, address)
    onTestFinished(() => void socket.close())
    return socket
  })
  await Promise.all(strangers.map((socket) => once(socket, 'listening')))
  let forged = 0
  const { port } = await udpServer((_msg, _answer, from) => {
    for (const socket of strangers) socket.send('pong', from.port, from.address, () => forged++)
  })
  expect((await checkOnce({ check: 'udp', port }, { timeout: IMPATIENT })).verdict).toBe('failed')
  expect(forged).toBe(2)
})

test('checks of two pools that ask the same program both get its answer', async () => {
  const means = useMeans()
  const { port } = await udpServer((_, answer) => answer('pong'))
  const outcomes = await Promise.all([1, 2].map(() => checkOnce({ check: 'udp', port }, { means })))
  expect(outcomes.map(({ verdict }) => verdict)).toEqual(['passed', 'passed'])
})

test('a closed port next to one that works', async () => {
  const means = useMeans()
  const closed = await closedUdpPort()
  const { port } = await udpServer((_, answer) => answer('pong'))
  const ports = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? port : closed))
  const outcomes = await Promise.all(ports.map((one) => checkOnce({ check: 'udp', port: one }, { means })))
  expect(outcomes.map(({ verdict }) => verdict)).toEqual(ports.map((one) => (one === port ? 'passed' : 'failed')))
})

test('an aborted check ends at once', async () => {
  const { port } = await udpServer(() => {})
  const abort = new AbortController()
  const ended = checkOnce({ check: 'udp', port }, { signal: abort.signal, timeout: 60_000 })
  setTimeout(() => abort.abort(), 20)
  expect((await ended).verdict).toBe('undecided')
})

test('an answer that came while this process was busy counts', async () => {
  // An echo server that does not depend on this thread.
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const socket = require('node:dgram').createSocket('udp4')
     socket.on('message', (msg, from) => socket.send(msg, from.port, from.address))
     socket.bind(0, '127.0.0.1', () => parentPort.postMessage(socket.address().port))`,
    { eval: true },
  )
  onTestFinished(async () => void (await worker.terminate()))
  const [port] = (await once(worker, 'message')) as [number]
  const means = useMeans()
  const ask = () => checkOnce({ check: 'udp', port }, { means, timeout: 300 })
  expect((await ask()).verdict).toBe('passed')
  const asked = ask()
  await new Promise(setImmediate) // it is on its way
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  expect((await asked).verdict).toBe('passed')
})

test('what this host cannot do is no failure of the backend', async () => {
  // Linux refuses it unless SO_BROADCAST is set (udp(7)).
  const outcome = await checkOnce({ check: 'udp', port: 9 }, { address: '255.255.255.255', timeout: IMPATIENT })
  expect(outcome).toMatchObject({ verdict: 'undecided', reason: expect.stringContaining('EACCES') })
})

test('thousands of backends share a socket', async () => {
  // One server for all addresses of loopback; dgram would answer from the wrong one.
  await using server = await PktInfoSocket.bind({ type: 'udp4' })
  server.on('message', (msg, rinfo) => server.reply(msg, rinfo))
  const { port } = server.address()
  const means = useMeans()
  for (let round = 0; round < 20; round++) {
    const addresses = Array.from({ length: 100 }, (_, i) => `127.1.${round}.${i + 1}`)
    const asked = addresses.map((address) => checkOnce({ check: 'udp', port }, { means, address }))
    expect((await Promise.all(asked)).filter(({ verdict }) => verdict !== 'passed')).toEqual([])
  }
})
