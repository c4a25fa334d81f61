import net from 'node:net'
import { constants } from 'node:os'
import tls from 'node:tls'
import { checkInteger } from '../../errors/checks.js'
import { systemError } from '../../errors.js'
import { connect } from './connect.js'
import type { EgressOptions } from './options.js'
import { splitOptions } from './split-options.js'

/** Options of `createConnector`: where connections come from, undici's own of `connect`, and those of `tls.connect`. */
export interface ConnectorOptions
  extends EgressOptions,
    Omit<tls.ConnectionOptions, keyof EgressOptions | 'socket' | 'host' | 'port' | 'path' | 'timeout'> {
  /** Milliseconds until a connection must be made, TLS included; 0: no limit. Default 10,000, as undici's. */
  timeout?: number | undefined
  /** Probe idle connections (SO_KEEPALIVE), default true. */
  keepAlive?: boolean | undefined
  /** Milliseconds of silence before the first probe, default 60,000. */
  keepAliveInitialDelay?: number | undefined
  /** TLS sessions that are remembered to be resumed, one a server name; default 100, 0 for none. */
  maxCachedSessions?: number | undefined
}

/** What undici asks a connector for (its documentation: Connector). */
export interface ConnectorRequest {
  hostname: string
  host?: string | undefined
  protocol: string
  port: string
  servername?: string | undefined
  localAddress?: string | null | undefined
}

export type Connector = (
  request: ConnectorRequest,
  callback: (...result: [error: null, socket: net.Socket | tls.TLSSocket] | [error: Error, socket: null]) => void,
) => void

const KNOWN: readonly string[] = [
  'timeout',
  'keepAlive',
  'keepAliveInitialDelay',
  'maxCachedSessions',
  'rejectUnauthorized',
  'servername',
]
const TCP_ONLY = 'is not for createConnector, whose connections are TCP to the server that is asked for'
const REFUSED = { host: TCP_ONLY, port: TCP_ONLY, path: TCP_ONLY, socketPath: TCP_ONLY, socket: TCP_ONLY }

const TIMEOUT_MS = 10_000
const KEEP_ALIVE_DELAY_MS = 60_000
const SESSIONS = 100

/**
 * A connector for undici, which makes its connections with `connect`, http and https:
 *
 *     const dispatcher = new Agent({ connect: createConnector({ localAddress: '192.0.2.7' }) })
 *     await fetch('https://example.com/', { dispatcher })
 *
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function createConnector(options: ConnectorOptions = {}): Connector {
  const { egress, others } = splitOptions<Omit<ConnectorOptions, keyof EgressOptions>>(options, KNOWN, REFUSED)
  const {
    timeout = TIMEOUT_MS,
    keepAlive = true,
    keepAliveInitialDelay = KEEP_ALIVE_DELAY_MS,
    maxCachedSessions = SESSIONS,
    ...secure
  } = others
  checkInteger('options.timeout', timeout, 0, 2 ** 31 - 1)
  checkInteger('options.keepAliveInitialDelay', keepAliveInitialDelay, 0, 2 ** 31 - 1)
  checkInteger('options.maxCachedSessions', maxCachedSessions, 0, 2 ** 24)
  const sessions = new Sessions(maxCachedSessions)

  return (request, callback) => {
    const { protocol, hostname } = request
    const encrypted = protocol === 'https:'
    const port = Number(request.port) || (encrypted ? 443 : 80)
    let socket: net.Socket
    try {
      socket = connect({
        ...egress,
        host: hostname,
        port,
        localAddress: request.localAddress ?? egress.localAddress,
        keepAlive,
        keepAliveInitialDelay,
        noDelay: true,
        ...(secure.lookup && { lookup: secure.lookup }),
      })
      if (encrypted) socket = secured(socket, request, secure, sessions)
    } catch (error) {
      queueMicrotask(() => callback(error as Error, null))
      return
    }
    const connected = encrypted ? 'secureConnect' : 'connect'
    const settle = () => {
      clearTimeout(timer)
      socket.off('error', onError).off(connected, onConnected)
    }
    const onConnected = () => {
      settle()
      callback(null, socket)
    }
    const onError = (error: Error) => {
      settle()
      callback(error, null)
    }
    const late = () => socket.destroy(systemError(constants.errno.ETIMEDOUT, 'connect', { address: hostname, port }))
    const timer = timeout === 0 ? undefined : setTimeout(late, timeout)
    socket.on(connected, onConnected).on('error', onError)
  }
}

/** TLS upon a connection that is being made. */
function secured(
  socket: net.Socket,
  { hostname, host, servername }: ConnectorRequest,
  options: tls.ConnectionOptions,
  sessions: Sessions,
): tls.TLSSocket {
  const name = servername || options.servername || serverName(host ?? hostname)
  const key = name || hostname
  const session = options.session ?? sessions.get(key)
  const secure = tls.connect({
    ALPNProtocols: ['http/1.1'],
    ...options,
    ...(name && { servername: name }),
    ...(session && { session }),
    host: hostname,
    socket,
  })
  return secure.on('session', (fresh) => sessions.set(key, fresh))
}

/** The name of a Host header for SNI, which has no addresses (RFC 6066 §3). */
function serverName(host: string): string {
  const name = host.replace(/:\d+$/, '')
  return net.isIP(name.replace(/^\[|\]$/g, '')) === 0 ? name : ''
}

/** The latest TLS session of each server, those that were renewed longest ago forgotten first. */
class Sessions {
  readonly #limit: number
  readonly #sessions = new Map<string, Buffer>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get(server: string): Buffer | undefined {
    return this.#sessions.get(server)
  }

  set(server: string, session: Buffer): void {
    if (this.#limit === 0) return
    this.#sessions.delete(server)
    this.#sessions.set(server, session)
    if (this.#sessions.size <= this.#limit) return
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest)
      return
    }
  }
}
