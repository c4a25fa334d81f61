// A backend with many VIPs, none of which is on an interface: they have `local` routes only, as the guest agents of
// clouds make them. Every answer must leave from the VIP that was asked.

import { beforeAll, describe, expect, test } from 'vitest'
import { type Host, useNet } from './kit.js'
import type { Way } from './roles/serve.js'

const SERVER = ['10.128.0.2', '2001:db8:128::2'] as const
const VIPS_V4 = ['198.51.100.2', '198.51.100.3', '198.51.100.250', '192.0.2.53', '203.0.113.77']
const VIPS_V6 = ['2001:db8:51::2', '2001:db8:51::3', '2001:db8:51:ffff::250', '2001:db8:53::53', '2001:db8:77::77']

const net = useNet('all')
let client: Host
let server: Host

beforeAll(async () => {
  if (net.missing !== undefined) return
  ;[client, server] = await net.hosts('client', 'server')
  await net.cable(client, 'eth0', server, 'eth0')
  await client.ip(`
    address add 10.128.0.3/24 dev eth0
    address add 2001:db8:128::3/64 dev eth0 nodad
    route add default via ${SERVER[0]}
    route add default via ${SERVER[1]}`)
  await server.ip(`
    address add ${SERVER[0]}/24 dev eth0
    address add ${SERVER[1]}/64 dev eth0 nodad
    ${[...VIPS_V4, ...VIPS_V6].map((vip, i) => `route add local ${vip} dev ${i % 2 === 0 ? 'lo' : 'eth0 proto 66'}`).join('\n')}`)
})

const families = [
  { name: 'udp4', type: 'udp4', addresses: [SERVER[0], ...VIPS_V4] },
  { name: 'udp6', type: 'udp6', addresses: [SERVER[1], ...VIPS_V6] },
  { name: 'a dual-stack udp6', type: 'udp6', addresses: [...SERVER, ...VIPS_V4, ...VIPS_V6] },
] as const

async function askAll(way: Way, { type, addresses }: (typeof families)[number]) {
  const port = await server.call('serve', { way, type })
  const patience = way === 'dgram' ? 500 : 3000
  return client.call(
    'ask',
    addresses.map((address) => ({ address, port, patience })),
  )
}

describe.each(families)('asked at many VIPs on $name socket', (family) => {
  test.each(['reply', 'batch', 'from'] as const)('every answer comes from the address asked (%s)', async (way) => {
    const answers = await askAll(way, family)
    expect(answers.map((answer) => answer.from)).toEqual(family.addresses)
    expect(answers.every((answer) => answer.accepted)).toBe(true)
    expect(answers.map((answer) => answer.told?.local?.address.replace('::ffff:', ''))).toEqual(family.addresses)
  })

  test('node:dgram answers from its own address only', async () => {
    const answers = await askAll('dgram', family)
    const own = family.addresses.filter((address) => SERVER.some((mine) => mine === address))
    expect(family.addresses.filter((_, i) => answers[i]!.accepted)).toEqual(own)
    expect(new Set(answers.map((answer) => answer.from))).toEqual(new Set(own))
  })
})

test('a source that has an IPv6 `local` route needs no freebind option', async () => {
  const to = { address: '2001:db8:128::3', port: 9 }
  expect(await server.call('sendFrom', { type: 'udp6' }, to, { address: VIPS_V6[0]! })).toBeUndefined()
})

test('a source that is not local is refused, and the remedy of the message helps', async () => {
  const stranger = '198.51.100.99'
  const to = { address: '10.128.0.3', port: 9 }
  const send = () => server.call('sendFrom', { type: 'udp4' }, to, { address: stranger })
  const refused = await send()
  expect(refused).toMatchObject({ code: 'ERR_SOURCE_NOT_LOCAL', address: stranger })
  const remedy = /`ip (.*?)`/.exec(refused!.message)?.[1]
  await server.ip(remedy!)
  expect(await send()).toBeUndefined()
})

test('a source that is not local may be used with `transparent`', async () => {
  const to = { address: '10.128.0.3', port: 9 }
  const from = { address: '198.51.100.98' }
  expect(await server.call('sendFrom', { type: 'udp4', transparent: true }, to, from)).toBeUndefined()
})
