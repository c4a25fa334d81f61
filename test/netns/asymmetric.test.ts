// Requests come in on one interface and answers leave through another, as with tunnels and direct server return: the
// interface is routing's to choose, and only the source address is fixed.

import { describe, expect, test } from 'vitest'
import { type Host, useNet } from './kit.js'

const CLIENT = '203.0.113.2'
const VIP = '198.51.100.2'
/** rp_filter of the server (ip-sysctl): 0 no check, 1 strict (RFC 3704 §2.2), 2 loose (§2.4). */
const RP_FILTER = { off: 0, strict: 1, loose: 2 } as const

const net = useNet('each')

/** Two cables: the client's route to the VIP leads over `in`, the server's route back over `out`. */
async function topology(rpFilter: number): Promise<[client: Host, server: Host]> {
  const [client, server] = await net.hosts('client', 'server')
  await net.cable(client, 'in', server, 'in')
  await net.cable(client, 'out', server, 'out')
  await client.ip(`
    address add ${CLIENT}/32 dev lo
    address add 10.0.1.1/24 dev in
    address add 10.0.2.1/24 dev out
    route add ${VIP} via 10.0.1.2 src ${CLIENT}`)
  await server.ip(`
    address add 10.0.1.2/24 dev in
    address add 10.0.2.2/24 dev out
    route add ${CLIENT} via 10.0.2.1
    route add local ${VIP} dev lo`)
  await server.namespace.sysctl({
    'net.ipv4.conf.all.rp_filter': rpFilter,
    'net.ipv4.conf.in.rp_filter': rpFilter,
  })
  return [client, server]
}

/** Packets that went through an interface. */
async function packets(host: Host, device: string): Promise<{ received: number; sent: number }> {
  const { stdout } = await host.namespace.run('ip', ['-json', '-stats', 'link', 'show', device])
  const [{ stats64 }] = JSON.parse(stdout)
  return { received: stats64.rx.packets, sent: stats64.tx.packets }
}

describe.each(['reply', 'batch', 'from'] as const)('with %s', (way) => {
  test.each(['off', 'loose'] as const)('the answer takes the other way (rp_filter %s)', async (mode) => {
    const [client, server] = await topology(RP_FILTER[mode])
    const port = await server.call('serve', { way, type: 'udp4' })
    const questions = Array.from({ length: 50 }, () => ({ address: VIP, port }))
    const before = { in: await packets(server, 'in'), out: await packets(server, 'out') }
    const answers = await client.call('ask', questions)
    const after = { in: await packets(server, 'in'), out: await packets(server, 'out') }
    expect(new Set(answers.map((answer) => answer.from))).toEqual(new Set([VIP]))
    expect(answers.every((answer) => answer.accepted)).toBe(true)
    // Each question is asked twice: strictly and openly.
    expect(after.in.received - before.in.received).toBeGreaterThanOrEqual(100)
    expect(after.in.sent - before.in.sent).toBeLessThan(50)
    expect(after.out.sent - before.out.sent).toBeGreaterThanOrEqual(100)
  })
})

test('strict rp_filter drops the question, which no socket can help', async () => {
  const [client, server] = await topology(RP_FILTER.strict)
  const port = await server.call('serve', { way: 'reply', type: 'udp4' })
  expect(await client.call('ask', [{ address: VIP, port, patience: 300 }])).toEqual([{ accepted: false }])
})
