// A slow link and a small send buffer: sends meet EAGAIN at once. Nothing may be lost without somebody being told.

import { describe, expect, test } from 'vitest'
import { type Host, useNet } from './kit.js'

/** Slow enough to fill the queue, and fast enough to drain it in about a second. */
const RATE = '4mbit'
const SIZE = 500
const BURST = 500
const QUEUE = 200
/** As many as a server's receive buffer holds for certain. */
const EXCHANGED = 150

const net = useNet('each')

const families = [
  { type: 'udp4', sender: '10.0.0.1', receiver: '10.0.0.2', bits: 24 },
  { type: 'udp6', sender: 'fd00::1', receiver: 'fd00::2', bits: 64 },
] as const

describe.each(families)('on $type', ({ type, sender, receiver, bits }) => {
  async function topology(): Promise<[sender: Host, receiver: Host]> {
    const [a, b] = await net.hosts('sender', 'receiver')
    await net.cable(a, 'eth0', b, 'eth0')
    await a.ip(`address add ${sender}/${bits} dev eth0 nodad`)
    await b.ip(`address add ${receiver}/${bits} dev eth0 nodad`)
    // A queue that holds more than the send buffer: the link delays and does not drop.
    const shaper = `qdisc add dev eth0 root tbf rate ${RATE} burst 4kb limit 10mb`
    expect(await a.namespace.run('tc', shaper.split(' '))).toMatchObject({ code: 0 })
    return [a, b]
  }

  test.each([
    { limit: 'datagrams', gso: false },
    { limit: 'datagrams', gso: true },
    { limit: 'bytes', gso: false },
  ] as const)('what the kernel has no room for waits, in order, up to the limit in $limit (gso: $gso)', async (way) => {
    const [a, b] = await topology()
    const port = await b.call('collect', type)
    const limits = way.limit === 'bytes' ? { bytes: QUEUE * SIZE } : { datagrams: QUEUE }
    const report = await a.call('flood', {
      type,
      address: receiver,
      port,
      size: SIZE,
      burst: BURST,
      options: { sendBufferSize: 8192, sendQueue: limits, gso: way.gso },
    })
    const arrived = await b.call('collected', report.taken.length, 5000)

    expect(report.queued[0]).toEqual({ datagrams: QUEUE, bytes: QUEUE * SIZE })
    expect(report.overlapped).toBe(true)
    // Each of them was called back once, with success or with the one error that there is.
    const numbers = [...report.taken, ...report.failed.map(({ number }) => number)]
    expect(ascending(numbers)).toEqual(Array.from({ length: 2 * BURST }, (_, i) => i))
    expect(new Set(report.failed.map(({ code }) => code))).toEqual(new Set(['ERR_SEND_QUEUE_FULL']))
    // What was taken arrives, all of it and in the order in which it was sent.
    expect(report.taken).toEqual(ascending(report.taken))
    expect(arrived).toEqual(report.taken)
    expect(report.stats).toMatchObject({ sent: report.taken.length, sendErrors: report.failed.length, queued: 0 })
  })

  test.each(['reply', 'batch', 'from'] as const)('answers wait too, in order and unharmed (%s)', async (way) => {
    const [server, client] = await topology()
    const port = await server.call('serve', { way, type, echo: true, options: { sendBufferSize: 8192 } })
    const exchanged = await client.call('exchange', { address: sender, port, size: SIZE, count: EXCHANGED })
    expect(exchanged.harmed).toEqual([])
    expect(exchanged.echoed).toEqual(Array.from({ length: EXCHANGED }, (_, i) => i))
  })
})

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((x, y) => x - y)
}
