import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { invalidArgValue } from '../../errors.js'
import { connect } from './connect.js'
import { type ConnectOptions, EGRESS_OPTIONS, type EgressOptions, egressSettings } from './options.js'

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
 * @param options `protocol` is `'http:'` unless it says `'https:'`. `localAddress` of a request goes before the agent's.
 * @throws ArgumentTypeError, ArgumentRangeError
 */
export function createAgent(options: HttpsAgentOptions): https.Agent
export function createAgent(options?: HttpAgentOptions): http.Agent
export function createAgent(options: HttpAgentOptions | HttpsAgentOptions = {}): http.Agent {
  const { protocol = 'http:', connectTimeout, ...rest } = options
  const { egress, others } = splitEgress(rest)
  egressSettings(egress) // wrong ones are told now, and not with the first request
  if (protocol === 'http:') return new HttpAgent({ ...egress, connectTimeout }, others)
  if (protocol === 'https:') return new HttpsAgent({ ...egress, connectTimeout }, others)
  throw invalidArgValue('options.protocol', "must be 'http:' or 'https:'", protocol)
}

function splitEgress(options: object): { egress: EgressOptions; others: object } {
  const isEgress = ([name]: [string, unknown]) => EGRESS_OPTIONS.includes(name)
  const entries = Object.entries(options)
  return {
    egress: Object.fromEntries(entries.filter(isEgress)),
    others: Object.fromEntries(entries.filter((entry) => !isEgress(entry))),
  }
}

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

  override createConnection(options: http.ClientRequestArgs, callback?: Created): Duplex | null | undefined {
    if (options.socketPath) return super.createConnection(options, callback)
    return connectFor(options as Requested, this.#egress)
  }
}

class HttpsAgent extends https.Agent {
  readonly #egress: Egress

  constructor(egress: Egress, options: https.AgentOptions) {
    super(options)
    this.#egress = egress
  }

  override createConnection(options: https.RequestOptions, callback?: Created): Duplex | null | undefined {
    if (options.socketPath) return super.createConnection(options, callback)
    // Node's agent puts TLS, and the session that it remembers, upon the socket.
    const socket = connectFor(options as Requested, this.#egress)
    return super.createConnection({ ...options, socket } as https.RequestOptions, callback)
  }
}

type Created = (error: Error | null, stream: Duplex) => void

function connectFor(options: Requested, egress: Egress): Duplex {
  const { host, family, hints, lookup, timeout, noDelay, keepAlive, keepAliveInitialDelay, localAddress } = options
  const port = Number(options.port)
  return connect({
    ...egress,
    ...{ host, port, family, hints, lookup, timeout, noDelay, keepAlive, keepAliveInitialDelay },
    localAddress: localAddress ?? egress.localAddress,
  })
}
