import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { probe } from 'udp-dsr/dsr'
import { afterEach, expect, test } from 'vitest'

const open: ReturnType<typeof createSocket>[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.close()
})

/** A server of node:dgram on the wildcard, which answers what it is told to. */
async function serve(answer: (question: Buffer) => Buffer | undefined, address = '0.0.0.0'): Promise<number> {
  const socket = createSocket('udp4').bind(0, address)
  open.push(socket)
  socket.on('message', (question, { port, address }) => {
    const reply = answer(question)
    if (reply !== undefined) socket.send(reply, port, address)
  })
  await once(socket, 'listening')
  return socket.address().port
}

test('the answer of node:dgram at 127.0.0.2 comes from 127.0.0.1', async () => {
  const port = await serve((question) => question)
  expect(await probe({ vip: '127.0.0.2', port })).toMatchObject({
    ...{ verdict: 'wrong-source', summary: `127.0.0.2 port ${port} answered from 127.0.0.1 instead of 127.0.0.2` },
  })
  expect(await probe({ vip: '127.0.0.1', port })).toMatchObject({ verdict: 'works', ok: true })
})

test('an answer from another port is told from one from another address', async () => {
  const other = createSocket('udp4').bind(0, '127.0.0.1')
  open.push(other)
  await once(other, 'listening')
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  open.push(socket)
  await once(socket, 'listening')
  socket.on('message', (question, { port, address }) => other.send(question, port, address))
  const { port } = socket.address()
  const result = await probe({ vip: '127.0.0.1', port })
  expect(result.summary).toBe(
    `127.0.0.1 port ${port} answered from port ${other.address().port} instead of port ${port}`,
  )
})

test('an answer that is not expected is none', async () => {
  const port = await serve((question) => question.subarray(0, 100))
  const result = await probe({ vip: '127.0.0.1', port, expect: (answer, question) => answer.equals(question) })
  expect(result).toMatchObject({
    verdict: 'unexpected-answer',
    attempts: [{ outcome: 'answered' }, { answer: 100 }, {}],
  })
  expect(result.summary).toContain('answered 1200 bytes with 100 bytes that were not expected, 1100 bytes fewer')
})

test('some of the same size may be lost', async () => {
  let count = 0
  const port = await serve((question) => (count++ % 2 === 0 ? question : undefined))
  expect(await probe({ vip: '127.0.0.1', port, sizes: [10, 10, 10], timeout: 100 })).toMatchObject({
    ...{ verdict: 'some-lost', attempts: [{ outcome: 'answered' }, { outcome: 'silent' }, { outcome: 'answered' }] },
  })
})

test('it asks from the address that it is told', async () => {
  let seen: string | undefined
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  open.push(socket)
  socket.on('message', (question, { port, address }) => {
    seen = address
    socket.send(question, port, address)
  })
  await once(socket, 'listening')
  expect(await probe({ vip: '127.0.0.1', port: socket.address().port, payload: 'x', from: '127.0.0.9' })).toMatchObject(
    { ok: true },
  )
  expect(seen).toBe('127.0.0.9')
})

test('a signal ends it', async () => {
  const port = await serve(() => undefined)
  const reason = new Error('enough')
  const controller = new AbortController()
  const result = probe({ vip: '127.0.0.1', port, timeout: 60_000, signal: controller.signal })
  setTimeout(() => controller.abort(reason), 20)
  await expect(result).rejects.toBe(reason)
})
