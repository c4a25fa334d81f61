// Rules of a window, tried with the programs that they are for, in a namespace whose firewall drops all else.

import { beforeEach, describe, expect, test } from 'vitest'
import { findCommand } from '../../../examples/netns/index.js'
import { PortWindow } from '../../../src/ports/index.js'
import { type Host, useNet } from '../../netns/kit.js'

const made = new PortWindow({
  range: [
    [50_000, 50_009],
    [50_020, 50_020],
  ],
  exclude: [50_005],
  externalOffset: 1000,
})

/** Sends a datagram to each port on the loopback device, and prints those that it came to. */
const PROBE = `
const dgram = require('node:dgram')
const came = []
const sockets = process.argv.slice(1).map((port) => {
  const socket = dgram.createSocket('udp4').bind(Number(port), '127.0.0.1')
  socket.on('message', () => came.push(Number(port)))
  return socket
})
setTimeout(() => {
  const from = dgram.createSocket('udp4')
  for (const socket of sockets) from.send('x', socket.address().port, '127.0.0.1')
  setTimeout(() => {
    console.log(JSON.stringify(came.sort((a, b) => a - b)))
    process.exit()
  }, 300)
}, 100)
`
const PORTS = [49_999, 50_000, 50_004, 50_005, 50_006, 50_009, 50_010, 50_020, 51_000, 51_020]
const INTERNAL = [50_000, 50_004, 50_006, 50_009, 50_020]

async function reached(host: Host): Promise<number[]> {
  const { stdout, stderr } = await host.namespace.run(process.execPath, ['-e', PROBE, ...PORTS.map(String)])
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}

async function succeeds(host: Host, name: string, args: string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await host.namespace.run(name, args, input === undefined ? {} : { input })
  expect([name, code, stderr]).toEqual([name, 0, ''])
  return stdout
}

const net = useNet('each')
const needs = (name: string) =>
  beforeEach((context) => {
    if (findCommand(name) === undefined) context.skip(`${name} is not installed`)
  })

describe('nftables', () => {
  needs('nft')
  const CLOSED = `table inet filter {
    chain input { type filter hook input priority filter; policy drop; ct state established accept; udp dport 1-65535 drop; }
  }`

  test('let datagrams to the ports in, before rules that drop the rest', async () => {
    const [host] = await net.hosts('firewall')
    await succeeds(host, 'nft', ['-f', '-'], CLOSED)
    expect(await reached(host)).toEqual([])
    await succeeds(host, 'nft', ['-c', '-f', '-'], made.toFirewall('nftables'))
    expect(await reached(host)).toEqual([])
    await succeeds(host, 'nft', ['-f', '-'], made.toFirewall('nftables'))
    expect(await reached(host)).toEqual(INTERNAL)
    expect(await succeeds(host, 'nft', ['list', 'chain', 'inet', 'filter', 'input'])).toContain('policy drop;')
    await succeeds(host, 'nft', ['-f', '-'], made.toFirewall('nftables', { ports: 'external' }))
    expect(await reached(host)).toEqual([...INTERNAL, 51_000, 51_020])
  })

  test('are right for a host without rules, and for names of its own', async () => {
    const [host] = await net.hosts('firewall')
    for (const options of [{}, { table: 'ip mine', chain: 'in_udp' }, { table: 'inet mine' }]) {
      await succeeds(host, 'nft', ['-c', '-f', '-'], made.toFirewall('nftables', options))
      await succeeds(host, 'nft', ['-f', '-'], made.toFirewall('nftables', options))
    }
    expect(await reached(host)).toEqual(PORTS)
  })
})

describe('iptables', () => {
  needs('iptables')

  test('let datagrams to the ports in, also more of them than fit in one rule', async () => {
    const [host] = await net.hosts('firewall')
    await succeeds(host, 'iptables', ['-A', 'INPUT', '-p', 'udp', '-j', 'DROP'])
    expect(await reached(host)).toEqual([])
    await succeeds(host, 'sh', ['-e'], made.toFirewall('iptables'))
    expect(await reached(host)).toEqual(INTERNAL)
    const many = new PortWindow({ range: [49_900, 50_020], exclude: [...Array(40)].map((_, i) => 49_901 + 3 * i) })
    const rules = many.toFirewall('iptables', { chain: 'INPUT' })
    expect(rules.split('\n').length).toBeGreaterThan(6)
    await succeeds(host, 'iptables', ['-F'])
    await succeeds(host, 'iptables', ['-A', 'INPUT', '-p', 'udp', '-j', 'DROP'])
    await succeeds(host, 'sh', ['-e'], rules)
    const excluded = (port: number) => port > 50_020 || (port - 49_901) % 3 === 0
    expect(await reached(host)).toEqual(PORTS.filter((port) => !excluded(port)))
    expect(await succeeds(host, 'ip6tables', ['-S'])).toContain('udp-dsr port window')
  })
})

describe('ufw', () => {
  needs('ufw')

  test('are rules that it takes', async () => {
    const [host] = await net.hosts('firewall')
    const rules = made.toFirewall('ufw')
    expect(rules).toBe('ufw allow proto udp to any port 50000:50004,50006:50009,50020 comment "udp-dsr port window"\n')
    // Without changing the host's own rules, which are files that no namespace hides.
    const would = await succeeds(host, 'sh', ['-e'], rules.replaceAll('ufw allow', 'ufw --dry-run allow'))
    expect(would).toContain('-p udp -m multiport --dports 50000:50004,50006:50009,50020 -j ACCEPT')
  })
})

test.each([
  ['pf', {}, 'ERR_INVALID_ARG_VALUE', 'nftables, iptables, ufw'],
  ['nftables', { ports: 'both' }, 'ERR_INVALID_ARG_VALUE', 'options.ports'],
  ['nftables', { table: 'filter' }, 'ERR_INVALID_ARG_VALUE', 'options.table'],
  ['nftables', { chain: 'input; flush ruleset' }, 'ERR_INVALID_ARG_VALUE', 'options.chain'],
  ['iptables', { chain: 5 }, 'ERR_INVALID_ARG_TYPE', 'options.chain'],
  ['nftables', { tabel: 'inet filter' }, 'ERR_UNKNOWN_OPTION', 'Did you mean "table"'],
  ['ufw', null, 'ERR_INVALID_ARG_TYPE', 'options'],
])('toFirewall(%j, %j): %s', (format, options, code, part) => {
  expect(() => made.toFirewall(format as never, options as never)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(part) }),
  )
})
