import { invalidArgType, invalidArgValue, outOfRange, unknownOption } from '../errors.js'
import type { FlowKey } from './flow-key.js'
import { FlowTable } from './flow-table.js'
import type { FlowTableOptions } from './flow-table-options.js'
import { findUsername, StunType, stunType, type UsernamePlace } from './stun-message.js'
import { nodeIdOf, readNodeId, type UfragFormat, type UfragSettings, ufragSettings } from './stun-ufrag.js'

export interface StunSelectorOptions {
  /** Where the servers' fragments hold the ID of their node; `makeUfrag` makes such. */
  format: UfragFormat
  /** Backends by node ID: `{ a1: 'media-1' }`. A backend may have several. */
  nodes: Readonly<Record<string, string>>
  /** How 4-tuples are remembered. `create: 'first-reply'` needs `reply` to be called, and is safer: see there. */
  flows: FlowTableOptions
}

/** How datagrams of clients were judged. */
export interface StunSelectorStats {
  /** Checks that name a node. */
  named: number
  /** Others whose flow is known: DTLS, SRTP, STUN without USERNAME. */
  remembered: number
  /** Checks whose node is not known; the flow decided, or nothing did. */
  unknownNode: number
  /** Those that the hash had to decide. */
  undecided: number
}

const OPTIONS = ['format', 'nodes', 'flows'] satisfies (keyof StunSelectorOptions)[]
/** Backends that a flow table has numbers for. */
const BACKENDS_MOST = 65535

/**
 * Sends the datagrams of WebRTC clients to the node that they have a session with. ICE begins every flow with a STUN
 * check whose USERNAME has the server's own fragment (RFC 8445 §7.2.2), and servers can put the ID of their node into it.
 * What follows, DTLS and SRTP, names nobody: a table remembers the 4-tuple.
 *
 * Signalling (SDP) is not looked at, and nothing must be told of sessions before they begin. Checks come again every few
 * seconds, so a table that was lost fills again.
 *
 * USERNAME is not secret, and the password that proves it is not here. The node that a check names gets it in any case;
 * but with `create: 'first-reply'` a known flow only moves when the new node has answered with success, which needs the
 * password (RFC 8445 §7.3). With `'first-packet'` it moves at once, and who can forge the address of a client and knows
 * another node's ID can send its packets astray until its next check.
 */
export class StunSelector {
  readonly #format: UfragSettings
  /** The 4-tuples; their numbers are this object's own. For `stats`, `expire` and the like. */
  readonly flows: FlowTable
  #nodes: ReadonlyMap<string, number>
  /** Backends by their number in the table. */
  #backends: readonly string[]
  readonly #username: UsernamePlace = { at: 0, length: 0 }
  readonly #stats: StunSelectorStats = { named: 0, remembered: 0, unknownNode: 0, undecided: 0 }

  /**
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION; ArgumentRangeError
   * ERR_OUT_OF_RANGE
   */
  constructor(options: StunSelectorOptions) {
    if (options === null || typeof options !== 'object') throw invalidArgType('options', 'of type object', options)
    for (const name of Object.keys(options)) {
      if (!(OPTIONS as string[]).includes(name)) throw unknownOption(name, OPTIONS)
    }
    this.#format = ufragSettings('options.format', options.format)
    const { nodes, backends } = readNodes('options.nodes', options.nodes, this.#format)
    this.#nodes = nodes
    this.#backends = backends
    this.flows = new FlowTable(options.flows)
  }

  /**
   * Takes other nodes from now on; flows of backends that are gone are forgotten. A backend that is being drained stays
   * in the list: only those who got a fragment of it come there.
   *
   * @returns how many flows were forgotten
   * @throws as the constructor
   */
  update(nodes: StunSelectorOptions['nodes']): number {
    const read = readNodes('nodes', nodes, this.#format)
    const forgotten = this.flows.renumber(this.#backends.map((id) => read.backends.indexOf(id)))
    this.#nodes = read.nodes
    this.#backends = read.backends
    return forgotten
  }

  /**
   * The backend that a datagram of a client goes to.
   *
   * @param datagram whole
   * @param key of the affinity `flow`, or `client-ip-port` where the edge has one address and port
   * @param now milliseconds, as `FlowTable` has them
   * @returns undefined when the hash of the flow must decide
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; ArgumentRangeError ERR_OUT_OF_RANGE
   */
  select(datagram: Uint8Array, key: FlowKey, now: number = performance.now()): string | undefined {
    if (!(datagram instanceof Uint8Array)) throw invalidArgType('datagram', 'a Buffer or Uint8Array', datagram)
    const known = this.flows.get(key, now)
    const named = this.#nodeNamedBy(datagram)
    if (named !== undefined) {
      this.#stats.named++
      if (known === undefined || (known !== named && this.flows.create === 'first-packet')) {
        this.flows.add(key, named, now)
      }
      return this.#backends[named]
    }
    if (known === undefined) {
      this.#stats.undecided++
      return undefined
    }
    this.#stats.remembered++
    return this.#backends[known]
  }

  /**
   * Tells of a datagram that a backend sends to a client, where such pass: it keeps the flow, makes it established, and
   * with a success response to a check (RFC 8489 §6.3.3) moves it to that backend.
   *
   * @param datagram whole
   * @param key the same as for `select`
   * @param backend its ID
   * @throws as `select`
   */
  reply(datagram: Uint8Array, key: FlowKey, backend: string, now: number = performance.now()): void {
    if (!(datagram instanceof Uint8Array)) throw invalidArgType('datagram', 'a Buffer or Uint8Array', datagram)
    const number = this.#backends.indexOf(backend)
    if (number < 0) return
    if (stunType(datagram) === StunType.bindingSuccess) this.flows.add(key, number, now)
    else if (this.flows.peek(key, now) !== number) return
    this.flows.confirm(key, now)
  }

  stats(): StunSelectorStats {
    return { ...this.#stats }
  }

  /** The number of the backend that a check names. */
  #nodeNamedBy(datagram: Uint8Array): number | undefined {
    if (stunType(datagram) !== StunType.bindingRequest || !findUsername(datagram, this.#username)) return undefined
    const { at, length } = this.#username
    const id = nodeIdOf(datagram, at, length, this.#format)
    const named = id === undefined ? undefined : this.#nodes.get(id)
    if (named === undefined) this.#stats.unknownNode++
    return named
  }
}

function readNodes(
  name: string,
  nodes: StunSelectorOptions['nodes'],
  format: UfragSettings,
): { nodes: Map<string, number>; backends: string[] } {
  if (nodes === null || typeof nodes !== 'object') throw invalidArgType(name, 'of type object', nodes)
  const numbers = new Map<string, number>()
  const read = new Map<string, number>()
  for (const [nodeId, backend] of Object.entries(nodes)) {
    const property = `${name}["${nodeId}"]`
    const id = readNodeId(property, nodeId, format)
    if (typeof backend !== 'string' || backend === '') {
      throw invalidArgType(property, 'of type string, the ID of a backend', backend)
    }
    if (read.has(id)) throw invalidArgValue(property, 'must be there only once', nodeId)
    const number = numbers.get(backend) ?? numbers.size
    numbers.set(backend, number)
    read.set(id, number)
  }
  if (numbers.size > BACKENDS_MOST) throw outOfRange(`${name}`, `of ${BACKENDS_MOST} backends at most`, numbers.size)
  return { nodes: read, backends: [...numbers.keys()] }
}
