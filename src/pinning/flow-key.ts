import { invalidArgType, invalidArgValue, missingArgument, outOfRange } from '../errors.js'
import { type IPVersion, isV4Mapped } from '../net/classify.js'
import { parseIPv4, parseIPv6 } from '../net/ip.js'

/**
 * What of a flow decides where it goes: the client's address; that and its port; or those and the address and port that
 * the client spoke to.
 */
export type Affinity = 'client-ip' | 'client-ip-port' | 'flow'

/** All of them. */
export const AFFINITIES: readonly Affinity[] = ['client-ip', 'client-ip-port', 'flow']

/** One end of a flow. */
export interface FlowEnd {
  /** IPv4 or IPv6 as text. A scope (`%eth0`) is no part of the key; a v4-mapped address is the IPv4 address in it. */
  address: string
  /** 0–65535. Not looked at with the affinity `client-ip`. */
  port: number
}

/** Whose datagrams belong together. `rinfo` has this shape: `{ client: rinfo, local: rinfo.local }`. */
export interface Flow {
  client: FlowEnd
  /** What the client spoke to; needed with the affinity `flow`, and not looked at otherwise. */
  local?: FlowEnd
}

/** Bytes of the longest key: two IPv6 addresses and two ports. */
export const LONGEST_KEY = 36

/** `::ffff:0:0/96` as the third word of an address, little-endian (RFC 4291 §2.5.5.2). */
const MAPPED = 0xffff0000

const clientBytes = new Uint8Array(16)
const localBytes = new Uint8Array(16)

/**
 * The canonical bytes of a flow, which every implementation hashes: all fields in network order, with nothing between
 * them. `bpf/include/flow_hash.h` has the same layouts, and `test/vectors/pinning.json` examples.
 *
 * | affinity | bytes | IPv4 | IPv6 |
 * | --- | --- | --- | --- |
 * | `client-ip` | client address | 4 | 16 |
 * | `client-ip-port` | client address, client port | 6 | 18 |
 * | `flow` | client address, client port, local address, local port | 12 | 36 |
 *
 * A v4-mapped IPv6 address is the IPv4 address in it. When only one end of a `flow` is IPv4, both are written as IPv6,
 * the IPv4 one v4-mapped.
 *
 * The object is made to be used again: each `set` overwrites the key before, and allocates nothing.
 */
export class FlowKey {
  readonly affinity: Affinity
  /** The key, four bytes a word, the first of them lowest (little-endian on every host). Beyond `length` anything. */
  readonly words = new Uint32Array(LONGEST_KEY / 4)
  /** Bytes of the key: 4, 6, 12, 16, 18 or 36; 0 before the first `set`. */
  length = 0

  /** @throws ArgumentTypeError ERR_INVALID_ARG_VALUE */
  constructor(affinity: Affinity) {
    if (!AFFINITIES.includes(affinity)) {
      throw invalidArgValue('affinity', `must be one of ${AFFINITIES.map((name) => `'${name}'`).join(', ')}`, affinity)
    }
    this.affinity = affinity
  }

  /**
   * Takes a flow from texts.
   *
   * @returns itself
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE (no address), ERR_MISSING_ARGS (no `local`
   * where the affinity needs it); ArgumentRangeError ERR_OUT_OF_RANGE (port). The key before is then gone.
   */
  set(flow: Flow): this {
    const { affinity } = this
    const client = readEnd('flow.client', flow.client, clientBytes, affinity !== 'client-ip')
    if (affinity !== 'flow') {
      this.#write(clientBytes, client, flow.client.port, localBytes, 4, 0)
      return this
    }
    if (flow.local === undefined) throw missingArgument('flow.local')
    const local = readEnd('flow.local', flow.local, localBytes, true)
    this.#write(clientBytes, client, flow.client.port, localBytes, local, flow.local.port)
    return this
  }

  /**
   * Takes an IPv4 flow from numbers, unchecked: for the path of each datagram. What the affinity leaves out is ignored.
   *
   * @param client address as a number, `a·2²⁴ + b·2¹⁶ + c·2⁸ + d` (signed or not)
   * @param clientPort 0–65535
   * @param local address, likewise
   */
  setIPv4(client: number, clientPort: number, local = 0, localPort = 0): void {
    const { words, affinity } = this
    words[0] = swap(client)
    if (affinity === 'flow') {
      words[1] = half(clientPort) | ((local >>> 8) & 0xff0000) | ((local << 8) & 0xff000000)
      words[2] = ((local >>> 8) & 0xff) | ((local & 0xff) << 8) | (half(localPort) << 16)
      this.length = 12
    } else if (affinity === 'client-ip') {
      this.length = 4
    } else {
      words[1] = half(clientPort)
      this.length = 6
    }
  }

  /**
   * Takes a flow from addresses as bytes in network order, each 4 (IPv4) or 16 (IPv6, v4-mapped ones included) long.
   *
   * @param local not looked at unless the affinity is `flow`
   * @throws ArgumentRangeError ERR_OUT_OF_RANGE for another length
   */
  setBytes(client: Uint8Array, clientPort: number, local: Uint8Array = localBytes, localPort = 0): void {
    this.#write(client, versionOf('client', client), clientPort, local, versionOf('local', local), localPort)
  }

  /** A copy of the key's bytes. */
  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.length)
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.words[i >> 2]! >>> ((i & 3) << 3)
    return bytes
  }

  #write(
    client: Uint8Array,
    clientVersion: IPVersion,
    clientPort: number,
    local: Uint8Array,
    localVersion: IPVersion,
    localPort: number,
  ): void {
    const client4 = isIPv4(client, clientVersion)
    const clientAt = clientVersion === 4 ? 0 : 12
    if (this.affinity !== 'flow') {
      if (client4) this.setIPv4(quad(client, clientAt), clientPort)
      else this.#writeIPv6Client(client, clientPort)
      return
    }
    const local4 = isIPv4(local, localVersion)
    const localAt = localVersion === 4 ? 0 : 12
    if (client4 && local4) {
      this.setIPv4(quad(client, clientAt), clientPort, quad(local, localAt), localPort)
      return
    }
    const { words } = this
    if (client4) writeMapped(words, quad(client, clientAt))
    else for (let i = 0; i < 4; i++) words[i] = word(client, 4 * i)
    // From here on every word holds the end of one field and the beginning of the next.
    if (local4) {
      const address = quad(local, localAt)
      words[4] = half(clientPort)
      words[5] = 0
      words[6] = 0
      words[7] = 0xffff | (half(address >>> 16) << 16)
      words[8] = half(address) | (half(localPort) << 16)
    } else {
      words[4] = half(clientPort) | (pair(local, 0) << 16)
      for (let i = 0; i < 3; i++) words[5 + i] = word(local, 2 + 4 * i)
      words[8] = pair(local, 14) | (half(localPort) << 16)
    }
    this.length = 36
  }

  #writeIPv6Client(client: Uint8Array, port: number): void {
    const { words } = this
    for (let i = 0; i < 4; i++) words[i] = word(client, 4 * i)
    if (this.affinity === 'client-ip') {
      this.length = 16
      return
    }
    words[4] = half(port)
    this.length = 18
  }
}

/** Reads and checks one end; returns the family of what was written to `out`. */
function readEnd(name: string, end: unknown, out: Uint8Array, needsPort: boolean): IPVersion {
  if (end === null || typeof end !== 'object') throw invalidArgType(name, 'of type object', end)
  const { address, port } = end as FlowEnd
  if (typeof address !== 'string') throw invalidArgType(`${name}.address`, 'of type string', address)
  if (needsPort) {
    if (typeof port !== 'number') throw invalidArgType(`${name}.port`, 'of type number', port)
    if (port !== (port & 0xffff)) throw outOfRange(`${name}.port`, 'an integer >= 0 && <= 65535', port)
  }
  if (parseIPv4(address, out, 0)) return 4
  const scope = address.indexOf('%')
  if (parseIPv6(scope < 0 ? address : address.slice(0, scope), out, 0)) return 6
  throw invalidArgValue(`${name}.address`, 'must be an IPv4 or IPv6 address', address)
}

function versionOf(name: string, address: Uint8Array): IPVersion {
  if (address.length === 4) return 4
  if (address.length === 16) return 6
  throw outOfRange(`${name}.length`, '4 or 16', address.length)
}

function isIPv4(address: Uint8Array, version: IPVersion): boolean {
  return version === 4 || isV4Mapped(address, 0)
}

function writeMapped(words: Uint32Array, address: number): void {
  words[0] = 0
  words[1] = 0
  words[2] = MAPPED
  words[3] = swap(address)
}

/** Four bytes as a number in network order. */
function quad(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}

/** Four bytes as a little-endian word. */
function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}

/** Two bytes as a little-endian half of a word. */
function pair(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

/** The bytes of a word in the other order. */
function swap(value: number): number {
  return (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24)
}

/** The low two bytes in the other order, the rest zero: a port as it lies in a key. */
function half(value: number): number {
  return ((value >>> 8) & 0xff) | ((value << 8) & 0xff00)
}
