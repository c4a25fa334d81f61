// What the doctor claims that a fault does, seen on the wire: it would be a bad doctor that warned of what does no harm.

import { beforeEach, expect, test } from 'vitest'
import { type Host, useNet, usePrograms } from './kit.js'

const VIP = '10.0.0.100'
const OWN = '10.0.0.11'
const ROUTER = '10.0.0.1'

const net = useNet('each')
usePrograms('nft', 'iptables')
let host: Host
let router: Host

beforeEach(async () => {
  if (net.missing !== undefined) return
  ;[host, router] = await net.hosts('host', 'router')
  await net.cable(host, 'eth0', router, 'eth0')
  await router.ip(`address add ${ROUTER}/24 dev eth0`)
  await host.ip(`
    address add ${OWN}/24 dev eth0
    route add default via ${ROUTER}
    route add local ${VIP} dev lo`)
})

/** What the router's neighbour table says of the VIP when it has asked for it. */
async function resolved(): Promise<string> {
  await router.ip(`neighbour flush dev eth0`)
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    await router.call('sendFrom', { type: 'udp4' }, { address: VIP, port: 9 }, { address: ROUTER })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const { stdout } = await router.namespace.run('ip', ['neighbour', 'show', VIP, 'dev', 'eth0'])
    if (/lladdr|FAILED/.test(stdout)) return stdout.includes('lladdr') ? 'answered' : 'failed'
  }
  throw new Error('the neighbour table did not say')
}

/** The source of what the host sends from the VIP, unasked, as the router sees it. */
async function sourceOfUnasked(): Promise<string> {
  const script = `require('node:dgram').createSocket('udp4').bind(7000).once('message', (_, { address }) => {
    console.log(address)
    process.exit()
  })`
  const told = router.namespace.run(process.execPath, ['-e', script])
  const timer = setInterval(
    () => host.call('sendFrom', { type: 'udp4' }, { address: ROUTER, port: 7000 }, { address: VIP }),
    100,
  )
  try {
    return (await told).stdout.trim()
  } finally {
    clearInterval(timer)
  }
}

test('vip-announced: a `local` route is enough to answer ARP, and arp_ignore 1 ends it', async () => {
  expect(await resolved()).toBe('answered')
  await host.namespace.sysctl({ 'net.ipv4.conf.eth0.arp_ignore': 1 })
  expect(await resolved()).toBe('failed')
})

test('vip-announced: ARP requests carry the VIP, and arp_announce 2 ends it', async () => {
  // Who is asked remembers who asked, when it is told to (arp_accept).
  await router.namespace.sysctl({ 'net.ipv4.conf.eth0.arp_accept': 1 })
  const claimed = async () => {
    await host.ip('neighbour flush dev eth0')
    await router.ip('neighbour flush dev eth0')
    await sourceOfUnasked()
    const { stdout } = await router.namespace.run('ip', ['neighbour', 'show', 'dev', 'eth0'])
    return stdout
      .split('\n')
      .filter((line) => line.includes('lladdr'))
      .map((line) => line.split(' ')[0])
  }
  expect(await claimed()).toContain(VIP)
  await host.namespace.sysctl({ 'net.ipv4.conf.eth0.arp_announce': 2 })
  // Requests that were sent before may still be repeated, once a second.
  let now = await claimed()
  for (let i = 0; i < 5 && now.includes(VIP); i++) now = await claimed()
  expect(now).toEqual([OWN])
})

test('address-translation: what is sent unasked is masqueraded, and answers are not', async () => {
  const rule = 'table ip n { chain p { type nat hook postrouting priority srcnat; oifname "eth0" masquerade\n }\n }'
  expect(await sourceOfUnasked()).toBe(VIP)
  expect((await host.namespace.run('nft', ['-f', '-'], { input: rule })).code).toBe(0)
  expect(await sourceOfUnasked()).toBe(OWN)
  const port = await host.call('serve', { way: 'reply', type: 'udp4' })
  expect(await router.call('tryProbe', { vip: VIP, port })).toMatchObject({ verdict: 'works' })
})

test('reverse-path: the packet that the doctor says is dropped, is dropped', async () => {
  await net.cable(host, 'eth1', router, 'eth1')
  await router.ip(`
    address add 10.0.1.1/24 dev eth1
    address add 203.0.113.7/32 dev lo`)
  await host.ip(`
    address add 10.0.1.11/24 dev eth1
    route add 203.0.113.7 via 10.0.1.1`)
  const port = await host.call('serve', { way: 'reply', type: 'udp4', port: 5300 })
  const asked = { vip: VIP, port, from: '203.0.113.7', sizes: [10], timeout: 1000 }
  const examined = async () =>
    (
      await host.call('examine', {
        role: 'backend',
        vips: [VIP],
        clients: ['203.0.113.7'],
        interface: 'eth0',
        watch: 0,
      })
    ).findings
      .filter(({ check }) => check === 'reverse-path')
      .map(({ severity }) => severity)
  expect([await examined(), (await router.call('tryProbe', asked)).verdict]).toEqual([['ok'], 'works'])
  await host.namespace.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 1 })
  expect([await examined(), (await router.call('tryProbe', asked)).verdict]).toEqual([['error'], 'no-answer'])
  await host.namespace.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 2 })
  expect([await examined(), (await router.call('tryProbe', asked)).verdict]).toEqual([['ok'], 'works'])
})
