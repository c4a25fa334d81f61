import { BlockList, isIP } from 'node:net'
import { invalidArgType, invalidArgValue, outOfRange } from '../errors.js'
import { splitScope } from '../net/ip.js'

/** Answers that are remembered; a flood of strangers makes the memory start anew. */
const REMEMBERED = 4096

/** The senders whose headers are believed. */
export class TrustedProxies {
  readonly #list = new BlockList()
  readonly #known = new Map<string, boolean>()

  /**
   * @param name of the option, for errors
   * @param networks addresses and CIDR blocks: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`
   * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; ArgumentRangeError ERR_OUT_OF_RANGE
   */
  constructor(name: string, networks: readonly string[]) {
    if (!Array.isArray(networks)) {
      throw invalidArgType(name, "an array of the proxies' addresses and CIDR blocks. There is no default", networks)
    }
    if (networks.length === 0) throw invalidArgValue(name, 'must name at least one address or CIDR block', networks)
    for (const [index, network] of networks.entries()) this.#add(`${name}[${index}]`, network)
  }

  /** Whether a sender is trusted. @param address as in `rinfo.address`; v4-mapped and scoped ones are understood */
  has(address: string): boolean {
    let trusted = this.#known.get(address)
    if (trusted !== undefined) return trusted
    const plain = splitScope(address).address
    trusted = this.#list.check(plain, plain.includes(':') ? 'ipv6' : 'ipv4')
    if (this.#known.size === REMEMBERED) this.#known.clear()
    this.#known.set(address, trusted)
    return trusted
  }

  #add(name: string, network: unknown): void {
    if (typeof network !== 'string') throw invalidArgType(name, 'of type string', network)
    const slash = network.indexOf('/')
    const address = slash < 0 ? network : network.slice(0, slash)
    const version = isIP(address)
    if (version === 0) throw invalidArgValue(name, 'must be an IP address or CIDR block', network)
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (slash < 0) {
      this.#list.addAddress(address, family)
      return
    }
    const prefix = network.slice(slash + 1)
    const longest = version === 4 ? 32 : 128
    if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > longest) throw outOfRange(name, `/0 to /${longest}`, network)
    this.#list.addSubnet(address, Number(prefix), family)
  }
}
