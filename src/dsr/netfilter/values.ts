import { type Address, compareAddresses, inNetwork, parseAddress, sameAddress } from '../address.js'
import type { Packet } from './packet.js'

/** What a rule compares: a number, an address, a name. `absent`: the packet has no such field. */
export type Value = number | string | Address | 'absent' | undefined

/** Names of protocols as nft(8) and iptables(8) print them (/etc/protocols); others are none of a packet of ours. */
const PROTOCOLS: Record<string, number> = {
  icmp: 1,
  ipencap: 4,
  ipip: 4,
  '4': 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  'ipv6-icmp': 58,
}

/** @returns −1 for a protocol that none of our packets has */
export function protocolNumber(text: string | number): number {
  const number = Number(text)
  return Number.isInteger(number) ? number : (PROTOCOLS[text] ?? -1)
}

/** Whether the packet's interface has a name, which may end with a sign for "anything" (`+` of iptables, `*` of nft). */
export function isNamed(name: string, pattern: string): boolean {
  const open = /[+*]$/.test(pattern)
  return open ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** An address, or a network as `10.0.0.0/8` or `10.0.0.0/255.0.0.0`. Undefined: not understood. */
export function addressIs(address: Address, text: string): boolean | undefined {
  const [network = '', mask] = text.split('/')
  const base = parseAddress(network)
  if (base === undefined) return undefined
  if (mask === undefined) return sameAddress(address, base)
  const bits = /^\d+$/.test(mask) ? Number(mask) : maskLength(mask)
  return bits === undefined ? undefined : inNetwork(address, base, bits)
}

function maskLength(text: string): number | undefined {
  const mask = parseAddress(text)
  if (mask === undefined) return undefined
  const bits = [...mask.bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return /^1*0*$/.test(bits) ? bits.replace(/0+$/, '').length : undefined
}

export function addressBetween(address: Address, low: Address, high: Address): boolean {
  if (address.version !== low.version) return false
  return compareAddresses(low, address) <= 0 && compareAddresses(address, high) <= 0
}

/** Whether a network is that of all addresses. */
export function isEverybody(text: string): boolean {
  return text.endsWith('/0')
}

/** Ports of the packet, where its protocol is the one that a rule speaks of. */
export function portOf(packet: Packet, field: 'sport' | 'dport', protocol: number): Value {
  if (packet.protocol !== protocol) return 'absent'
  return field === 'sport' ? packet.sourcePort : packet.destinationPort
}
