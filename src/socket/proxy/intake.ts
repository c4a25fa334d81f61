import { performance } from 'node:perf_hooks'
import { DATAGRAM_WORDS, type Region } from '../../internal/region.js'
import { thread } from '../../internal/thread.js'
import { Fault } from '../../proxy/faults.js'
import { HeaderScan } from '../../proxy/scan.js'
import type { ProxyHeader } from '../../proxy/types.js'
import { unpack } from '../../proxy/unpack.js'
import { SPP_MAGIC, V2_SIGNATURE } from '../../proxy/wire.js'
import type { PathReader } from '../paths.js'
import type { ProxyStats, RemoteEnd, RemoteInfo } from '../types.js'
import type { ProxySettings } from './options.js'
import { type ProxySession, ProxySessions } from './sessions.js'

/**
 * What the datagrams of the batch in hand came with, by their index: where in the region a header lies, or the session
 * whose first datagram brought it. One set a thread, as there is one batch a thread.
 */
interface Found {
  /** Bytes from the start of the region; 0, where no payload lies, stands for none. */
  readonly headers: Uint32Array
  readonly sessions: (ProxySession | undefined)[]
}

let shared: Found | undefined

/**
 * Takes PROXY headers off the datagrams of a batch, and knows the client of each. Datagrams are changed in the region's
 * table, where the header before a payload is passed over and what is not wanted is left out.
 */
export class ProxyIntake {
  readonly settings: ProxySettings
  readonly #stats = { accepted: 0, untrusted: 0, missing: 0, invalid: 0 }
  readonly #region: Region
  readonly #paths: PathReader
  readonly #scan = new HeaderScan()
  readonly #found: Found
  readonly #sessions: ProxySessions | undefined
  // The sender asked about last, as four words, and whether it is trusted: mostly the next one is the same.
  readonly #lastSender = new Uint32Array(4)
  #lastTrusted: boolean

  constructor(settings: ProxySettings, paths: PathReader) {
    const { region } = thread()
    shared ??= { headers: new Uint32Array(region.maxDatagrams), sessions: [] }
    this.settings = settings
    this.#region = region
    this.#paths = paths
    this.#found = shared
    this.#lastTrusted = settings.trusted.has(paths.family === 'IPv6' ? '::' : '0.0.0.0')
    const { sessions } = settings
    if (sessions !== undefined) this.#sessions = new ProxySessions(sessions.limit, sessions.idleTimeout)
  }

  get stats(): ProxyStats {
    return { ...this.#stats, sessions: this.#sessions?.size ?? 0, evicted: this.#sessions?.evicted ?? 0 }
  }

  /** Goes through the first `count` datagrams of the table; returns how many are left, moved to its front. */
  take(count: number): number {
    const { words, datagrams } = this.#region
    const now = this.#sessions === undefined ? 0 : performance.now()
    let kept = 0
    for (let i = 0; i < count; i++) {
      const at = datagrams + i * DATAGRAM_WORDS
      this.#found.headers[kept] = 0
      this.#found.sessions[kept] = undefined
      const path = this.#region.path(words[at + 2]!)
      if (!this.#isTrusted(path)) {
        this.#stats.untrusted++
        if (this.settings.required) continue
      } else if (!(this.#sessions === undefined ? this.#takeHeader(at, kept) : this.#takeFlow(at, path, kept, now))) {
        continue
      }
      if (kept !== i) words.copyWithin(datagrams + kept * DATAGRAM_WORDS, at, at + DATAGRAM_WORDS)
      kept++
    }
    return kept
  }

  /** The header that tells the client of datagram `i`, if one did. */
  header(i: number): ProxyHeader | undefined {
    const session = this.#found.sessions[i]
    if (session !== undefined) return session.header
    const at = this.#found.headers[i]!
    if (at === 0) return undefined
    const { bytes, words, datagrams } = this.#region
    const entry = datagrams + i * DATAGRAM_WORDS
    this.#scan.read(bytes, at, words[entry]! + words[entry + 1]!, this.settings.versions, false)
    return unpack(this.#scan)
  }

  /** An answer keeps a session alive as a question does: proxies count both. */
  answered({ via, local }: RemoteInfo): void {
    if (via !== undefined) this.#sessions?.get(flowKey(via, local.address), performance.now())
  }

  /** The same for datagram `i` of the batch. */
  answeredInBatch(i: number): void {
    const session = this.#found.sessions[i]
    if (session !== undefined) this.#sessions?.get(session.key, performance.now())
  }

  /** Where the SPP header of datagram `i` begins in the region, right before its payload; 0 when it has none. */
  sppHeader(i: number): number {
    const at = this.#found.headers[i]!
    return at !== 0 && this.#region.bytes[at] === SPP_MAGIC[0] ? at : 0
  }

  /** Mode `'each'`: false when the datagram is dropped. */
  #takeHeader(at: number, index: number): boolean {
    const fault = this.#strip(at)
    if (fault !== Fault.none) return this.#passOn(at, fault)
    this.#found.headers[index] = this.#region.words[at]! - this.#scan.length
    this.#stats.accepted++
    return true
  }

  /** Mode `'first'`: false when the datagram is dropped, or was only there to begin a session. */
  #takeFlow(at: number, path: number, index: number, now: number): boolean {
    const sessions = this.#sessions!
    const key = flowKey(this.#paths.peer(path), this.#paths.localAddress(path))
    let session = sessions.get(key, now)
    if (session === undefined) {
      const fault = this.#strip(at)
      if (fault !== Fault.none) return this.#passOn(at, fault)
      session = sessions.add(key, unpack(this.#scan), now)
      // Spectrum and gost begin with a datagram of the header alone.
      if (this.#region.words[at + 1] === 0) return false
    }
    this.#found.sessions[index] = session
    this.#stats.accepted++
    return true
  }

  /** Moves the beginning of a datagram's payload behind its header. */
  #strip(at: number): Fault {
    const { words, bytes } = this.#region
    const offset = words[at]!
    const length = words[at + 1]!
    const scan = this.#scan
    const fault = scan.read(bytes, offset, offset + length, this.settings.versions, this.settings.verify)
    if (fault === Fault.none) {
      words[at] = offset + scan.length
      words[at + 1] = length - scan.length
    }
    return fault
  }

  /** What becomes of a trusted sender's datagram that brought no header. A broken header is never a payload. */
  #passOn(at: number, fault: Fault): boolean {
    const tooShort = fault === Fault.incomplete && this.#region.words[at + 1]! < V2_SIGNATURE.length
    if (fault !== Fault.signature && !tooShort) {
      this.#stats.invalid++
      return false
    }
    this.#stats.missing++
    return !this.settings.required
  }

  #isTrusted(path: number): boolean {
    const { words, peer } = this.#region
    const at = path + peer
    const last = this.#lastSender
    if (words[at] === last[0] && words[at + 1] === last[1] && words[at + 2] === last[2] && words[at + 3] === last[3]) {
      return this.#lastTrusted
    }
    for (let i = 0; i < 4; i++) last[i] = words[at + i]!
    this.#lastTrusted = this.settings.trusted.has(this.#paths.peerAddress(path))
    return this.#lastTrusted
  }
}

/** The proxy's end and ours: one proxy may use a port of its own towards several of our addresses. */
function flowKey({ address, port }: RemoteEnd, local: string): string {
  return `${address} ${port} ${local}`
}
