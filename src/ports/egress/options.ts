import { isIP, type OnReadOpts } from 'node:net'
import {
  checkInteger,
  checkLiteral,
  checkOptions,
  checkPort,
  checkPortRange,
  checkSignal,
  checkString,
} from '../../errors/checks.js'
import { invalidArgType, invalidArgValue, outOfRange } from '../../errors.js'
import type { PortRange } from '../port-range.js'
import { kernelPorts } from './kernel-ports.js'
import { DEFAULT_ATTEMPTS, DEFAULT_WINDOW, type PortSettings, type PortStrategy, STRATEGIES } from './strategy.js'

/** Where a connection comes from. */
export interface EgressOptions {
  /** Address to connect from, IPv4 or IPv6, one of this host's. Default: routing chooses. */
  localAddress?: string | undefined
  /** One local port, 1–65535, and no other: for peers that know us by it. */
  localPort?: number | undefined
  /**
   * Local ports that may be taken. Must lie within `sysctl net.ipv4.ip_local_port_range`, which is the default: the
   * kernel ignores others. Those of `net.ipv4.ip_local_reserved_ports` are left out.
   */
  localPortRange?: PortRange | undefined
  /** How a local port is found, default `'auto'`. */
  strategy?: PortStrategy | undefined
  /** Ports that the kernel searches at a time with `'shifting-window'` and `'auto'`, 1–65535, default 500. */
  windowSize?: number | undefined
  /**
   * Most ports or windows that are tried before the connection fails with ERR_PORTS_EXHAUSTED, 1–65535. Default 1024 for
   * `'exact'` and `'select-test-repeat'`, 32 for `'shifting-window'`, 16 for `'auto'`, which needs 9.
   */
  attempts?: number | undefined
}

/** Options of `connect`: those of `EgressOptions`, and of `net.connect` what concerns TCP. */
export interface ConnectOptions extends EgressOptions {
  /** Destination, a name or an address; default `localhost`. Of several addresses of a name the first is taken. */
  host?: string | undefined
  /** Destination port, 1–65535. */
  port: number
  /** Family of the address that a name is looked up for; that of `localAddress` when it is given. */
  family?: 0 | 4 | 6 | undefined
  /** `hints` of `dns.lookup`. */
  hints?: number | undefined
  /** Instead of `dns.lookup`. */
  lookup?: import('node:net').LookupFunction | undefined
  /** Destroys the socket, at any time. */
  signal?: AbortSignal | undefined
  /** Milliseconds until the connection must be made; then the socket fails with ETIMEDOUT. Default: the kernel's minutes. */
  connectTimeout?: number | undefined
  /** Milliseconds without traffic until `'timeout'`, as `socket.setTimeout`. */
  timeout?: number | undefined
  allowHalfOpen?: boolean | undefined
  noDelay?: boolean | undefined
  keepAlive?: boolean | undefined
  keepAliveInitialDelay?: number | undefined
  highWaterMark?: number | undefined
  onread?: OnReadOpts | undefined
}

/** Options of `connectUdp`; the rest are those of `PktInfoSocket`. */
const EGRESS = ['localAddress', 'localPort', 'localPortRange', 'strategy', 'windowSize', 'attempts'] as const
export const EGRESS_OPTIONS: readonly string[] = EGRESS satisfies readonly (keyof EgressOptions)[]

const CONNECT_OPTIONS: readonly (keyof ConnectOptions)[] = [
  ...EGRESS,
  'host',
  'port',
  'family',
  'hints',
  'lookup',
  'signal',
  'connectTimeout',
  'timeout',
  'allowHalfOpen',
  'noDelay',
  'keepAlive',
  'keepAliveInitialDelay',
  'highWaterMark',
  'onread',
]

const LONGEST = 2 ** 31 - 1

/** `EgressOptions` in the form that is used. */
export interface EgressSettings {
  localAddress: string | undefined
  localPort: number | undefined
  ports: PortSettings
}

/** @throws ArgumentTypeError, ArgumentRangeError, each with the codes of wrong arguments */
export function egressSettings(options: EgressOptions): EgressSettings {
  const { localAddress, localPort, localPortRange, strategy = 'auto', windowSize = DEFAULT_WINDOW } = options
  if (localAddress !== undefined) checkLiteral('options.localAddress', localAddress)
  if (localPort !== undefined) checkPort(localPort, false, 'options.localPort')
  if (!STRATEGIES.includes(strategy)) {
    throw invalidArgValue(
      'options.strategy',
      `must be one of ${STRATEGIES.map((name) => `'${name}'`).join(', ')}`,
      strategy,
    )
  }
  checkInteger('options.windowSize', windowSize, 1, 65535)
  const { attempts = DEFAULT_ATTEMPTS[strategy] } = options
  checkInteger('options.attempts', attempts, 1, 65535)
  const range = localPortRange === undefined ? kernelPorts().range : rangeWithin(localPortRange)
  return { localAddress, localPort, ports: { strategy, range, window: windowSize, attempts } }
}

/** The kernel ignores ends that lie outside of its own range, without a word (inet_sk_get_local_port_range). */
function rangeWithin(range: PortRange): PortRange {
  checkPortRange('options.localPortRange', range)
  const [low, high] = kernelPorts().range
  if (range[0] >= low && range[1] <= high) return [range[0], range[1]]
  throw outOfRange('options.localPortRange', `within ${low}–${high} (\`sysctl net.ipv4.ip_local_port_range\`)`, range)
}

/** Checks the options of `connect`. @throws ArgumentTypeError, ArgumentRangeError */
export function checkConnectOptions(options: ConnectOptions): EgressSettings {
  checkOptions(options, CONNECT_OPTIONS)
  const { host, port, family, signal, lookup, connectTimeout, timeout, localAddress } = options
  checkPort(port, false, 'options.port')
  if (host !== undefined) checkString('options.host', host)
  if (family !== undefined && family !== 0 && family !== 4 && family !== 6) {
    throw invalidArgValue('options.family', 'must be 0, 4 or 6', family)
  }
  if (lookup !== undefined && typeof lookup !== 'function') {
    throw invalidArgType('options.lookup', 'of type function', lookup)
  }
  if (signal !== undefined) checkSignal(signal)
  if (connectTimeout !== undefined) checkInteger('options.connectTimeout', connectTimeout, 1, LONGEST)
  if (timeout !== undefined) checkInteger('options.timeout', timeout, 0, LONGEST)
  const settings = egressSettings(options)
  const wanted = localAddress === undefined ? family || 0 : isIP(localAddress)
  if (wanted !== 0 && ((family && family !== wanted) || (host && isIP(host) !== 0 && isIP(host) !== wanted))) {
    throw otherFamily(localAddress ?? `options.family ${family}`, host && isIP(host) !== 0 ? host : `family ${family}`)
  }
  return settings
}

/** Both ends of a connection are of one family. */
export function otherFamily(local: string, remote: string): Error {
  return invalidArgValue('options.localAddress', `must be of the same family as the destination, ${remote}`, local)
}
