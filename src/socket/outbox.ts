import type { NativeSocket } from '../internal/addon.js'
import { HAS_TOS, type Region, SEND_WORDS } from '../internal/region.js'
import { type AddressCodec, thread } from '../internal/thread.js'
import { EAGAIN, EMSGSIZE, MAX_PAYLOAD } from './limits.js'
import { Receipt, type SendCallback } from './receipt.js'

/** Where a datagram goes, where it leaves from, and how it is marked. */
export interface Destination {
  /** 1–65535; 0 is the connected peer, and then `address` is not read. */
  port: number
  address: string
  /** Source address; '' lets the kernel choose. */
  source: string
  /** Interface to leave through; 0: by the source's scope, else routing decides. */
  ifindex: number
  /** TOS octet to send, −1: the socket's own. */
  tos: number
}

/** A datagram that the kernel did not take: what is known about it when that happens. */
export interface SendFailure {
  /** Positive errno. */
  errno: number
  /** Position of its path in the region. */
  path: number
  /** Payload in bytes. */
  size: number
}

/** What the outbox needs of its socket. */
export interface OutboxOwner {
  /** A datagram was not sent. */
  onSendFailure(failure: SendFailure, receipt: Receipt | undefined): void
  /** A datagram did not fit into the queue. */
  onQueueFull(receipt: Receipt | undefined): void
}

/** One payload, or parts that make one. */
type Payload = Uint8Array | readonly Uint8Array[]

interface Queued {
  readonly payload: Uint8Array
  readonly path: Uint32Array
  readonly flags: number
  readonly receipt: Receipt | undefined
}

/** Datagrams of one socket that wait in the region for the next `sendmmsg`. One staging area a thread. */
interface Staging {
  owner: Outbox | undefined
  count: number
  paths: number
  scratch: number
  receipts: (Receipt | undefined)[]
  /** So that a batch without receipts need not look for them. */
  hasReceipts: boolean
}

let shared: Staging | undefined

/**
 * The sending half of a socket. Datagrams are staged in memory shared with the addon and leave together: at the end of
 * the receive event that they answer, else at the end of the current tick. What the kernel has no room for waits in a
 * queue; nothing is dropped without somebody being told.
 */
export class Outbox {
  /** Datagrams that the kernel took. */
  sent = 0
  /** Datagrams that could not be sent. */
  failed = 0
  readonly #native: NativeSocket
  readonly #owner: OutboxOwner
  readonly #region: Region
  readonly #codec: AddressCodec
  readonly #staging: Staging
  // Of the region, for the path that runs once for each datagram.
  readonly #words: Uint32Array
  readonly #sends: number
  readonly #maxSends: number
  readonly #maxBytes: number
  readonly #maxDatagrams: number
  #dispatching = false
  #queue: Queued[] = []
  #queuedBytes = 0
  // The destination staged last: replies to one peer share a path.
  #lastPath = -1
  #lastPort = 0
  #lastAddress = ''
  #lastSource = ''
  #lastIfindex = 0

  constructor(native: NativeSocket, v6: boolean, limits: { bytes: number; datagrams: number }, owner: OutboxOwner) {
    const { region, ipv4, ipv6 } = thread()
    shared ??= makeStaging(region)
    this.#native = native
    this.#owner = owner
    this.#region = region
    this.#codec = v6 ? ipv6 : ipv4
    this.#staging = shared
    this.#words = region.words
    this.#sends = region.sends
    this.#maxSends = region.maxSends
    this.#maxBytes = limits.bytes
    this.#maxDatagrams = limits.datagrams
  }

  /** Datagrams in the queue. */
  get queued(): number {
    return this.#queue.length
  }

  /** Payload bytes in the queue. */
  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get limits(): { bytes: number; datagrams: number } {
    return { bytes: this.#maxBytes, datagrams: this.#maxDatagrams }
  }

  /** A receive event begins: what is staged from here on leaves with `endDispatch`. */
  beginDispatch(): void {
    this.#dispatching = true
  }

  endDispatch(): void {
    this.#dispatching = false
    this.flush()
  }

  /**
   * Stages an answer to the datagram that came on path `path`. A payload inside the region is not copied: it must stay
   * as it is until the dispatch ends.
   */
  reply(path: number, bytes: Uint8Array): void {
    if (bytes.buffer === this.#region.buffer) this.replyInPlace(path, bytes.byteOffset, bytes.length)
    else this.replyTo(path, bytes, undefined)
  }

  /** The same for `length` bytes at `offset` of the region. */
  replyInPlace(path: number, offset: number, length: number): void {
    const { owner, count, hasReceipts } = this.#staging
    if (owner !== this || count === 0 || count === this.#maxSends || hasReceipts) {
      this.#claim(0)
      this.#setReceipt(undefined)
    }
    this.#record(offset, length, path, 0)
  }

  /** Stages an answer to the datagram that came on path `path`. The payload is copied. */
  replyTo(path: number, payload: Payload, callback: SendCallback | undefined): void {
    const length = payloadLength(payload)
    this.#claim(length)
    this.#stage(payload, length, path, 0, callback)
  }

  /**
   * Stages a datagram, whose payload is copied. Returns false when an address is no literal of the socket's family:
   * nothing is staged then.
   */
  send(payload: Payload, to: Destination, callback: SendCallback | undefined): boolean {
    const length = payloadLength(payload)
    this.#claim(length)
    const path = this.#path(to)
    if (path < 0) return false
    this.#stage(payload, length, path, to.tos >= 0 ? HAS_TOS | to.tos : 0, callback)
    return true
  }

  /** Hands everything staged to the kernel; what it has no room for goes to the queue. */
  flush(): void {
    const staging = this.#staging
    if (staging.owner !== this || staging.count === 0) return
    const count = staging.count
    // Datagrams do not overtake those that wait already.
    const done = this.#queue.length === 0 ? this.#transmit(count) : 0
    for (let i = done; i < count; i++) this.#enqueue(i)
    this.#reset()
    if (this.#queue.length > 0) this.#native.watchWritable(true)
  }

  /** The kernel has room again. */
  drain(): void {
    while (this.#queue.length > 0) {
      this.#claim(0)
      const staging = this.#staging
      if (staging.count > 0) {
        // Staged behind the queue, so it goes behind it.
        this.flush()
        continue
      }
      let count = 0
      let room = this.#region.scratchEnd - staging.scratch
      for (const entry of this.#queue) {
        if (count === this.#region.sendPaths || align(entry.payload.length) > room) break
        room -= align(entry.payload.length)
        this.#stageQueued(entry)
        count++
      }
      const done = this.#transmit(count)
      for (const entry of this.#queue.splice(0, done)) this.#queuedBytes -= entry.payload.length
      this.#reset()
      if (done < count) return
    }
    this.#native.watchWritable(false)
  }

  /** The socket closes: what is staged gets its chance, what waits is called back with `error`. */
  close(error: () => Error): void {
    this.flush()
    for (const { receipt } of this.#queue) {
      this.failed++
      receipt?.resolve(error(), 0)
    }
    this.#queue = []
    this.#queuedBytes = 0
    if (this.#staging.owner === this) this.#staging.owner = undefined // or it would keep the socket alive
  }

  /** Makes the staging area this socket's own, with room for one more datagram of `length` bytes and its path. */
  #claim(length: number): void {
    const staging = this.#staging
    if (staging.owner !== this) {
      staging.owner?.flush()
      staging.owner = this
      this.#reset()
    } else if (
      staging.count === this.#maxSends ||
      staging.paths === this.#region.sendPaths ||
      staging.scratch + Math.min(length, MAX_PAYLOAD) > this.#region.scratchEnd
    ) {
      this.flush()
    }
    if (staging.count === 0 && !this.#dispatching) process.nextTick(flushOutbox, this)
  }

  /** Copies a payload into the region and stages it. */
  #stage(payload: Payload, length: number, path: number, flags: number, callback: SendCallback | undefined): void {
    const receipt = callback === undefined ? undefined : new Receipt(callback)
    if (length > MAX_PAYLOAD) {
      // No kernel takes it, and the scratch space is not made for it.
      this.#fail(EMSGSIZE, this.#region.path(path), length, receipt)
      return
    }
    this.#setReceipt(receipt)
    this.#record(this.#copy(payload), length, path, flags)
  }

  /** The receipt of the datagram staged next. */
  #setReceipt(receipt: Receipt | undefined): void {
    const staging = this.#staging
    if (receipt === undefined && !staging.hasReceipts) return
    // Entries below are of earlier batches.
    if (!staging.hasReceipts) staging.receipts.fill(undefined, 0, staging.count)
    staging.hasReceipts = true
    staging.receipts[staging.count] = receipt
  }

  /** Returns where the copy begins; there is room for it. */
  #copy(payload: Payload): number {
    const staging = this.#staging
    const offset = staging.scratch
    if (payload instanceof Uint8Array) {
      this.#region.bytes.set(payload, offset)
      staging.scratch = align(offset + payload.length)
      return offset
    }
    let at = offset
    for (const part of payload) {
      this.#region.bytes.set(part, at)
      at += part.length
    }
    staging.scratch = align(at)
    return offset
  }

  #record(offset: number, length: number, path: number, flags: number): void {
    const words = this.#words
    const at = this.#sends + this.#staging.count++ * SEND_WORDS
    words[at] = offset
    words[at + 1] = length
    words[at + 2] = path
    words[at + 3] = flags
  }

  /** The number of a staged path to `to`, −1 when one of its addresses is none. */
  #path(to: Destination): number {
    if (
      this.#lastPath >= 0 &&
      to.port === this.#lastPort &&
      to.address === this.#lastAddress &&
      to.source === this.#lastSource &&
      to.ifindex === this.#lastIfindex
    ) {
      return this.#lastPath
    }
    const region = this.#region
    const words = region.words
    const codec = this.#codec.bytes
    const path = region.slots + this.#staging.paths
    const at = region.path(path)
    words[at + region.peerPort] = to.port
    if (to.port !== 0) {
      if (!codec.encode(to.address, words, at + region.peer, at + region.peerScope)) return -1
    } else {
      words.fill(0, at + region.peer, at + region.peer + 4)
    }
    if (to.source !== '') {
      // A link-local source leaves through the interface that its scope names.
      if (!codec.encode(to.source, words, at + region.source, at + region.outIfindex)) return -1
      if (to.ifindex !== 0) words[at + region.outIfindex] = to.ifindex
    } else {
      words.fill(0, at + region.source, at + region.source + 4)
      words[at + region.outIfindex] = to.ifindex
    }
    this.#staging.paths++
    this.#lastPath = path
    this.#lastPort = to.port
    this.#lastAddress = to.address
    this.#lastSource = to.source
    this.#lastIfindex = to.ifindex
    return path
  }

  /** Sends staged datagrams `[0, count)`; returns how many are dealt with, less only when the kernel has no room. */
  #transmit(count: number): number {
    const region = this.#region
    const words = region.words
    let from = 0
    while (from < count) {
      const next = this.#native.flush(from, count)
      this.sent += next - from
      if (this.#staging.hasReceipts) this.#confirm(from, next)
      if (next === count) return count
      const errno = words[region.error]!
      if (errno === EAGAIN) return next
      const at = region.sends + next * SEND_WORDS
      this.#fail(errno, region.path(words[at + 2]!), words[at + 1]!, this.#receipt(next))
      from = next + 1
    }
    return count
  }

  #confirm(from: number, to: number): void {
    const { words, sends } = this.#region
    for (let i = from; i < to; i++) {
      this.#staging.receipts[i]?.resolve(null, words[sends + i * SEND_WORDS + 1]!)
    }
  }

  #receipt(index: number): Receipt | undefined {
    return this.#staging.hasReceipts ? this.#staging.receipts[index] : undefined
  }

  #fail(errno: number, path: number, size: number, receipt: Receipt | undefined): void {
    this.failed++
    this.#owner.onSendFailure({ errno, path, size }, receipt)
  }

  /** Copies staged datagram `index` to the end of the queue. */
  #enqueue(index: number): void {
    const { words, bytes, sends, pathWords } = this.#region
    const at = sends + index * SEND_WORDS
    const length = words[at + 1]!
    const receipt = this.#receipt(index)
    if (this.#queue.length >= this.#maxDatagrams || this.#queuedBytes + length > this.#maxBytes) {
      this.failed++
      this.#owner.onQueueFull(receipt)
      return
    }
    const offset = words[at]!
    const path = this.#region.path(words[at + 2]!)
    this.#queue.push({
      payload: bytes.slice(offset, offset + length),
      path: words.slice(path, path + pathWords),
      flags: words[at + 3]!,
      receipt,
    })
    this.#queuedBytes += length
  }

  #stageQueued(entry: Queued): void {
    const staging = this.#staging
    const path = this.#region.slots + staging.paths++
    this.#region.words.set(entry.path, this.#region.path(path))
    this.#setReceipt(entry.receipt)
    this.#record(this.#copy(entry.payload), entry.payload.length, path, entry.flags)
  }

  #reset(): void {
    const staging = this.#staging
    if (staging.hasReceipts) staging.receipts.fill(undefined, 0, staging.count)
    staging.count = 0
    staging.paths = 0
    staging.scratch = this.#region.scratch
    staging.hasReceipts = false
    this.#lastPath = -1
  }
}

function makeStaging(region: Region): Staging {
  const staging: Staging = {
    owner: undefined,
    count: 0,
    paths: 0,
    scratch: region.scratch,
    receipts: [],
    hasReceipts: false,
  }
  // What was sent in the last tick leaves, even if the program ends that tick with process.exit().
  process.on('exit', () => staging.owner?.flush())
  return staging
}

function flushOutbox(outbox: Outbox): void {
  outbox.flush()
}

/** Payloads start at multiples of 8 bytes. */
function align(offset: number): number {
  return (offset + 7) & ~7
}

function payloadLength(payload: Payload): number {
  if (payload instanceof Uint8Array) return payload.length
  let total = 0
  for (const part of payload) total += part.length
  return total
}
