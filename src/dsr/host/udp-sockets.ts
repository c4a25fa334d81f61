import { type Address, addressOf } from '../address.js'
import { readText } from './files.js'

/** An open UDP socket of this network namespace. */
export interface BoundSocket {
  /** The wildcard is 0.0.0.0 or ::. */
  address: Address
  wildcard: boolean
  port: number
  /** It takes datagrams from one peer only. */
  connected: boolean
  /** Datagrams that were dropped because its buffer was full, since it was opened. */
  drops: number
}

/** All of them, of all users: /proc/net/udp and udp6 (proc_net_udp(5)). Undefined when they cannot be read. */
export function udpSockets(): BoundSocket[] | undefined {
  const four = readText('/proc/net/udp')
  if (four === undefined) return undefined
  // Without IPv6 there is no udp6.
  return [four, readText('/proc/net/udp6') ?? ''].flatMap((text) => text.split('\n').slice(1).map(readSocket))
}

function readSocket(line: string): BoundSocket {
  const fields = line.trim().split(/\s+/)
  const [local = '', remote = ''] = fields.slice(1, 3)
  const [hex = '', port = ''] = local.split(':')
  const bytes = Buffer.from(hex, 'hex')
  // Words of 32 bits as this machine has them in memory; x64 and arm64 are little-endian.
  bytes.swap32()
  return {
    address: addressOf(bytes),
    wildcard: bytes.every((byte) => byte === 0),
    port: Number.parseInt(port, 16),
    connected: !remote.endsWith(':0000'),
    drops: Number(fields.at(-1)),
  }
}
