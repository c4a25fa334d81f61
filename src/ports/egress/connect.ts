import net from 'node:net'
import { constants } from 'node:os'
import { systemError, tupleInUse, unsupportedKernel } from '../../errors.js'
import { thread } from '../../internal/thread.js'
import { deckUse } from './decks.js'
import { versionOf, writeLocalName } from './ends.js'
import { isReserved, kernelPorts } from './kernel-ports.js'
import { type ConnectOptions, checkConnectOptions, type EgressSettings, otherFamily } from './options.js'
import { PortSearch } from './port-search.js'
import { noLocalPort } from './shortage.js'
import { type TcpHandle, tcpHandle } from './tcp-handle.js'

const { EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOPROTOOPT, ETIMEDOUT } = constants.errno

/**
 * Opens a TCP connection as `net.connect` does, from a local port that is found at once however many are in use, and
 * that connections to other destinations may have, too.
 *
 * `net.connect` leaves the port to the kernel, which for most of its versions looks at half of the range before it
 * finds one, with the event loop waiting; and with `localAddress` it reserves a port before the destination is known
 * (libuv sets no IP_BIND_ADDRESS_NO_PORT), so that all destinations together have one range. docs/connect.md.
 *
 * The socket is Node's own: `'connect'`, early writes, `destroy`, `setTimeout` and all else are as after `net.connect`.
 * Failures come as `'error'`: beside those of `net.connect`, PortsExhaustedError, TupleError (ERR_TUPLE_IN_USE) and
 * UnsupportedKernelError.
 *
 * @param connectListener listener of `'connect'`
 * @throws ArgumentTypeError, ArgumentRangeError, UnsupportedPlatformError, UnsupportedNodeError
 */
export function connect(options: ConnectOptions, connectListener?: () => void): net.Socket {
  const settings = checkConnectOptions(options)
  thread() // throws where there is no addon
  const { allowHalfOpen, noDelay, keepAlive, keepAliveInitialDelay, highWaterMark, onread, signal } = options
  const socket = new net.Socket(
    defined({ allowHalfOpen, noDelay, keepAlive, keepAliveInitialDelay, highWaterMark, onread, signal }),
  )
  if (options.timeout) socket.setTimeout(options.timeout)
  if (signal?.aborted) return socket // is being destroyed, and would be revived by connect
  const { host, port, hints } = options
  const lookup = options.lookup && later(options.lookup)
  const family = settings.localAddress === undefined ? options.family : versionOf(settings.localAddress)
  // One address at a time: for each that it tries, Happy Eyeballs makes a handle that is not ours.
  const target = defined({ host, port, family, hints, lookup, autoSelectFamily: false })
  socket.connect(target as net.TcpSocketConnectOpts, connectListener)
  openWhenConnecting(socket, settings)
  if (options.connectTimeout !== undefined) limitTime(socket, options.connectTimeout, { address: host, port })
  return socket
}

/** Without the properties that are undefined, which Node takes for given. */
function defined<Options extends object>(options: Options): { [Name in keyof Options]: NonNullable<Options[Name]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never
}

/** A lookup that never calls back at once: Node would connect before the handle, which it has just made, is ours. */
function later(lookup: net.LookupFunction): net.LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (...result) => process.nextTick(() => callback(...result)))
  }
}

/** Gives the handle of a socket a descriptor of ours when it is about to connect, in a later tick. */
function openWhenConnecting(socket: net.Socket, settings: EgressSettings): void {
  let handle: TcpHandle
  try {
    handle = tcpHandle(socket)
  } catch (error) {
    socket.destroy()
    throw error
  }
  const start = { 4: handle.connect, 6: handle.connect6 }
  const begin = (version: 4 | 6, request: object, address: string, port: number): number => {
    const attempt = () => start[version].call(handle, request, address, port)
    try {
      return connectFrom({ socket, handle, settings, version, address, port, attempt })
    } catch (error) {
      socket.destroy(error as Error)
      return -EINVAL // for Node to stop; the socket has its error
    }
  }
  handle.connect = (request, address, port) => begin(4, request, address, port)
  handle.connect6 = (request, address, port) => begin(6, request, address, port)
}

/** A connection that begins. */
interface Beginning {
  socket: net.Socket
  handle: TcpHandle
  settings: EgressSettings
  version: 4 | 6
  /** The destination. */
  address: string
  port: number
  /** connect(2), by way of libuv: 0 or a negative errno. */
  attempt(): number
}

/** @returns what `attempt` did. @throws what the socket is to be destroyed with */
function connectFrom(beginning: Beginning): number {
  const { settings, version, address } = beginning
  const { localAddress = '', localPort } = settings
  if (localAddress !== '' && versionOf(localAddress) !== version) throw otherFamily(localAddress, address)
  return localPort === undefined ? connectFromAny(beginning) : connectFromPort(beginning, localPort)
}

function connectFromAny(beginning: Beginning): number {
  const { socket, settings, address, port, attempt } = beginning
  const { localAddress = '', ports } = settings
  const flow = `tcp ${localAddress} ${address} ${port}`
  const search = new PortSearch(ports, flow)
  let descriptor = -1
  try {
    while (search.next()) {
      if (descriptor < 0) descriptor = open(beginning, search.low, search.high)
      else thread().addon.egress.setPortRange(descriptor, search.low, search.high)
      const status = attempt()
      if (status !== -EADDRNOTAVAIL) {
        const dealt = search.keep()
        if (dealt !== undefined) socket.once('close', dealt.release)
        return status
      }
      search.refuse()
    }
  } catch (error) {
    search.refuse()
    throw error
  }
  throw noLocalPort({ localAddress, address, port }, deckUse(flow, ports.range), search.attempts)
}

/** One local port: by range where that reaches, so that it agrees with ports that were found, else by name. */
function connectFromPort(beginning: Beginning, localPort: number): number {
  const { settings, address, port, attempt } = beginning
  const kernel = kernelPorts()
  const [low, high] = kernel.range
  const inRange = localPort >= low && localPort <= high && !isReserved(kernel, localPort)
  if (inRange) open(beginning, localPort, localPort)
  else open(beginning, 0, 0, localPort)
  const status = attempt()
  if (status !== -EADDRNOTAVAIL) return status
  throw tupleInUse({ protocol: 'tcp', localAddress: settings.localAddress ?? '', localPort, address, port })
}

/**
 * Gives the handle a descriptor that is ready to connect.
 *
 * @returns the descriptor. @throws SystemError, UnsupportedKernelError
 */
function open({ handle, settings, version }: Beginning, low: number, high: number, localPort = 0): number {
  const { egress } = thread().addon
  const { localAddress = '' } = settings
  writeLocalName(version, localAddress, localPort)
  let descriptor = egress.openTcp(version, low, high)
  if (descriptor === -ENOPROTOOPT && leavesItToTheKernel(settings)) descriptor = egress.openTcp(version, 0, 0)
  if (descriptor < 0) throw openFailed(-descriptor, localAddress, localPort)
  const status = handle.open(descriptor)
  if (status === 0) return descriptor
  egress.close(descriptor)
  throw systemError(-status, 'open')
}

/** Whether a kernel that knows no ranges (before Linux 6.3) may choose from its own. */
function leavesItToTheKernel({ ports: { strategy, range } }: EgressSettings): boolean {
  const [low, high] = kernelPorts().range
  return (strategy === 'auto' || strategy === 'kernel') && range[0] === low && range[1] === high
}

const OF_BIND = new Set([EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL])

function openFailed(errno: number, address: string, port: number): Error {
  if (errno === ENOPROTOOPT) return unsupportedKernel('localPortRange', '6.3', systemError(errno, 'setsockopt'))
  return OF_BIND.has(errno) ? systemError(errno, 'bind', { address, port }) : systemError(errno, 'socket')
}

function limitTime(socket: net.Socket, milliseconds: number, to: { address: string | undefined; port: number }): void {
  const timer = setTimeout(() => socket.destroy(systemError(ETIMEDOUT, 'connect', to)), milliseconds)
  const clear = () => clearTimeout(timer)
  socket.once('connect', clear).once('close', clear)
}
