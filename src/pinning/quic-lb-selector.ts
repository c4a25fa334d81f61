import { invalidArgType, invalidArgValue } from '../errors.js'
import { QuicLbCipher } from './quic-lb-cipher.js'
import { type QuicLbConfig, type QuicLbSettings, quicLbSettings, readServerId, UNROUTABLE } from './quic-lb-config.js'
import { type ConnectionIdPlace, findConnectionId } from './quic-lb-header.js'
import { ServerIds } from './quic-lb-servers.js'

/** A configuration as edges have it. */
export interface QuicLbRoutes extends QuicLbConfig {
  /** Backends by server ID, in hexadecimal digits: `{ c4605e: 'web-1' }`. A backend may have several server IDs. */
  servers: Readonly<Record<string, string>>
}

/**
 * What became of a datagram: `'routed'`; or why its connection ID cannot be routed
 * (draft-ietf-quic-load-balancers-21 §4.1), so that the hash of the flow must decide:
 * - `'not-quic'`: it ends before a QUIC header does.
 * - `'unroutable'`: configuration 7, of servers that have none; also what DTLS 1.0 to 1.2 look like.
 * - `'no-config'`: a configuration that is not here.
 * - `'short-id'`: the connection ID is shorter than its configuration says. Most often a client chose it.
 * - `'length-differs'`: the length in it is not its length (with `encodesLength`).
 * - `'no-server'`: no server has this ID. Most often a client chose it.
 */
export type QuicLbOutcome =
  | 'routed'
  | 'not-quic'
  | 'unroutable'
  | 'no-config'
  | 'short-id'
  | 'length-differs'
  | 'no-server'

/** How a datagram was judged. */
export interface QuicLbExplanation {
  outcome: QuicLbOutcome
  header: 'long' | 'short' | 'none'
  /** 0–7, undefined when there is no connection ID. */
  configId: number | undefined
  /** Hexadecimal digits, undefined when it was not got at. */
  serverId: string | undefined
  backend: string | undefined
}

/** One configuration, ready for use. */
interface Route {
  settings: QuicLbSettings
  /** Bytes of server ID and nonce. */
  block: number
  cipher: QuicLbCipher | undefined
  servers: ServerIds
}

/** Bits of the first byte of a connection ID beside those of the configuration. */
const LENGTH_BITS = 0b11111
const CONFIG_SHIFT = 5

/**
 * Finds the server that a QUIC datagram names in its destination connection ID, after
 * draft-ietf-quic-load-balancers-21. A client may move to another address or port, and its datagrams still come to the
 * server that it speaks to.
 *
 * It knows nothing of flows: connection IDs that clients choose (the first Initial packets and 0-RTT) name no server,
 * and neither do those of servers without a configuration. Then `select` returns undefined, and the hash of the flow
 * decides. By chance such an ID may name a server. That does no harm, since all datagrams of the client carry it until
 * the server sends its own; server IDs of two bytes or more, `encodesLength` and a `key` make it rare.
 *
 * Every version of QUIC has the header that is read here (RFC 8999).
 */
export class QuicLbSelector {
  #routes: (Route | undefined)[]
  readonly #place: ConnectionIdPlace = { form: 'none', at: 0, length: 0 }
  /** Server ID and nonce in plain; the longest block is 19 bytes. */
  readonly #plain = new Uint8Array(19)
  #backend: string | undefined
  readonly #counts = newCounts()

  /**
   * @param configs one or more, up to seven, each with a `configId` of its own: the one in use, and those before it that
   *   connections still have
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE
   */
  constructor(configs: readonly QuicLbRoutes[]) {
    this.#routes = readRoutes(configs)
  }

  /** Takes other configurations from now on; as the constructor. Edges should have new ones before servers do (§3.1). */
  update(configs: readonly QuicLbRoutes[]): void {
    this.#routes = readRoutes(configs)
  }

  /**
   * The backend that a datagram names.
   *
   * @param datagram whole, or its first 26 bytes at least
   * @returns undefined when the hash of the flow must decide
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE
   */
  select(datagram: Uint8Array): string | undefined {
    const outcome = this.#judge(datagram)
    this.#counts[outcome]++
    return outcome === 'routed' ? this.#backend : undefined
  }

  /** As `select`, told in full; the counters stay. For people: it shows the server ID, which a key is there to hide. */
  explain(datagram: Uint8Array): QuicLbExplanation {
    const outcome = this.#judge(datagram)
    const { form, at, length } = this.#place
    const configId = length > 0 ? datagram[at]! >> CONFIG_SHIFT : undefined
    const decoded = outcome === 'routed' || outcome === 'no-server'
    const serverIdLength = this.#routes[configId ?? UNROUTABLE]?.settings.serverIdLength ?? 0
    return {
      outcome,
      header: form,
      configId,
      serverId: decoded ? Buffer.from(this.#plain.subarray(0, serverIdLength)).toString('hex') : undefined,
      backend: outcome === 'routed' ? this.#backend : undefined,
    }
  }

  /** How many datagrams had which outcome. */
  stats(): Record<QuicLbOutcome, number> {
    return { ...this.#counts }
  }

  #judge(datagram: Uint8Array): QuicLbOutcome {
    if (!(datagram instanceof Uint8Array)) throw invalidArgType('datagram', 'a Buffer or Uint8Array', datagram)
    const place = this.#place
    findConnectionId(datagram, place)
    if (place.form === 'none') return 'not-quic'
    // A long header may have a connection ID of no bytes, and a short one end there.
    if (place.length === 0) return 'short-id'
    const first = datagram[place.at]!
    const configId = first >> CONFIG_SHIFT
    if (configId === UNROUTABLE) return 'unroutable'
    const route = this.#routes[configId]
    if (route === undefined) return 'no-config'
    const { block, settings, cipher } = route
    if (place.length < 1 + block) return 'short-id'
    if (settings.encodesLength && !lengthFits(first & LENGTH_BITS, block, place)) return 'length-differs'
    const plain = this.#plain
    if (cipher !== undefined) {
      cipher.decrypt(datagram, place.at + 1, plain, settings.serverIdLength)
    } else {
      for (let i = 0; i < settings.serverIdLength; i++) plain[i] = datagram[place.at + 1 + i]!
    }
    this.#backend = route.servers.find(plain, 0)
    return this.#backend === undefined ? 'no-server' : 'routed'
  }
}

/** Whether the length in the first byte, which does not count that byte, agrees with the header (§4.1). */
function lengthFits(encoded: number, block: number, place: ConnectionIdPlace): boolean {
  if (place.form === 'long') return encoded === place.length - 1
  return encoded >= block && encoded < place.length
}

function newCounts(): Record<QuicLbOutcome, number> {
  return {
    routed: 0,
    'not-quic': 0,
    unroutable: 0,
    'no-config': 0,
    'short-id': 0,
    'length-differs': 0,
    'no-server': 0,
  }
}

function readRoutes(configs: readonly QuicLbRoutes[]): (Route | undefined)[] {
  if (!Array.isArray(configs)) throw invalidArgType('configs', 'an instance of Array', configs)
  if (configs.length === 0) throw invalidArgValue('configs', 'must hold one configuration or more', configs)
  const routes = new Array<Route | undefined>(UNROUTABLE).fill(undefined)
  for (const [i, config] of configs.entries()) {
    const name = `configs[${i}]`
    const settings = quicLbSettings(name, config, ['servers'])
    const { configId, serverIdLength, nonceLength, key } = settings
    if (routes[configId] !== undefined) {
      throw invalidArgValue(`${name}.configId`, 'must differ from those of the other configurations', configId)
    }
    const block = serverIdLength + nonceLength
    const cipher = key === undefined ? undefined : new QuicLbCipher(key, block)
    routes[configId] = { settings, block, cipher, servers: readServers(name, config.servers, serverIdLength) }
  }
  return routes
}

function readServers(name: string, servers: unknown, length: number): ServerIds {
  if (servers === null || typeof servers !== 'object')
    throw invalidArgType(`${name}.servers`, 'of type object', servers)
  const ids = new ServerIds(length)
  for (const [serverId, backend] of Object.entries(servers)) {
    const property = `${name}.servers["${serverId}"]`
    const bytes = readServerId(property, serverId)
    if (bytes.length !== length) {
      throw invalidArgValue(property, `must be a server ID of ${length} bytes, as serverIdLength says`, serverId)
    }
    if (typeof backend !== 'string' || backend === '') {
      throw invalidArgType(property, 'of type string, the ID of a backend', backend)
    }
    if (!ids.add(bytes, backend)) throw invalidArgValue(property, 'must be there only once', serverId)
  }
  return ids
}
