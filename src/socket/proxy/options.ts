import { checkInteger, checkProperties } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../../errors.js'
import { checkVersions } from '../../proxy/options.js'
import { versionBits } from '../../proxy/scan.js'
import { TrustedProxies } from '../../proxy/trusted.js'
import type { ProxyVersion } from '../../proxy/types.js'

/** Limits of the table that remembers clients with `mode: 'first'`. */
export interface ProxySessionLimits {
  /** Sessions kept, default 65,536; a new one then takes the place of the one that was idle longest. */
  limit?: number
  /**
   * Milliseconds after the last datagram or reply until a session is forgotten, default 60,000. It should be the proxy's
   * own, and never longer: a proxy that has forgotten a session may give its port to another client, whose header and
   * datagrams would then be taken for the first client's. Where it is shorter, what comes after it is dropped.
   */
  idleTimeout?: number
}

/** How a socket behind proxies reads the PROXY protocol (option `proxyProtocol`). */
export interface ProxyProtocolOptions {
  /**
   * Whose headers are believed: addresses and CIDR blocks of the proxies as the socket sees them. There is no default,
   * because whoever is trusted can claim to be any client.
   */
  trusted: readonly string[]
  /** Dialects accepted, default `['v2']`. */
  versions?: readonly ProxyVersion[]
  /**
   * `'each'` (default): a header in each datagram. `'first'`: only in the first of a flow from the proxy, as nginx and
   * Cloudflare Spectrum send it; what follows from the same address and port to the same local address is the same
   * client's, and never read as a header.
   */
  mode?: 'each' | 'first'
  /**
   * True (default): what comes without a header or from a sender that is not trusted is dropped and counted. False: it is
   * passed on untouched, as its sender's own.
   */
  required?: boolean
  /**
   * Where `reply` sends. `'proxy'` (default): to the proxy that the datagram came from; with SPP behind the same header.
   * `'direct'`: to the client, from the address that the client spoke to, which must be local to this host and be asked
   * at the port that this socket is bound to.
   */
  reply?: 'proxy' | 'direct'
  /** Whether a CRC32C in a header must be right, default true. dnsdist forwards wrong ones when it is chained. */
  verifyChecksum?: boolean
  sessions?: ProxySessionLimits
}

/** The same, checked and with its defaults. */
export interface ProxySettings {
  readonly trusted: TrustedProxies
  /** `VERSION_BITS`. */
  readonly versions: number
  readonly required: boolean
  readonly direct: boolean
  readonly verify: boolean
  /** Undefined with mode `'each'`. */
  readonly sessions: Required<ProxySessionLimits> | undefined
}

const NAME = 'options.proxyProtocol'
const OPTIONS = ['trusted', 'versions', 'mode', 'required', 'reply', 'verifyChecksum', 'sessions'] as const

const DEFAULT_LIMIT = 65_536
const DEFAULT_IDLE_TIMEOUT = 60_000

/**
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
 * ERR_OUT_OF_RANGE
 */
export function checkProxyOptions(given: unknown): ProxySettings {
  checkProperties('proxyProtocol', given, OPTIONS)
  const options = given as ProxyProtocolOptions
  const { versions = ['v2'], sessions = {} } = options
  checkVersions(`${NAME}.versions`, versions)
  const mode = options.mode ?? 'each'
  checkChoice('mode', mode, ['each', 'first'])
  const reply = options.reply ?? 'proxy'
  checkChoice('reply', reply, ['proxy', 'direct'])
  if (mode === 'first' && versions.includes('spp')) {
    throw invalidArgValue(`${NAME}.mode`, "must be 'each' with SPP, which has a header in each datagram", mode)
  }
  checkProperties('proxyProtocol.sessions', sessions, ['limit', 'idleTimeout'])
  const { limit = DEFAULT_LIMIT, idleTimeout = DEFAULT_IDLE_TIMEOUT } = sessions
  checkInteger(`${NAME}.sessions.limit`, limit, 1, 2 ** 24)
  checkInteger(`${NAME}.sessions.idleTimeout`, idleTimeout, 1, 2 ** 31 - 1)
  return {
    trusted: new TrustedProxies(`${NAME}.trusted`, options.trusted),
    versions: versionBits(versions),
    required: checkSwitch('required', options.required),
    direct: reply === 'direct',
    verify: checkSwitch('verifyChecksum', options.verifyChecksum),
    sessions: mode === 'first' ? { limit, idleTimeout } : undefined,
  }
}

function checkChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (choices.includes(value as string)) return
  throw invalidArgValue(`${NAME}.${name}`, `must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, value)
}

/** Both switches are on by default. */
function checkSwitch(name: string, value: unknown): boolean {
  if (value === undefined) return true
  if (typeof value !== 'boolean') throw invalidArgType(`${NAME}.${name}`, 'of type boolean', value)
  return value
}
