// TPROXY: datagrams for any address and a range of ports reach one socket (option `transparent`), which learns the
// original destination. https://docs.kernel.org/networking/tproxy.html

import { expect, test } from 'vitest'
import { findCommand } from '../../examples/netns/index.js'
import { type Host, useNet } from './kit.js'

const SERVICE_PORT = 60002
const net = useNet('each')

const families = [
  { type: 'udp4', client: '10.0.0.2', server: '10.0.0.1', bits: 24, vips: ['198.51.100.7', '203.0.113.9'] },
  { type: 'udp6', client: 'fd00::2', server: 'fd00::1', bits: 64, vips: ['2001:db8:51::7', '2001:db8:113::9'] },
] as const
type Family = (typeof families)[number]

async function topology({ type, client: mine, server: via, bits }: Family): Promise<[client: Host, server: Host]> {
  const [client, server] = await net.hosts('client', 'server')
  await net.cable(client, 'eth0', server, 'eth0')
  await client.ip(`
    address add ${mine}/${bits} dev eth0 nodad
    route add default via ${via}`)
  const family = type === 'udp6' ? '-6' : '-4'
  await server.ip(`address add ${via}/${bits} dev eth0 nodad`)
  // What carries the mark is for this host, whatever its destination.
  for (const command of [`rule add fwmark 1 lookup 100`, `route add local default dev lo table 100`]) {
    await server.namespace.run('ip', [family, ...command.split(' ')])
  }
  const ruleset = `
    table ${type === 'udp6' ? 'ip6' : 'ip'} divert {
      chain prerouting {
        type filter hook prerouting priority mangle
        udp dport 7000-7999 tproxy to :${SERVICE_PORT} meta mark set 1 accept
      }
    }`
  const { code, stderr } = await server.namespace.run('nft', ['-f', '-'], { input: ruleset })
  if (code !== 0) throw new Error(stderr)
  return [client, server]
}

test.each(families)('the original address and port of a diverted datagram are known ($type)', async (family) => {
  const [client, server] = await topology(family)
  const { type, vips } = family
  await server.call('serve', { way: 'reply', type, port: SERVICE_PORT, options: { transparent: true } })
  const questions = vips.flatMap((address) => [7000, 7005, 7999].map((port) => ({ address, port, patience: 1000 })))
  const answers = await client.call('ask', questions)
  expect(answers.map(({ told }) => ({ address: told?.local?.address, port: told?.local?.port }))).toEqual(
    questions.map(({ address, port }) => ({ address, port })),
  )
  // The address can be chosen for each datagram; the port is the socket's.
  expect(answers.map(({ from, port }) => ({ from, port }))).toEqual(
    questions.map(({ address }) => ({ from: address, port: SERVICE_PORT })),
  )
})

test.beforeEach((context) => {
  if (findCommand('nft') === undefined) context.skip('needs the program nft (package nftables)')
})
