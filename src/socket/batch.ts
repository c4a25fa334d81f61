import { outOfRange } from '../errors.js'
import { DATAGRAM_WORDS, type Region, TRUNCATED } from '../internal/region.js'
import { thread } from '../internal/thread.js'
import type { ProxyHeader } from '../proxy/types.js'
import { SPP_LENGTH } from '../proxy/wire.js'
import type { Destination, Outbox } from './outbox.js'
import type { PathReader } from './paths.js'
import { clientOf, directReply, markClient } from './proxy/client.js'
import type { ProxyIntake } from './proxy/intake.js'
import type { Batch, LocalAddress, RemoteEnd, RemoteInfo, SendOptions } from './types.js'

/**
 * Views of payloads, kept from batch to batch: datagram `i` mostly lies where datagram `i` of the batch before lay and
 * has its size, and then there is nothing to make. One set a thread, since all sockets share the memory. Where a view
 * begins and how long it is stands beside it, because a typed array's own `byteOffset` and `buffer` are slow to ask.
 */
interface Views {
  readonly buffers: Buffer[]
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
}

let shared: Views | undefined

/** What a batch needs of its socket. */
export interface BatchOwner {
  send: Batch['send']
  /** Sends from an address of its own to one that was never a name. */
  answer(bytes: Uint8Array, to: Destination): void
}

/** One object a socket: what a `'batch'` listener is given, filled anew for each batch. */
export class DatagramBatch implements Batch {
  length = 0
  readonly #region: Region
  readonly #words: Uint32Array
  readonly #datagrams: number
  readonly #buffers: Buffer[]
  readonly #offsets: Uint32Array
  readonly #lengths: Uint32Array
  readonly #paths: PathReader
  readonly #outbox: Outbox
  readonly #owner: BatchOwner
  readonly #intake: ProxyIntake | undefined

  /** @param intake what takes off PROXY headers, where a socket expects them */
  constructor(paths: PathReader, outbox: Outbox, owner: BatchOwner, intake: ProxyIntake | undefined) {
    this.#region = thread().region
    this.#words = this.#region.words
    this.#datagrams = this.#region.datagrams
    const size = this.#region.maxDatagrams
    shared ??= { buffers: [], offsets: new Uint32Array(size), lengths: new Uint32Array(size) }
    this.#buffers = shared.buffers
    this.#offsets = shared.offsets
    this.#lengths = shared.lengths
    this.#paths = paths
    this.#outbox = outbox
    this.#owner = owner
    this.#intake = intake
  }

  payload(i: number): Buffer {
    const at = this.#at(i)
    const offset = this.#words[at]!
    const length = this.#words[at + 1]!
    // Offset 0 is not in the slab, so it stands for no view.
    if (this.#offsets[i] === offset && this.#lengths[i] === length) return this.#buffers[i]!
    const view = Buffer.from(this.#region.buffer, offset, length)
    this.#buffers[i] = view
    this.#offsets[i] = offset
    this.#lengths[i] = length
    return view
  }

  size(i: number): number {
    return this.#words[this.#at(i) + 1]!
  }

  peer(i: number): RemoteEnd {
    return this.#paths.peer(this.#path(i))
  }

  client(i: number): RemoteEnd {
    const peer = this.peer(i)
    const header = this.#intake?.header(i)
    return (header && clientOf(header)) ?? peer
  }

  proxy(i: number): ProxyHeader | undefined {
    this.#at(i)
    return this.#intake?.header(i)
  }

  local(i: number): LocalAddress {
    return this.#paths.local(this.#path(i))
  }

  rinfo(i: number): RemoteInfo {
    const rinfo = this.#paths.remoteInfo(this.#path(i), this.size(i), this.truncated(i))
    const header = this.#intake?.header(i)
    if (header !== undefined) markClient(rinfo, header)
    return rinfo
  }

  tos(i: number): number {
    return this.#words[this.#path(i) + this.#region.tos]!
  }

  truncated(i: number): boolean {
    return (this.#words[this.#at(i) + 3]! & TRUNCATED) !== 0
  }

  reply(i: number, bytes: Uint8Array): void {
    const path = this.#words[this.#at(i) + 2]!
    if (this.#intake !== undefined && this.#replyToProxied(this.#intake, i, path, bytes)) return
    // The payload itself goes back: the common case, and nothing need be found out about `bytes`.
    if (bytes === this.#buffers[i]) this.#outbox.replyInPlace(path, this.#offsets[i]!, this.#lengths[i]!)
    else this.#outbox.reply(path, bytes)
  }

  send(bytes: Uint8Array, port: number, address: string, options?: SendOptions): void {
    this.#owner.send(bytes, port, address, options)
  }

  /** Answers that are not just bytes to the peer; false when this is none. */
  #replyToProxied(intake: ProxyIntake, i: number, path: number, bytes: Uint8Array): boolean {
    if (intake.settings.direct) {
      const header = intake.header(i)
      const to = header && directReply(header)
      if (to === undefined) return false
      this.#owner.answer(bytes, to)
      return true
    }
    intake.answeredInBatch(i)
    const header = intake.sppHeader(i)
    if (header === 0) return false
    // Behind the same header, which lies right before the payload.
    const inPlace = bytes === this.#buffers[i] && this.#offsets[i] === header + SPP_LENGTH
    if (inPlace) this.#outbox.replyInPlace(path, header, SPP_LENGTH + bytes.length)
    else this.#outbox.replyTo(path, [this.#region.bytes.subarray(header, header + SPP_LENGTH), bytes], undefined)
    return true
  }

  /** Position of datagram `i` in the region's table. */
  #at(i: number): number {
    if (!(i >= 0 && i < this.length)) throw batchIndex(i, this.length)
    return this.#datagrams + i * DATAGRAM_WORDS
  }

  #path(i: number): number {
    return this.#region.path(this.#words[this.#at(i) + 2]!)
  }
}

function batchIndex(i: number, length: number): Error {
  const range = length === 0 ? 'used before the batch listener returns' : `>= 0 && < ${length}`
  return outOfRange('i', range, i)
}
