/** The network of a namespace with routes: what makes it, and what its routing table says, each from the same description. */
import { execFileSync } from 'node:child_process'
import { addressBytes } from '../address.js'
import type { Way } from './model/scene.js'

/** Addresses of the edge that backends send replies to. */
export const EDGE = '10.0.0.2'
export const EDGE6 = '2001:db8:10::2'

/** A device, with neighbours that are known. */
interface Device {
  name: string
  mac: string
  addresses: readonly string[]
  neighbours: Readonly<Record<string, string>>
}

const CLIENTS: Device = {
  name: 'clients',
  mac: '02:00:00:00:00:c0',
  addresses: ['192.0.2.2/24', '2001:db8:2::2/64'],
  neighbours: { '192.0.2.1': '02:00:00:00:00:c1', '2001:db8:2::1': '02:00:00:00:00:c1' },
}
const BACKENDS: Device = {
  name: 'backends',
  mac: '02:00:00:00:00:b0',
  addresses: [`${EDGE}/24`, `${EDGE6}/64`],
  neighbours: Object.fromEntries(
    [11, 12, 13, 14].flatMap((host) => [
      [`10.0.0.${host}`, `02:00:00:00:00:b${host - 10}`],
      [`2001:db8:10::${host}`, `02:00:00:00:00:b${host - 10}`],
    ]),
  ),
}
const DEVICES = [CLIENTS, BACKENDS]

/** Networks behind routers. Those of .66 are not known as neighbours. */
const ROUTES = [
  { network: '203.0.113.0/24', via: '192.0.2.1' },
  { network: '203.0.114.0/24', via: '192.0.2.66' },
  { network: '2001:db8:113::/64', via: '2001:db8:2::1' },
  { network: '2001:db8:114::/64', via: '2001:db8:2::66' },
]

/** Bytes of IP packet on each device: a veth's. */
const MTU = 1500

const ip = (line: string) => execFileSync('ip', line.split(' '))

/** Makes it, in the namespace of this process. */
export function makeNetwork(): void {
  ip('link set lo up')
  for (const { name, mac } of DEVICES) {
    ip(`link add ${name} address ${mac} type veth peer name ${name}-peer`)
    ip(`link set ${name} up`)
    ip(`link set ${name}-peer up`)
  }
  execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
  for (const { name, addresses, neighbours } of DEVICES) {
    for (const address of addresses) ip(`addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`)
    for (const [address, mac] of Object.entries(neighbours)) ip(`neigh add ${address} lladdr ${mac} dev ${name}`)
  }
  for (const { network, via } of ROUTES) ip(`route add ${network} via ${via}`)
}

const macBytes = (text: string) => Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16))

/** The first bytes of addresses in a network; all prefixes here are of whole bytes. */
function prefixOf(network: string): Uint8Array {
  const [address, bits] = network.split('/') as [string, string]
  return addressBytes(address).subarray(0, (address.includes(':') ? 0 : 12) + Number(bits) / 8)
}

const isIn = (destination: Uint8Array, network: string) => {
  const prefix = prefixOf(network)
  return Buffer.compare(destination.subarray(0, prefix.length), prefix) === 0
}

/** What its routing table says of a packet. */
export function wayTo(destination: Uint8Array, bytes: number): Way {
  const route = ROUTES.find(({ network }) => isIn(destination, network))
  const hop = route ? addressBytes(route.via) : destination
  const device = DEVICES.find(({ addresses }) => addresses.some((own) => isIn(hop, own)))
  if (device === undefined || (route === undefined && isNoNeighbour(destination, device))) return { kind: 'none' }
  const [, mac] =
    Object.entries(device.neighbours).find(([address]) => Buffer.compare(addressBytes(address), hop) === 0) ?? []
  if (mac === undefined || bytes > MTU) return { kind: 'byHost' }
  return { kind: 'found', destination: macBytes(mac), source: macBytes(device.mac) }
}

/** Addresses of a network that are this host's own, or everybody's. */
function isNoNeighbour(destination: Uint8Array, { addresses }: Device): boolean {
  const own = addresses.some((text) => Buffer.compare(addressBytes(text.split('/')[0]!), destination) === 0)
  const isV4 = isIn(destination, '::ffff:0:0/96')
  return (
    own || (isV4 ? destination[15] === 0 || destination[15] === 255 : destination.subarray(8).every((b) => b === 0))
  )
}
