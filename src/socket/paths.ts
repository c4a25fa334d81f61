import type { Region } from '../internal/region.js'
import { type AddressCodec, type Thread, thread } from '../internal/thread.js'
import type { Family, LocalAddress, RemoteInfo } from './types.js'

/** Reads paths of the region as addresses: text with a scope where the address needs one, in the way of dgram. */
export class PathReader {
  readonly family: Family
  /** The socket's own port, for datagrams that do not bring theirs. */
  port = 0
  readonly #thread: Thread
  readonly #region: Region
  readonly #codec: AddressCodec
  readonly #v6: boolean

  constructor(v6: boolean) {
    this.#thread = thread()
    this.#region = this.#thread.region
    this.#codec = v6 ? this.#thread.ipv6 : this.#thread.ipv4
    this.#v6 = v6
    this.family = v6 ? 'IPv6' : 'IPv4'
  }

  /** Source on the wire of the path at position `at`. */
  peer(at: number): { address: string; family: Family; port: number } {
    return { address: this.peerAddress(at), family: this.family, port: this.#region.words[at + this.#region.peerPort]! }
  }

  peerAddress(at: number): string {
    const region = this.#region
    const text = this.#codec.text.text(region.words, at + region.peer)
    return this.#v6 ? this.#scoped(text, at + region.peer, region.words[at + region.peerScope]!) : text
  }

  local(at: number): LocalAddress {
    const region = this.#region
    const words = region.words
    const ifindex = words[at + region.ifindex]!
    const text = this.#codec.text.text(words, at + region.source)
    const source = this.#v6 ? this.#scoped(text, at + region.source, ifindex) : text
    return {
      address: this.localAddress(at),
      family: this.family,
      port: words[at + region.localPort]! || this.port,
      ifindex,
      source,
    }
  }

  /** Destination of the path. */
  localAddress(at: number): string {
    const { words, local, ifindex } = this.#region
    const text = this.#codec.text.text(words, at + local)
    return this.#v6 ? this.#scoped(text, at + local, words[at + ifindex]!) : text
  }

  /** The source to send from, '' when the kernel chooses. */
  sourceAddress(at: number): string {
    const { words, source } = this.#region
    const from = at + source
    if ((words[from]! | words[from + 1]! | words[from + 2]! | words[from + 3]!) === 0) return ''
    return this.#codec.text.text(words, from)
  }

  remoteInfo(at: number, size: number, truncated: boolean): RemoteInfo {
    const region = this.#region
    const words = region.words
    const tos = words[at + region.tos]!
    return {
      address: this.peerAddress(at),
      family: this.family,
      port: words[at + region.peerPort]!,
      size,
      local: this.local(at),
      tos,
      ecn: tos & 3,
      truncated,
    }
  }

  /** A link-local address means nothing without its interface (RFC 4007 §11). */
  #scoped(text: string, position: number, ifindex: number): string {
    const at = position * 4
    const bytes = this.#region.bytes
    if (bytes[at] !== 0xfe || (bytes[at + 1]! & 0xc0) !== 0x80 || ifindex === 0) return text
    return `${text}%${this.#thread.addon.interfaceName(ifindex) || ifindex}`
  }
}
