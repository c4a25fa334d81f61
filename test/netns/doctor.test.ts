// The doctor on hosts of two kinds: healthy ones, of which it must say nothing, and ones with a single fault planted, of which it
// must name that fault and no other.

import type { HostOptions, Report } from 'udp-dsr/dsr'
import { expect, onTestFinished, test } from 'vitest'
import { type Host, useNet, usePrograms } from './kit.js'

const PORT = 5300
const VIP4 = '198.51.100.2'
const VIP6 = '2001:db8:51::2'
const OWN = { 4: '10.0.0.11', 6: '2001:db8:10::11' }
const ROUTER = { 4: '10.0.0.1', 6: '2001:db8:10::1' }
const EDGE = '10.0.0.2'
const EDGE6 = '2001:db8:10::2'

const net = useNet('each')
usePrograms('nft', 'iptables', 'ethtool', 'tc')

/** A host behind a router, on a segment that takes 1600 bytes, with the VIPs as `local` routes. */
interface World {
  host: Host
  router: Host
}

async function build(): Promise<World> {
  const [host, router] = await net.hosts('host', 'router')
  await net.cable(host, 'eth0', router, 'eth0')
  await router.ip(`
    link set eth0 mtu 1600
    address add ${ROUTER[4]}/24 dev eth0
    address add ${EDGE}/24 dev eth0
    address add ${ROUTER[6]}/64 dev eth0
    address add ${EDGE6}/64 dev eth0`)
  await host.ip(`
    link set eth0 mtu 1600
    address add ${OWN[4]}/24 dev eth0
    address add ${OWN[6]}/64 dev eth0
    route add default via ${ROUTER[4]}
    route add default via ${ROUTER[6]}
    route add local ${VIP4} dev lo
    route add local ${VIP6} dev lo`)
  return { host, router }
}

const backend: HostOptions = { role: 'backend', vips: [VIP4, VIP6], ports: [PORT], interface: 'eth0', watch: 50 }
const edge: HostOptions = { role: 'edge', vips: [VIP4, VIP6], interface: 'eth0', backends: [ROUTER[4], ROUTER[6]] }

/** Starts the service of a backend. */
async function listen({ host }: World): Promise<void> {
  await host.call('serve', { way: 'reply', type: 'udp6', port: PORT })
}

function problems({ findings }: Report) {
  return findings.filter(({ severity }) => severity !== 'ok')
}

test.each<[string, HostOptions, ((world: World) => Promise<void>)?]>([
  ['a backend', backend],
  ['a backend whose interface is found by itself', { ...backend, interface: undefined }],
  [
    'a backend whose VIPs are addresses of lo',
    backend,
    async ({ host }) => {
      await host.ip(`
      route del local ${VIP4} dev lo
      route del local ${VIP6} dev lo
      address add ${VIP4}/32 dev lo
      address add ${VIP6}/128 dev lo`)
    },
  ],
  [
    'a backend with a VIP of its segment, and ARP as it must be',
    { ...backend, vips: ['10.0.0.100'] },
    async ({ host }) => {
      await host.ip('route add local 10.0.0.100 dev lo')
      await host.namespace.sysctl({ 'net.ipv4.conf.all.arp_ignore': 1, 'net.ipv4.conf.all.arp_announce': 2 })
    },
  ],
  [
    'a backend with a strict reverse path filter that does no harm',
    backend,
    async ({ host }) => {
      await host.namespace.sysctl({ 'net.ipv4.conf.all.rp_filter': 1 })
    },
  ],
  [
    'a backend with a firewall that lets the service through',
    backend,
    async ({ host }) => {
      await nft(
        host,
        `table inet filter {
      set blocked { type ipv4_addr; elements = { 192.0.2.66 }; }
      chain input {
        type filter hook input priority filter; policy drop;
        iif lo accept
        ct state vmap { established : accept, related : accept, invalid : drop }
        ip saddr @blocked drop
        meta l4proto { icmp, ipv6-icmp } accept
        udp dport { 53, 5000-5999 } accept
      }
      chain output { type filter hook output priority filter; policy drop; meta l4proto ipv6-icmp accept; ct state established accept; udp sport ${PORT} accept; }
    }
    table ip nat { chain post { type nat hook postrouting priority srcnat; ip saddr 172.17.0.0/16 oifname != "docker0" masquerade; }; }`,
      )
    },
  ],
  [
    'a backend with a firewall that lets in those clients that there are',
    { ...backend, vips: [VIP4], clients: ['203.0.113.7'] },
    ({ host }) =>
      nft(
        host,
        'table ip f { chain i { type filter hook input priority 0; policy drop; ip saddr 203.0.113.0/24 udp dport 5300 accept; }; }',
      ),
  ],
  [
    'a backend with iptables that let the service through',
    backend,
    async ({ host }) => {
      for (const command of ['iptables', 'ip6tables']) {
        await run(host, command, '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT')
        await run(host, command, '-N SERVICES')
        await run(host, command, '-A INPUT -i eth0 -j SERVICES')
        await run(
          host,
          command,
          `-A SERVICES -p udp -m multiport --dports 53,5000:5999 -m comment --comment "a service" -j ACCEPT`,
        )
        await run(host, command, `-A INPUT -p ${command === 'iptables' ? 'icmp' : 'ipv6-icmp'} -j ACCEPT`)
        await run(host, command, '-P INPUT DROP')
      }
    },
  ],
  ['a backend with a proxy header before its datagrams', { ...backend, delivery: 'proxy', edges: [EDGE, EDGE6] }],
  [
    'a backend behind IPIP',
    { ...backend, delivery: 'ipip', edges: [EDGE, EDGE6] },
    async ({ host }) => {
      await host.call('attachBackend', { interface: 'eth0', edges: [EDGE, EDGE6] })
    },
  ],
  [
    'a backend behind GUE',
    { ...backend, delivery: 'gue', edges: [EDGE] },
    async ({ host }) => {
      await host.call('attachBackend', { interface: 'eth0', edges: [EDGE] })
    },
  ],
  ['an edge', edge],
  ['an edge that is attached', { ...edge, delivery: 'gue' }, ({ host }) => host.call('attachEdge', 'eth0')],
])('of %s the doctor finds nothing', async (_name, options, prepare) => {
  const world = await build()
  if (options.role === 'backend') await listen(world)
  await prepare?.(world)
  const report = await world.host.call('examine', options)
  expect(problems(report)).toEqual([])
  expect(report.ok).toBe(true)
  expect(report.counts.ok).toBeGreaterThanOrEqual(options.role === 'backend' ? 15 : 8)
})

interface Fault {
  fault: string
  check: string
  severity?: 'error' | 'warning'
  /** What the summary must say. */
  says: string
  options?: Partial<HostOptions>
  of?: HostOptions
  /** Without the service. */
  silent?: boolean
  plant?: (world: World) => Promise<unknown>
  /** The first line of the fix, run as it is, must do away with it. */
  fixed?: boolean
}

const sysctl =
  (values: Record<string, number | string>) =>
  ({ host }: World) =>
    host.namespace.sysctl(values)
const ip =
  (commands: string) =>
  ({ host }: World) =>
    host.ip(commands)
const rules =
  (ruleset: string) =>
  ({ host }: World) =>
    nft(host, ruleset)
const ruleOf =
  (command: string, args: string) =>
  ({ host }: World) =>
    run(host, command, args)
const cover =
  (folder: string, files: Record<string, string>) =>
  ({ host }: World) =>
    host.call('cover', folder, files)

const FAULTS: Fault[] = [
  {
    fault: 'the VIP is no local address',
    check: 'vip-local',
    says: `${VIP4} is not a local address`,
    plant: ip(`route del local ${VIP4} dev lo`),
    fixed: true,
  },
  {
    fault: 'the IPv6 VIP is no local address',
    check: 'vip-local',
    says: `${VIP6} is not a local address`,
    plant: ip(`route del local ${VIP6} dev lo`),
    fixed: true,
  },
  {
    fault: 'a VIP of the segment, for which ARP is answered',
    check: 'vip-announced',
    says: 'answers ARP for the VIP 10.0.0.100',
    options: { vips: ['10.0.0.100'] },
    plant: async ({ host }) => {
      await host.ip('route add local 10.0.0.100 dev lo')
      await host.namespace.sysctl({ 'net.ipv4.conf.all.arp_announce': 2 })
    },
    fixed: true,
  },
  {
    fault: 'a VIP of the segment, which ARP requests claim',
    check: 'vip-announced',
    says: 'ARP requests on eth0 claim the VIP 10.0.0.100',
    options: { vips: ['10.0.0.100'] },
    plant: async ({ host }) => {
      await host.ip('route add local 10.0.0.100 dev lo')
      await host.namespace.sysctl({ 'net.ipv4.conf.all.arp_ignore': 1 })
    },
    fixed: true,
  },
  {
    fault: 'a VIP of the segment that is an address of its interface',
    check: 'vip-announced',
    says: 'claimed on eth0',
    options: { vips: ['10.0.0.100'] },
    plant: ip('address add 10.0.0.100/32 dev eth0'),
  },
  {
    fault: 'an IPv6 VIP that is an address of the interface',
    check: 'vip-announced',
    severity: 'warning',
    says: `${VIP6} is an address of eth0`,
    plant: ip(`address add ${VIP6}/128 dev eth0 nodad`),
  },
  {
    fault: 'a strict reverse path filter, and the way back through another interface',
    check: 'reverse-path',
    says: `drops clients' packets for ${VIP4}`,
    plant: async ({ host, router }) => {
      await net.cable(host, 'eth1', router, 'eth1')
      await router.ip('address add 10.0.1.1/24 dev eth1')
      await host.ip(`
        address add 10.0.1.11/24 dev eth1
        route replace default via 10.0.1.1`)
      await host.namespace.sysctl({ 'net.ipv4.conf.eth0.rp_filter': 1 })
    },
    fixed: true,
  },
  {
    fault: 'a client that is an address of the backend itself',
    check: 'reverse-path',
    severity: 'warning',
    says: `Packets from ${OWN[4]} are dropped`,
    options: { vips: [VIP4], clients: [OWN[4]] },
    fixed: true,
  },
  {
    fault: 'no default route',
    check: 'return-route',
    says: `no route to clients for replies from ${VIP4}`,
    plant: ip('route del default'),
  },
  {
    fault: 'no IPv6 default route',
    check: 'return-route',
    says: `no route to clients for replies from ${VIP6}`,
    plant: ip(`route del default via ${ROUTER[6]}`),
  },
  {
    fault: 'a rule that sends what is from the VIP nowhere',
    check: 'return-route',
    says: 'though other packets have one',
    plant: ip(`rule add from ${VIP4} table 77
      route add unreachable default table 77`),
  },
  {
    fault: 'a rule that sends what is from the VIP elsewhere',
    check: 'return-route',
    severity: 'warning',
    says: 'leave another way',
    plant: ip(`rule add from ${VIP4} table 77
      route add default via ${EDGE} table 77`),
  },
  {
    fault: 'nft: an input chain without the port',
    check: 'firewall',
    says: `drops UDP to ${VIP4} port ${PORT}`,
    plant: rules(
      'table ip filter { chain input { type filter hook input priority 0; policy drop; udp dport 53 accept; }; }',
    ),
    fixed: true,
  },
  {
    fault: 'nft: a rule that drops IPv6',
    check: 'firewall',
    says: `drops UDP to ${VIP6}`,
    plant: rules(`table inet f { chain one { ip6 daddr ${VIP6} reject; }
      chain input { type filter hook prerouting priority -150; meta l4proto udp jump one; }; }`),
    fixed: true,
  },
  {
    fault: 'nft: replies are dropped',
    check: 'firewall',
    says: `drops UDP from ${VIP4} port ${PORT}`,
    plant: rules('table ip f { chain out { type filter hook output priority 0; udp sport 5300 drop; }; }'),
    fixed: true,
  },
  {
    fault: 'nft: accepted from one network only',
    check: 'firewall',
    severity: 'warning',
    says: 'from some clients only',
    plant: rules(
      'table ip f { chain i { type filter hook input priority 0; policy drop; ip saddr 203.0.113.0/24 udp dport 5300 accept; }; }',
    ),
  },
  {
    fault: 'iptables: an input chain without the port',
    check: 'firewall',
    says: `drops UDP to ${VIP4} port ${PORT}`,
    plant: async ({ host }) => {
      await run(host, 'iptables', '-A INPUT -p udp -m udp --dport 53 -j ACCEPT')
      await run(host, 'iptables', '-P INPUT DROP')
    },
    fixed: true,
  },
  {
    fault: 'iptables: a rule that rejects, of ip6tables',
    check: 'firewall',
    severity: 'warning',
    says: `drops UDP to ${VIP6} port ${PORT} from some clients`,
    plant: ruleOf('ip6tables', '-A INPUT ! -s fe80::/10 -p udp -m multiport --dports 53,5000:5999 -j REJECT'),
  },
  {
    fault: "nftables' own input chain, beside one of the older iptables",
    check: 'firewall',
    says: `drops UDP to ${VIP4} port ${PORT}`,
    plant: async (world) => {
      await run(world.host, 'iptables-legacy', '-A INPUT -p udp -j ACCEPT')
      await nft(
        world.host,
        `table ip filter { chain INPUT { type filter hook input priority 10; udp dport ${PORT} drop; }; }`,
      )
    },
  },
  {
    fault: 'the firewall lets no proxied datagrams in',
    check: 'firewall',
    says: `from ${EDGE} to ${OWN[4]} port ${PORT}`,
    options: { delivery: 'proxy', edges: [EDGE] },
    plant: rules(
      `table ip f { chain i { type filter hook input priority 0; policy drop; ip daddr ${VIP4} accept; }; }`,
    ),
  },
  {
    fault: 'nft: the destination is rewritten',
    check: 'address-translation',
    severity: 'warning',
    says: `UDP to ${VIP4} port ${PORT} is rewritten`,
    plant: rules(
      `table ip n { chain p { type nat hook prerouting priority dstnat; ip daddr ${VIP4} udp dport ${PORT} dnat to ${OWN[4]}; }; }`,
    ),
    fixed: true,
  },
  {
    fault: 'nft: what leaves is masqueraded',
    check: 'address-translation',
    severity: 'warning',
    says: `UDP from ${VIP4} port ${PORT} leaves from another address`,
    plant: rules('table ip n { chain p { type nat hook postrouting priority srcnat; oifname "eth0" masquerade; }; }'),
    fixed: true,
  },
  {
    fault: 'a rule of the older iptables',
    check: 'firewall',
    says: `drops UDP to ${VIP4} port ${PORT}`,
    plant: async ({ host }) => {
      await run(host, 'iptables-legacy', `-A INPUT -p udp --dport ${PORT} -j DROP`)
    },
  },
  {
    fault: 'iptables: what leaves is masqueraded',
    check: 'address-translation',
    severity: 'warning',
    says: `UDP from ${VIP4} port ${PORT} leaves from another address`,
    plant: ruleOf('iptables', '-t nat -A POSTROUTING -o eth0 -j MASQUERADE'),
    fixed: true,
  },
  {
    fault: 'iptables: requests are redirected',
    check: 'address-translation',
    severity: 'warning',
    says: 'is rewritten',
    plant: ruleOf('iptables', `-t nat -A PREROUTING -p udp -m udp --dport ${PORT} -j REDIRECT --to-ports 5301`),
    fixed: true,
  },
  {
    fault: 'nft: a rule without state gives replies another source',
    check: 'address-translation',
    severity: 'warning',
    says: `UDP from ${VIP4} port ${PORT} leaves from another address`,
    plant: rules(
      `table ip n { chain p { type filter hook postrouting priority 300; udp sport ${PORT} ip saddr set ${OWN[4]}; }; }`,
    ),
    fixed: true,
  },
  {
    fault: 'the table of connection tracking is nearly full',
    check: 'conntrack-table',
    says: '97 % full',
    plant: cover('/proc/sys/net/netfilter', { nf_conntrack_max: '1000', nf_conntrack_count: '970' }),
  },
  {
    fault: 'nobody listens',
    check: 'listener',
    says: `Nobody listens on ${VIP4} port ${PORT}`,
    options: { vips: [VIP4] },
    silent: true,
  },
  {
    fault: 'the program listens on the own address only',
    check: 'listener',
    says: `Nobody listens on ${VIP4} port ${PORT}`,
    options: { vips: [VIP4] },
    silent: true,
    plant: ({ host }) =>
      host.call('serve', { way: 'reply', type: 'udp4', port: PORT, options: { address: OWN[4] } as never }),
  },
  {
    fault: 'the program listens on IPv4 only',
    check: 'listener',
    says: `Nobody listens on ${VIP6} port ${PORT}`,
    silent: true,
    plant: ({ host }) => host.call('serve', { way: 'reply', type: 'udp4', port: PORT }),
  },
  {
    fault: "the service's port is one that the kernel gives out",
    check: 'ephemeral-ports',
    severity: 'warning',
    says: `gives out port ${PORT}`,
    plant: sysctl({ 'net.ipv4.ip_local_port_range': '"5000 60000"' }),
    fixed: true,
  },
  {
    fault: 'the interface is down',
    check: 'link-state',
    says: 'eth0 is down',
    of: { role: 'edge', vips: [VIP4], interface: 'eth0' },
    plant: ip('link set eth0 down'),
    fixed: true,
  },
  {
    fault: 'the other end of the cable is down',
    check: 'link-state',
    says: 'eth0 has no carrier',
    of: { role: 'edge', vips: [VIP4], interface: 'eth0' },
    plant: ({ router }) => router.ip('link set eth0 down'),
  },
  {
    fault: 'a backend that does not exist',
    check: 'next-hops',
    says: 'answers for the backend 10.0.0.99',
    of: { ...edge, backends: [ROUTER[4], '10.0.0.99'] },
  },
  {
    fault: 'a backend that no route leads to',
    check: 'next-hops',
    says: 'no route to the backend 10.9.9.9',
    of: { ...edge, backends: ['10.9.9.9'] },
    plant: ip('route del default'),
  },
  {
    fault: 'a router that does not answer',
    check: 'next-hops',
    says: 'answers for the router',
    plant: ip('route replace default via 10.0.0.98'),
  },
  {
    fault: 'no room for the tunnel on the segment, at the edge',
    check: 'path-mtu',
    severity: 'warning',
    says: 'more than 1480 bytes',
    of: { ...edge, delivery: 'ipip', backends: [ROUTER[4]] },
    plant: ip('link set eth0 mtu 1500'),
    fixed: true,
  },
  {
    fault: 'no room for the tunnel on the segment, at the backend',
    check: 'path-mtu',
    severity: 'warning',
    says: 'more than 1452 bytes',
    options: { delivery: 'gue', edges: [EDGE6] },
    plant: async ({ host }) => {
      await host.ip('link set eth0 mtu 1500')
      await host.call('attachBackend', { interface: 'eth0', edges: [EDGE6] })
    },
    fixed: true,
  },
  {
    fault: 'an MTU that was named',
    check: 'path-mtu',
    severity: 'warning',
    says: 'more than 1408 bytes',
    of: { ...edge, vips: [VIP4], delivery: 'proxy', mtu: 1456 },
  },
  {
    fault: 'nobody undoes the tunnels',
    check: 'decapsulation',
    says: 'Nobody takes packets out of the ipip tunnels',
    options: { delivery: 'ipip', edges: [EDGE] },
  },
  {
    fault: 'another XDP program has the interface',
    check: 'xdp-program',
    says: 'Another XDP program has eth0: stranger',
    of: edge,
    plant: ({ host }) => host.call('attachStranger', 'eth0'),
  },
  {
    fault: 'XDP sends into a veth whose other end takes nothing',
    check: 'xdp-losses',
    severity: 'warning',
    says: 'Packets that XDP sends are lost on eth0',
    of: { ...edge, backends: [], watch: 1000 },
    plant: async ({ host, router }) => {
      await host.call('attachMirror', 'eth0')
      await router.ip(`neighbour replace ${OWN[4]} dev eth0 lladdr 02:00:00:00:00:01`)
      background(router, STEADY, OWN[4], '9')
    },
  },
  {
    fault: 'IPv6 is off',
    check: 'ipv6-usable',
    says: 'IPv6 is off on eth0',
    of: { ...edge, backends: [] },
    plant: sysctl({ 'net.ipv6.conf.eth0.disable_ipv6': 1 }),
    fixed: true,
  },
  {
    fault: 'an IPv6 address that another host has',
    check: 'ipv6-usable',
    says: `${VIP6} on eth0 is used by another host`,
    of: { ...edge, backends: [] },
    plant: async ({ host, router }) => {
      await router.ip(`address add ${VIP6}/64 dev eth0 nodad`)
      await host.namespace.sysctl({ 'net.ipv6.conf.all.accept_dad': 1, 'net.ipv6.conf.eth0.accept_dad': 1 })
      await host.ip(`address add ${VIP6}/64 dev eth0`)
      await until(async () =>
        (await host.namespace.run('ip', ['-6', 'address', 'show', 'dadfailed'])).stdout.includes(VIP6),
      )
    },
  },
  {
    fault: 'a filter at egress',
    check: 'traffic-control',
    severity: 'warning',
    says: 'A filter at egress of eth0',
    plant: async ({ host }) => {
      await run(host, 'tc', 'qdisc add dev eth0 clsact')
      await run(host, 'tc', `filter add dev eth0 egress pref 7 protocol ip u32 match ip src ${VIP4} flowid 1:1`)
    },
    fixed: true,
  },
  {
    fault: 'a receive buffer that runs over',
    check: 'lost-packets',
    severity: 'warning',
    says: 'because the buffer of a socket was full',
    options: { watch: 1000 },
    silent: true,
    plant: async ({ host }) => {
      background(host, DEAF, String(PORT))
      background(host, STEADY, '127.0.0.1', String(PORT))
      const bound = async () => (await host.namespace.run('ss', ['-uln'])).stdout.includes(`:${PORT} `)
      await until(bound)
    },
  },
  {
    fault: 'BPF programs are interpreted',
    check: 'limits',
    severity: 'warning',
    says: 'BPF programs are not compiled',
    of: edge,
    plant: cover('/proc/sys/net/core', { bpf_jit_enable: '0\n' }),
  },
  {
    fault: 'small receive buffers only',
    check: 'limits',
    severity: 'warning',
    says: 'small receive buffers only',
    plant: cover('/proc/sys/net/core', { rmem_max: '65536\n' }),
  },
  {
    fault: 'no BPF filesystem for pins',
    check: 'limits',
    says: 'No pins can be made below /run/udp-dsr',
    options: { pinPath: '/run/udp-dsr/edge' },
  },
]

/** Sends twenty datagrams to an address and port every few milliseconds. */
const STEADY = `
const [address, port] = process.argv.slice(1)
const socket = require('node:dgram').createSocket('udp4')
setInterval(() => { for (let i = 0; i < 20; i++) socket.send(Buffer.alloc(500), Number(port), address) }, 5)`

/** Binds a port and reads nothing. */
const DEAF = `
const socket = require('node:dgram').createSocket({ type: 'udp6', recvBufferSize: 4096 })
socket.bind(Number(process.argv[1]), () => setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 100))`

/** Runs a script of Node on a host until the test ends. */
function background({ namespace }: Host, script: string, ...args: string[]): void {
  const child = namespace.spawn(process.execPath, ['-e', script, ...args], { stdio: 'ignore' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
}

test.each(FAULTS)('$check: $fault', async ({ check, severity = 'error', says, options, of, silent, plant, fixed }) => {
  const world = await build()
  const all = { ...(of ?? backend), ...options }
  if (all.role === 'backend' && !silent) await listen(world)
  await plant?.(world)
  const report = await world.host.call('examine', all)
  const found = problems(report)
  expect(found).toEqual([
    expect.objectContaining({
      check,
      severity,
      summary: expect.stringContaining(says),
      docs: `docs/doctor.md#${check}`,
    }),
  ])
  expect(report.ok).toBe(false)
  if (!fixed) return
  const fix = found[0]!.fix!.split('\n')[0]!
  const { code, stderr } = await world.host.namespace.run('sh', ['-c', fix])
  expect([fix, code, stderr]).toEqual([fix, 0, ''])
  expect(problems(await world.host.call('examine', all))).toEqual([])
})

test('what is wrong in two ways is told twice, the worse first', async () => {
  const world = await build()
  await world.host.ip(`route del local ${VIP4} dev lo`)
  await world.host.namespace.sysctl({ 'net.ipv4.ip_local_port_range': '"5000 60000"' })
  const report = await world.host.call('examine', backend)
  expect(problems(report).map(({ check }) => check)).toEqual(['vip-local', 'listener', 'listener', 'ephemeral-ports'])
})

test('of many that are alike the first few are told', async () => {
  const { host } = await build()
  const ports = Array.from({ length: 50 }, (_, i) => 20_000 + i)
  const { findings } = await host.call('examine', { ...backend, vips: [VIP4], ports })
  const told = findings.filter(({ severity }) => severity === 'error')
  expect(told.map(({ check }) => check)).toEqual(Array(7).fill('listener'))
  expect(told.at(-1)).toMatchObject({ summary: '44 more like these', detail: expect.stringContaining('port 20006') })
})

test('rules that the doctor does not understand are unknown, where they matter', async () => {
  const { host } = await build()
  await host.call('serve', { way: 'reply', type: 'udp6', port: PORT })
  await nft(
    host,
    `table ip f {
      chain i { type filter hook input priority 0; udp length 100-200 drop; }
      chain p { type nat hook postrouting priority srcnat; meta cpu 1 masquerade; }
    }`,
  )
  const { findings } = await host.call('examine', { ...backend, vips: [VIP4] })
  expect(findings.filter(({ severity }) => severity !== 'ok').map(({ check, severity }) => [check, severity])).toEqual([
    ['firewall', 'unknown'],
    ['address-translation', 'unknown'],
  ])
})

test('an interface that does not exist is refused', async () => {
  const { host } = await build()
  await expect(host.call('examine', { ...backend, interface: 'eth7' })).rejects.toMatchObject({
    code: 'ERR_BPF_INTERFACE',
  })
})

async function nft(host: Host, ruleset: string): Promise<void> {
  const { code, stderr } = await host.namespace.run('nft', ['-f', '-'], { input: ruleset.replaceAll(/; *}/g, '\n}') })
  if (code !== 0) throw new Error(stderr)
}

async function run(host: Host, command: string, args: string): Promise<void> {
  const words = [...args.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
  const { code, stderr } = await host.namespace.run(command, words)
  if (code !== 0) throw new Error(stderr)
}

/** Waits for something that comes to be by itself. */
async function until(is: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await is()); ) {
    if (Date.now() > end) throw new Error('it did not come to be')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
