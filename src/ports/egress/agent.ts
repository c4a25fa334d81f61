import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { checkInteger } from '../../errors/checks.js'
import { invalidArgValue } from '../../errors.js'
import { connect } from './connect.js'
import type { ConnectOptions, EgressOptions } from './options.js'
import { splitOptions } from './split-options.js'

/** Options of an agent for requests with `http:` URLs: those of `http.Agent`, and where its connections come from. */
export interface HttpAgentOptions extends EgressOptions, Omit<http.AgentOptions, keyof EgressOptions> {
  protocol?: 'http:' | undefined
  /** Milliseconds until a connection must be made; then the request fails with ETIMEDOUT. */
  connectTimeout?: number | undefined
}

/** The same for `https:` URLs: options of `https.Agent`. */
export interface HttpsAgentOptions extends EgressOptions, Omit<https.AgentOptions, keyof EgressOptions> {
  protocol: 'https:'
  connectTimeout?: number | undefined
}

/**
 * An agent whose connections are made with `connect`: for `http.request`, `https.request` and the libraries on them.
 * Connections are kept alive, TLS sessions are reused and limits apply as in Node's own agents.
 *
 *     const agent = createAgent({ localAddress: '192.0.2.7', keepAlive: true })
 *     http.get('http://example.com/', { agent })
 *
 * @param options `protocol` is `'http:'` unless it says `'https:'`. `localAddress` and
 * `localPort` of a request go before the agent's. Requests with `socketPath` are made as Node makes them.
 * @throws ArgumentTypeError, ArgumentRangeError. What a request itself says wrong is an `'error'` of the request.
 */
export function createAgent(options: HttpsAgentOptions): https.Agent
export function createAgent(options?: HttpAgentOptions): http.Agent
export function createAgent(options: HttpAgentOptions | HttpsAgentOptions = {}): http.Agent {
  const { egress, others } = splitOptions<HttpAgentOptions>(options, KNOWN, REFUSED)
  const { protocol = 'http:', connectTimeout, ...rest } = others
  if (connectTimeout !== undefined) checkInteger('options.connectTimeout', connectTimeout, 1, 2 ** 31 - 1)
  if (protocol === 'http:') return new HttpAgent({ ...egress, connectTimeout }, rest as http.AgentOptions)
  if (protocol === 'https:') return new HttpsAgent({ ...egress, connectTimeout }, rest as https.AgentOptions)
  throw invalidArgValue('options.protocol', "must be 'http:' or 'https:'", protocol)
}

/** Ours, and what users set most of Node's. */
const KNOWN: readonly string[] = [
  'protocol',
  'connectTimeout',
  'timeout',
  'keepAlive',
  'keepAliveMsecs',
  'keepAliveInitialDelay',
  'maxSockets',
  'maxTotalSockets',
  'maxFreeSockets',
  'maxCachedSessions',
  'scheduling',
  'rejectUnauthorized',
  'servername',
]
const REFUSED = { proxyEnv: 'is not for agents of createAgent, which connect to the server itself' }

/** What an agent says to each connection. */
type Egress = EgressOptions & { connectTimeout: number | undefined }

/** What Node's agents tell `createConnection`, as far as it concerns the connection below HTTP and TLS. */
type Requested = Partial<ConnectOptions> & { socketPath?: string | undefined }

class HttpAgent extends http.Agent {
  readonly #egress: Egress

  constructor(egress: Egress, options: http.AgentOptions) {
    super(options)
    this.#egress = egress
  }

  override getName(options?: http.ClientRequestArgs): string {
    return nameWithPort(super.getName(options), options)
  }

  override createConnection(options: http.ClientRequestArgs, callback?: Created): Duplex | null | undefined {
    if (options.socketPath) return super.createConnection(options, callback)
    return begin(() => connectFor(options as Requested, this.#egress))
  }
}

class HttpsAgent extends https.Agent {
  readonly #egress: Egress

  constructor(egress: Egress, options: https.AgentOptions) {
    super(options)
    this.#egress = egress
  }

  override getName(options?: https.RequestOptions): string {
    return nameWithPort(super.getName(options), options)
  }

  override createConnection(options: https.RequestOptions, callback?: Created): Duplex | null | undefined {
    if (options.socketPath) return super.createConnection(options, callback)
    return begin(() => {
      // Node's agent puts TLS, and the session that it remembers, upon the socket.
      const socket = connectFor(options as Requested, this.#egress)
      return super.createConnection({ ...options, socket } as https.RequestOptions)
    })
  }
}

/** Requests share connections by name. Node's name has the local address, but not the local port. */
function nameWithPort(name: string, options: http.ClientRequestArgs | undefined): string {
  return options?.localPort === undefined ? name : `${name}:from ${options.localPort}`
}

type Created = (error: Error | null, stream: Duplex) => void

/**
 * Where a connection cannot even begin, a socket that fails: the request gets its error, and the agent goes on to the
 * next. What is thrown here would be an uncaught exception when the request had waited for its turn (`maxSockets`).
 */
function begin<Connection>(connection: () => Connection): Connection | net.Socket {
  try {
    return connection()
  } catch (error) {
    const socket = new net.Socket()
    process.nextTick(() => socket.destroy(error as Error)) // and told a tick later, when the request listens
    return socket
  }
}

function connectFor(options: Requested, egress: Egress): Duplex {
  const { host, family, hints, lookup, timeout, noDelay, keepAlive, keepAliveInitialDelay } = options
  const port = Number(options.port)
  return connect({
    ...egress,
    ...{ host, port, family, hints, lookup, timeout, noDelay, keepAlive, keepAliveInitialDelay },
    localAddress: options.localAddress ?? egress.localAddress,
    localPort: options.localPort ?? egress.localPort,
  })
}
