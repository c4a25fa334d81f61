import { checkOptions } from '../errors/checks.js'
import { invalidArgType, missingArgument, outOfRange } from '../errors.js'
import type { WaitOptions } from './header-wait.js'
import { type ProxyStreamOptions, STREAM_OPTIONS, streamSettings } from './stream-options.js'
import { TrustedProxies } from './trusted.js'

/** Who may send headers to a server, and which. */
export interface WrapServerOptions extends ProxyStreamOptions {
  /**
   * Addresses and CIDR blocks of the proxies: `['10.0.0.0/8', '2001:db8::7']`. No default: anybody can write a header.
   * Peers on a UNIX socket have no address, and are never trusted.
   */
  trusted: readonly string[]
  /**
   * Whether connections without a header are destroyed, default true.
   *
   * With false, a trusted peer's connection that does not begin with a header is passed on as it is, and so is every
   * connection of other peers, unread. Whatever begins with the signature of an accepted version is a header, and must be
   * a good one. A trusted peer that says nothing at all until `timeout`, as with protocols in which the server speaks
   * first, is passed on then.
   */
  required?: boolean | undefined
  /** Milliseconds that a connection has until its header is complete: 1 – 2³¹−1, default 5000. */
  timeout?: number | undefined
}

export interface ServerSettings extends WaitOptions {
  trusted: TrustedProxies
}

const OPTIONS = [...STREAM_OPTIONS, 'trusted', 'required', 'timeout'] satisfies readonly (keyof WrapServerOptions)[]
const DEFAULT_TIMEOUT_MS = 5000
/** Longest delay of a timer; Node makes a longer one 1 ms. */
const LONGEST_TIMEOUT_MS = 0x7fffffff

/** @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError ERR_OUT_OF_RANGE */
export function serverSettings(options: WrapServerOptions): ServerSettings {
  if (options === undefined) throw missingArgument('options')
  checkOptions(options, OPTIONS)
  const { trusted, required = true, timeout = DEFAULT_TIMEOUT_MS, versions, verifyChecksum, maxLength } = options
  const stream = { versions, verifyChecksum, maxLength }
  streamSettings(stream)
  if (typeof required !== 'boolean') throw invalidArgType('options.required', 'of type boolean', required)
  if (typeof timeout !== 'number') throw invalidArgType('options.timeout', 'of type number', timeout)
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > LONGEST_TIMEOUT_MS) {
    throw outOfRange('options.timeout', `an integer >= 1 && <= ${LONGEST_TIMEOUT_MS}`, timeout)
  }
  return { trusted: new TrustedProxies('options.trusted', trusted), required, timeout, stream }
}
