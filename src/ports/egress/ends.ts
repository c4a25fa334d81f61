import { isIP } from 'node:net'
import { invalidArgValue } from '../../errors.js'
import { type Thread, thread } from '../../internal/thread.js'
import { PathReader } from '../../socket/paths.js'

/** What a socket is connected from and to; the addresses are of one family. */
export interface Ends {
  version: 4 | 6
  /** '' for the kernel's choice. */
  localAddress: string
  localPort: number
  address: string
  port: number
}

/** 4 or 6 by the text of an address. */
export function versionOf(address: string): 4 | 6 {
  return isIP(address) === 6 ? 6 : 4
}

/** Puts both ends of a UDP socket into the region's name path. @throws ArgumentTypeError for a scope that is none */
export function writeEnds({ version, localAddress, localPort, address, port }: Ends): void {
  const { region } = thread()
  const { words, name } = region
  words[name + region.peerPort] = port
  words[name + region.localPort] = localPort
  writeAddress('options.address', address, version, name + region.peer, name + region.peerScope)
  writeAddress('options.localAddress', localAddress, version, name + region.source, name + region.ifindex)
}

/** The address in the region's name path; a link-local one with its interface. */
export function readName(version: 4 | 6): string {
  const { region } = thread()
  return new PathReader(version === 6).peerAddress(region.name)
}

/** Puts the local end of a TCP socket into the region's name path, as a name to bind to. @throws ArgumentTypeError */
export function writeLocalName(version: 4 | 6, localAddress: string, localPort: number): void {
  const { region } = thread()
  const { words, name } = region
  words[name + region.peerPort] = localPort
  writeAddress('options.localAddress', localAddress, version, name + region.peer, name + region.peerScope)
}

function writeAddress(option: string, address: string, version: 4 | 6, at: number, scopeAt: number): void {
  const { region, ipv4, ipv6 }: Thread = thread()
  const { words } = region
  if (address === '') {
    words.fill(0, at, at + 4)
    words[scopeAt] = 0
    return
  }
  const { bytes } = version === 6 ? ipv6 : ipv4
  if (!bytes.encode(address, words, at, scopeAt)) {
    throw invalidArgValue(option, `must be an IPv${version} address, with its interface if it is link-local`, address)
  }
}
