import { outOfRange } from '../errors.js'
import { DATAGRAM_WORDS, type Region, TRUNCATED } from '../internal/region.js'
import { thread } from '../internal/thread.js'
import type { Outbox } from './outbox.js'
import type { PathReader } from './paths.js'
import type { Batch, Family, LocalAddress, RemoteInfo, SendOptions } from './types.js'

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
  readonly #send: Batch['send']

  constructor(paths: PathReader, outbox: Outbox, send: Batch['send']) {
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
    this.#send = send
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

  peer(i: number): { address: string; family: Family; port: number } {
    return this.#paths.peer(this.#path(i))
  }

  local(i: number): LocalAddress {
    return this.#paths.local(this.#path(i))
  }

  rinfo(i: number): RemoteInfo {
    return this.#paths.remoteInfo(this.#path(i), this.size(i), this.truncated(i))
  }

  tos(i: number): number {
    return this.#words[this.#path(i) + this.#region.tos]!
  }

  truncated(i: number): boolean {
    return (this.#words[this.#at(i) + 3]! & TRUNCATED) !== 0
  }

  reply(i: number, bytes: Uint8Array): void {
    const path = this.#words[this.#at(i) + 2]!
    // The payload itself goes back: the common case, and nothing need be found out about `bytes`.
    if (bytes === this.#buffers[i]) this.#outbox.replyInPlace(path, this.#offsets[i]!, this.#lengths[i]!)
    else this.#outbox.reply(path, bytes)
  }

  send(bytes: Uint8Array, port: number, address: string, options?: SendOptions): void {
    this.#send(bytes, port, address, options)
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
