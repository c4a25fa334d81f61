import { Server, Socket } from 'node:net'
import { invalidArgType, invalidArgValue, type ProxyErrorCode, type ProxyProtocolError } from '../errors.js'
import { type ProxiedSocket, presentClient, presentSameClient } from './client-socket.js'
import { HeaderWait } from './header-wait.js'
import { untrustedPeer } from './refusals.js'
import { type ServerSettings, serverSettings, type WrapServerOptions } from './server-options.js'

export type { ProxiedSocket, ProxyPeer } from './client-socket.js'
export type { WrapServerOptions } from './server-options.js'

/** What became of the connections of a wrapped server. */
export interface ProxyServerStats {
  /** Began with a good header. */
  accepted: number
  /** Passed on without a header, which takes `required: false`. */
  bare: number
  /** Destroyed: the peer is no trusted proxy. */
  untrusted: number
  /** Destroyed: began with no header of an accepted version, or ended before it was complete. */
  missing: number
  /** Destroyed: began with a bad header. */
  invalid: number
  /** Destroyed: the header was not complete in time. */
  late: number
  /** Had been reset by the peer when they were accepted, as those of some health checks; not reported. */
  gone: number
  /** Wait for their header now. */
  waiting: number
}

/** What `wrapServer` adds to a server. */
export interface ProxyServerEvents {
  proxyStats(): ProxyServerStats
  /**
   * `proxyError`: a connection was refused. The socket is destroyed when all listeners have returned; its
   * `remoteAddress` is the peer's.
   */
  on(event: 'proxyError', listener: (error: ProxyProtocolError, socket: Socket) => void): this
  on(event: 'connection', listener: (socket: ProxiedSocket) => void): this
  once(event: 'proxyError', listener: (error: ProxyProtocolError, socket: Socket) => void): this
  once(event: 'connection', listener: (socket: ProxiedSocket) => void): this
}

export type ProxiedServer<T extends Server> = ProxyServerEvents & T

/** Servers must not be wrapped twice: a connection has one header. */
const wrapped = new WeakSet<Server>()

/**
 * Makes a TCP server one behind proxies: each connection must begin with a PROXY header, which is taken off, and the
 * sockets that listeners get have the client's `remoteAddress`, `remotePort` and `remoteFamily`, and `proxy` and `via`
 * (see `ProxiedSocket`). What follows the header is intact.
 *
 * For servers of node:net, node:tls, node:http, node:https and node:http2; TLS is inside the proxied connection, and its
 * sockets tell the same. `req.socket` is such a socket.
 *
 * A refused connection is destroyed and counted (`server.proxyStats()`), and `'proxyError'` is emitted if somebody
 * listens: with ERR_PROXY_UNTRUSTED, ERR_PROXY_TIMEOUT, or the error of the header. Nothing is written to it.
 *
 * @param server listening or not; is changed and returned
 * @throws ArgumentTypeError ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE (also when the server is
 * wrapped already), ERR_UNKNOWN_OPTION; ArgumentRangeError ERR_OUT_OF_RANGE
 */
export function wrapServer<T extends Server>(server: T, options: WrapServerOptions): ProxiedServer<T> {
  if (!(server instanceof Server)) throw invalidArgType('server', 'an instance of net.Server', server)
  const settings = serverSettings(options)
  if (wrapped.has(server)) throw invalidArgValue('server', 'must not be wrapped twice', server)
  wrapped.add(server)
  const gate = new Gate(server, settings)
  return Object.assign(server, { proxyStats: () => gate.stats() }) as unknown as ProxiedServer<T>
}

/** Stands between a server's new connections and its listeners. */
class Gate {
  readonly #server: Server
  readonly #settings: ServerSettings
  /** The server's own. */
  readonly #emit: Server['emit']
  readonly #waiting = new Map<Socket, HeaderWait>()
  readonly #counts = { accepted: 0, bare: 0, untrusted: 0, missing: 0, invalid: 0, late: 0, gone: 0 }

  constructor(server: Server, settings: ServerSettings) {
    this.#server = server
    this.#settings = settings
    this.#emit = server.emit
    // Node, too, calls what is found under these names.
    const emit = (event: string | symbol, ...args: unknown[]) => this.#onEmit(event, args)
    define(server, 'emit', emit)
    if ('closeAllConnections' in server) {
      const closeOthers = server.closeAllConnections as () => void
      define(server, 'closeAllConnections', () => {
        this.#closeWaiting()
        closeOthers.call(server)
      })
    }
  }

  stats(): ProxyServerStats {
    return { ...this.#counts, waiting: this.#waiting.size }
  }

  #onEmit(event: string | symbol, args: unknown[]): boolean {
    const [socket] = args
    if (event === 'connection' && socket instanceof Socket) {
      this.#receive(socket)
      return true
    }
    // Events of TLS have the socket first or second; those of requests have none.
    presentSameClient(socket)
    presentSameClient(args[1])
    return Reflect.apply(this.#emit, this.#server, [event, ...args])
  }

  #receive(socket: Socket): void {
    const { trusted, required } = this.#settings
    const address = socket.remoteAddress
    if (address !== undefined && trusted.has(address)) {
      this.#waiting.set(socket, new HeaderWait(socket, this.#settings, this.#outcomes))
    } else if (!required) {
      this.#outcomes.bare(socket)
    } else if (address === undefined && typeof this.#server.address() !== 'string') {
      // It has reset the connection before this one was accepted, as HAProxy's health checks do: nobody to report.
      this.#counts.gone++
      socket.destroy()
    } else {
      this.#counts.untrusted++
      this.#refuse(socket, () => untrustedPeer(address))
    }
  }

  readonly #outcomes = {
    header: (socket, header) => {
      this.#waiting.delete(socket)
      this.#counts.accepted++
      presentClient(socket, header)
      this.#pass(socket)
    },
    bare: (socket) => {
      this.#waiting.delete(socket)
      this.#counts.bare++
      this.#pass(socket)
    },
    failed: (socket, error) => {
      this.#waiting.delete(socket)
      this.#counts[countOf(error.code)]++
      this.#refuse(socket, () => error)
    },
    closed: (socket) => {
      this.#waiting.delete(socket)
    },
  } satisfies ConstructorParameters<typeof HeaderWait>[2]

  #pass(socket: Socket): void {
    Reflect.apply(this.#emit, this.#server, ['connection', socket])
  }

  /** @param error made only for listeners: a flood shall cost little */
  #refuse(socket: Socket, error: () => ProxyProtocolError): void {
    try {
      if (this.#server.listenerCount('proxyError') > 0) this.#server.emit('proxyError', error(), socket)
    } finally {
      socket.destroy()
    }
  }

  #closeWaiting(): void {
    for (const [socket, wait] of this.#waiting) {
      wait.cancel()
      socket.destroy()
    }
    this.#waiting.clear()
  }
}

function countOf(code: ProxyErrorCode): 'missing' | 'late' | 'invalid' {
  if (code === 'ERR_PROXY_SIGNATURE' || code === 'ERR_PROXY_INCOMPLETE') return 'missing'
  return code === 'ERR_PROXY_TIMEOUT' ? 'late' : 'invalid'
}

function define(server: Server, name: string, value: unknown): void {
  Object.defineProperty(server, name, { value, configurable: true, writable: true })
}
