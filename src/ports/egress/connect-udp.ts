import { constants } from 'node:os'
import { checkLiteral, checkOptions, checkPort } from '../../errors/checks.js'
import { systemError, tupleFixed, tupleInUse, tupleLocked, unsupportedKernel } from '../../errors.js'
import { thread } from '../../internal/thread.js'
import { PktInfoSocket } from '../../socket/index.js'
import type { RemoteInfo, SocketOptions } from '../../socket/types.js'
import { deckUse } from './decks.js'
import { type Ends, readName, versionOf, writeEnds } from './ends.js'
import { EGRESS_OPTIONS, type EgressOptions, egressSettings, otherFamily } from './options.js'
import { PortSearch } from './port-search.js'
import { noLocalPort } from './shortage.js'
import type { PortSettings } from './strategy.js'

const { EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EBUSY, EEXIST, ENOPROTOOPT, EOPNOTSUPP } = constants.errno

/** Options of `connectUdp`. */
export interface ConnectUdpOptions
  extends EgressOptions,
    Pick<
      SocketOptions,
      | 'recvBufferSize'
      | 'sendBufferSize'
      | 'signal'
      | 'receiveErrors'
      | 'gro'
      | 'gso'
      | 'busyPoll'
      | 'sendQueue'
      | 'receiveBlockList'
    > {
  /** The peer's address, IPv4 or IPv6: no name. */
  address: string
  /** The peer's port, 1–65535. */
  port: number
}

const SOCKET_OPTIONS: readonly (keyof ConnectUdpOptions)[] = [
  'recvBufferSize',
  'sendBufferSize',
  'signal',
  'receiveErrors',
  'gro',
  'gso',
  'busyPoll',
  'sendQueue',
  'receiveBlockList',
]
const OPTIONS: readonly string[] = [...EGRESS_OPTIONS, ...SOCKET_OPTIONS, 'address', 'port']

/** How long another process may be opening a socket at the port that was asked for, milliseconds. */
const PATIENCE_MS = 100

/**
 * Opens a UDP socket that is connected to a peer. Sockets of this function share local ports: one address has a port
 * range for each peer, not for all together. No two sockets of this host ever get the same 4-tuple, whichever process,
 * program or thread they belong to: the kernel, which for UDP would give the second all that the first is sent, is asked
 * about it, under a lock that covers all processes of the network namespace.
 *
 * With `strategy` `'kernel'` or `'shifting-window'` the kernel chooses the port, and gives it to this socket alone.
 *
 * @returns a bound and connected socket; `'listening'` and `'connect'` follow. It cannot be disconnected
 * (ERR_TUPLE_FIXED).
 * @throws TupleError (ERR_TUPLE_IN_USE, ERR_TUPLE_LOCKED; with `localPort`), PortsExhaustedError, SystemError,
 * UnsupportedKernelError (needs sock_diag for UDP, or for the kernel's choice Linux 6.3), ArgumentTypeError,
 * ArgumentRangeError, UnsupportedPlatformError
 */
export function connectUdp(
  options: ConnectUdpOptions,
  listener?: (msg: Buffer, rinfo: RemoteInfo) => void,
): PktInfoSocket {
  checkOptions(options, OPTIONS)
  const { address, port, signal } = options
  checkLiteral('options.address', address)
  checkPort(port, false, 'options.port')
  const settings = egressSettings(options)
  const version = versionOf(address)
  const { localAddress = '', localPort = 0 } = settings
  if (localAddress !== '' && versionOf(localAddress) !== version) throw otherFamily(localAddress, address)
  signal?.throwIfAborted()
  const socketOptions = Object.fromEntries(
    Object.entries(options).filter(([name]) => (SOCKET_OPTIONS as string[]).includes(name)),
  )
  const socket = new ConnectedSocket({ type: version === 6 ? 'udp6' : 'udp4', ...socketOptions }, listener)
  const ends: Ends = {
    version,
    localAddress: localAddress || sourceTo(version, address, port),
    localPort,
    address,
    port,
  }
  const { descriptor, release } = localPort === 0 ? searchPort(ends, settings.ports) : claimPort(ends)
  try {
    socket.adopt(descriptor)
  } catch (error) {
    release?.()
    throw error
  }
  if (release !== undefined) socket.once('close', release)
  return socket
}

/** A socket that keeps its peer: another one might be somebody's already. */
class ConnectedSocket extends PktInfoSocket {
  /** Takes over a connected descriptor, or closes it. */
  adopt(descriptor: number): void {
    try {
      this.bind({ fd: descriptor })
    } catch (error) {
      this.close() // and with it the descriptor
      throw error
    }
    process.nextTick(() => this.emit('connect'))
  }

  override disconnect(): never {
    const local = this.address()
    const { address, port } = this.remoteAddress()
    throw tupleFixed({ protocol: 'udp', localAddress: local.address, localPort: local.port, address, port })
  }
}

/** A descriptor of a connected socket, and what its port is given back with. */
interface Claimed {
  descriptor: number
  release?: (() => void) | undefined
}

/** A socket at the port that was asked for. */
function claimPort(ends: Ends): Claimed {
  const tuple = { protocol: 'udp', ...ends } as const
  writeEnds(ends)
  const descriptor = thread().addon.egress.claimUdp(ends.version, PATIENCE_MS)
  if (descriptor >= 0) return { descriptor }
  if (descriptor === -EEXIST) throw tupleInUse(tuple)
  if (descriptor === -EBUSY) throw tupleLocked(tuple, PATIENCE_MS)
  throw claimFailed(-descriptor, ends)
}

/** A socket at any port of the range. */
function searchPort(ends: Ends, ports: PortSettings): Claimed {
  const { localAddress, address, port } = ends
  const flow = `udp ${localAddress} ${address} ${port}`
  const shares = ports.strategy !== 'kernel' && ports.strategy !== 'shifting-window'
  const search = new PortSearch(ports, flow)
  while (search.next()) {
    const alone = search.low !== search.high || !shares
    const descriptor = open({ ...ends, localPort: alone ? 0 : search.low }, alone, search)
    if (descriptor >= 0) return { descriptor, release: search.keep()?.release }
    search.refuse()
    if (!REFUSALS.has(-descriptor)) throw claimFailed(-descriptor, ends)
  }
  throw noLocalPort({ localAddress, address, port }, deckUse(flow, ports.range), search.attempts)
}

/** What the kernel says of a port that somebody has. */
const REFUSALS = new Set([EADDRINUSE, EAGAIN, EBUSY, EEXIST])

function open(ends: Ends, alone: boolean, { low, high }: { low: number; high: number }): number {
  const { egress } = thread().addon
  writeEnds(ends)
  return alone ? egress.openUdp(ends.version, low, high) : egress.claimUdp(ends.version, 0)
}

function claimFailed(errno: number, { localAddress, localPort, address, port }: Ends): Error {
  const local = { address: localAddress, port: localPort }
  if (errno === EOPNOTSUPP)
    return unsupportedKernel('connectUdp', '3.3 with CONFIG_INET_UDP_DIAG', systemError(errno, 'socket'))
  if (errno === ENOPROTOOPT) return unsupportedKernel('localPortRange', '6.3', systemError(errno, 'setsockopt'))
  if (errno === EADDRINUSE || errno === EADDRNOTAVAIL) return systemError(errno, 'bind', local)
  return systemError(errno, 'connect', { address, port })
}

/** The address that routing sends from. @throws SystemError (ENETUNREACH) */
function sourceTo(version: 4 | 6, address: string, port: number): string {
  writeEnds({ version, localAddress: '', localPort: 0, address, port })
  const status = thread().addon.egress.sourceTo(version)
  if (status !== 0) throw systemError(-status, 'connect', { address, port })
  return readName(version)
}
