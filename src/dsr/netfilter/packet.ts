import type { IPVersion } from '../../net/classify.js'
import type { Address } from '../address.js'

/** A packet as rules see it. What is undefined differs from client to client, or is not there yet. */
export interface Packet {
  version: IPVersion
  /** Number of the protocol in IP (IANA): 17 UDP, 4 IPv4, 41 IPv6. */
  protocol: number
  source: Address | undefined
  destination: Address | undefined
  sourcePort: number | undefined
  destinationPort: number | undefined
  /** Names of interfaces; undefined where the packet has none in this hook. */
  in: string | undefined
  out: string | undefined
  /** What connection tracking calls it. */
  state: 'new' | 'established'
  /** Whether the destination is an address of this host. */
  toHost: boolean
  /** Whether the route back to the source leaves through `in`; undefined when that is not known. */
  returns: boolean | undefined
}

/** `UDP to 198.51.100.2 port 53`. */
export function packetText({ protocol, source, destination, sourcePort, destinationPort }: Packet): string {
  const name = PROTOCOLS[protocol] ?? `protocol ${protocol}`
  const end = (word: string, address: Address | undefined, port: number | undefined) =>
    address === undefined ? '' : ` ${word} ${address.text}${port === undefined ? '' : ` port ${port}`}`
  return `${name}${end('from', source, sourcePort)}${end('to', destination, destinationPort)}`
}

const PROTOCOLS: Record<number, string> = { 4: 'IPIP (protocol 4)', 17: 'UDP', 41: 'IPv6 in IP (protocol 41)' }
