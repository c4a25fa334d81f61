import type { IPVersion } from './classify.js'
import { parseIPv4, parseIPv6, splitScope } from './ip.js'

/** Texts that one generation holds; two are kept, so memory stays below some hundred kilobytes. */
const GENERATION = 4096

/** Longest text of an address, `0000:0000:0000:0000:0000:ffff:255.255.255.255`; longer ones are not looked up. */
const LONGEST = 45

/** One half of the cache: where in `words` (4 words each) the address of a text lies. */
interface Generation {
  readonly entries: Map<string, number>
  /** Grows with the entries: a program may have thousands of sockets that know a handful of peers each. */
  words: Uint32Array
}

/**
 * Address text → bytes, for the path that runs once for each datagram sent. Texts are remembered in two generations:
 * when the young one is full it becomes the old one, and the old one, less what was asked for again, is forgotten.
 *
 * Addresses are written as 4 words in network order, as they lie in a `sockaddr`: IPv4 in the first word of a family 4
 * field and the others zero; in a family 6 field v4-mapped, which is how a dual-stack socket names an IPv4 peer.
 */
export class AddressBytes {
  readonly #v6: boolean
  readonly #scopeId: (name: string) => number
  readonly #scratch = new Uint32Array(4)
  readonly #bytes = new Uint8Array(this.#scratch.buffer)
  #young: Generation = makeGeneration()
  #old: Generation = makeGeneration()

  /**
   * @param version 4: IPv4 texts only; 6: IPv6 texts, and IPv4 ones as v4-mapped
   * @param scopeId the index of an interface by its name, 0 when there is none (`if_nametoindex(3)`). It is asked each
   *   time, since interfaces come and go, and never for numbers. What it throws passes through `encode`.
   */
  constructor(version: IPVersion, scopeId: (name: string) => number) {
    this.#v6 = version === 6
    this.#scopeId = scopeId
  }

  /**
   * Writes the address to `words[at]` … `words[at + 3]`, and its scope (an interface index, 0 when the text has none)
   * to `words[scopeAt]` unless `scopeAt` is left out.
   *
   * @returns false, with `words` untouched, when the text is no address of this family or names no interface
   */
  encode(text: string, words: Uint32Array, at: number, scopeAt = -1): boolean {
    const young = this.#young
    let from = young.entries.get(text)
    let source = young.words
    if (from === undefined) {
      if (this.#v6 && text.includes('%')) return this.#encodeScoped(text, words, at, scopeAt)
      from = this.#learn(text)
      if (from < 0) return false
      source = this.#young.words
    }
    words[at] = source[from] as number
    words[at + 1] = source[from + 1] as number
    words[at + 2] = source[from + 2] as number
    words[at + 3] = source[from + 3] as number
    if (scopeAt >= 0) words[scopeAt] = 0
    return true
  }

  /** Puts an address into the young generation; returns where its words lie there, −1 when it is none. */
  #learn(text: string): number {
    const scratch = this.#scratch
    const old = this.#old.entries.get(text)
    if (old !== undefined) scratch.set(this.#old.words.subarray(old, old + 4))
    else if (text.length > LONGEST || !this.#parse(text)) return -1
    if (this.#young.entries.size === GENERATION) {
      const forgotten = this.#old
      this.#old = this.#young
      this.#young = forgotten
      forgotten.entries.clear()
    }
    const young = this.#young
    const at = young.entries.size * 4
    if (at === young.words.length) {
      const larger = new Uint32Array(at * 2)
      larger.set(young.words)
      young.words = larger
    }
    young.words.set(scratch, at)
    young.entries.set(text, at)
    return at
  }

  /** Reads an address without a scope into `#scratch`. */
  #parse(text: string): boolean {
    this.#scratch.fill(0)
    const bytes = this.#bytes
    if (!this.#v6) return parseIPv4(text, bytes, 0)
    if (parseIPv6(text, bytes, 0)) return true
    if (!parseIPv4(text, bytes, 12)) return false
    bytes[10] = 0xff
    bytes[11] = 0xff
    return true
  }

  #encodeScoped(text: string, words: Uint32Array, at: number, scopeAt: number): boolean {
    const { address, scope } = splitScope(text)
    if (!parseIPv6(address, this.#bytes, 0)) return false
    const id = this.#scope(scope)
    if (id < 0) return false
    words.set(this.#scratch, at)
    if (scopeAt >= 0) words[scopeAt] = id
    return true
  }

  /** The index of a scope, −1 when there is none. Digits are an index themselves (RFC 4007 §11.2). */
  #scope(scope: string): number {
    if (scope === '') return -1
    if (/^[0-9]+$/.test(scope)) {
      const index = Number(scope)
      return index <= 0xffffffff ? index : -1
    }
    const index = this.#scopeId(scope)
    return index > 0 ? index : -1
  }
}

function makeGeneration(): Generation {
  return { entries: new Map(), words: new Uint32Array(16 * 4) }
}
