import { DATAGRAM_WORDS, type Region, TRUNCATED } from '../internal/region.js'
import { type Thread, thread } from '../internal/thread.js'
import type { DatagramBatch } from './batch.js'
import type { PathReader } from './paths.js'
import { markClient } from './proxy/client.js'
import type { ProxyIntake } from './proxy/intake.js'
import type { Batch, RemoteInfo } from './types.js'

/** Payload memory that is handed out: one allocation serves many messages, and lives as long as one of them does. */
const ARENA_BYTES = 64 * 1024

/** The arena that all sockets of the thread fill. */
let arena = Buffer.alloc(0)
let arenaUsed = 0

/** Whom the inbox tells. The counts are asked once for each batch. */
export interface InboxOwner {
  batchListeners(): number
  messageListeners(): number
  onBatch(batch: Batch): void
  onMessage(message: Buffer, rinfo: RemoteInfo): void
  /** False for a peer whose datagrams are not wanted; undefined takes everything. */
  readonly accepts: ((address: string) => boolean) | undefined
}

/**
 * The receiving half of a socket: takes a batch from the region and gives it to the listeners. A listener may throw;
 * the addon then reports the error and calls again, and the batch goes on behind the datagram at fault.
 */
export class Inbox {
  received = 0
  batches = 0
  truncated = 0
  /** Last value of the kernel's drop counter that came with a datagram (SO_RXQ_OVFL). */
  kernelDrops = 0
  readonly #thread: Thread
  readonly #region: Region
  readonly #paths: PathReader
  readonly #batch: DatagramBatch
  readonly #owner: InboxOwner
  /** Datagrams of the batch in hand; −1 between batches. */
  #count = -1
  #batchPending = false
  #messagesTaken = 0
  #arenaAt = 0
  #closed = false
  /** The rinfo that a listener has in hand, what it was made with, and its path; −1 when there is none. */
  #rinfo: RemoteInfo | undefined
  #address = ''
  #source = ''
  #path = -1
  readonly #intake: ProxyIntake | undefined

  /** @param intake what takes off PROXY headers, where a socket expects them */
  constructor(paths: PathReader, batch: DatagramBatch, owner: InboxOwner, intake: ProxyIntake | undefined) {
    this.#thread = thread()
    this.#region = this.#thread.region
    this.#paths = paths
    this.#batch = batch
    this.#owner = owner
    this.#intake = intake
  }

  close(): void {
    this.#closed = true
    this.#batch.length = 0
  }

  /**
   * The path by which the datagram in hand came, if `rinfo` is its own and still says so; else −1. Saves the common
   * reply from reading addresses that were written a moment ago.
   */
  pathOf(rinfo: RemoteInfo): number {
    const path = this.#path
    if (path < 0 || rinfo !== this.#rinfo || rinfo.proxy !== undefined) return -1
    const { words, peerPort } = this.#region
    if (rinfo.address !== this.#address || rinfo.local.source !== this.#source) return -1
    return rinfo.port === words[this.#region.path(path) + peerPort] ? path : -1
  }

  /** Gives out the batch of `delivered` datagrams that lies in the region, or what is left of it. */
  take(delivered: number): void {
    if (this.#count < 0) this.#begin(delivered)
    if (this.#batchPending) this.#emitBatch()
    if (!this.#closed && this.#owner.messageListeners() > 0) this.#emitMessages()
    this.#count = -1
    this.#region.words[this.#region.cursor] = delivered
  }

  #begin(delivered: number): void {
    const { words, kernelDrops, truncated } = this.#region
    this.received += delivered
    this.batches++
    this.truncated += words[truncated]!
    if (words[kernelDrops]! !== 0) this.kernelDrops = words[kernelDrops]!
    this.#count = this.#owner.accepts === undefined ? delivered : this.#filter(delivered, this.#owner.accepts)
    if (this.#intake !== undefined) this.#count = this.#intake.take(this.#count)
    this.#batchPending = this.#count > 0 && this.#owner.batchListeners() > 0
    this.#messagesTaken = 0
  }

  /** Moves accepted datagrams together at the front of the table; returns their number. */
  #filter(delivered: number, accepts: (address: string) => boolean): number {
    const { words, datagrams } = this.#region
    let kept = 0
    for (let i = 0; i < delivered; i++) {
      const at = datagrams + i * DATAGRAM_WORDS
      if (!accepts(this.#paths.peerAddress(this.#region.path(words[at + 2]!)))) continue
      words.copyWithin(datagrams + kept * DATAGRAM_WORDS, at, at + DATAGRAM_WORDS)
      kept++
    }
    return kept
  }

  #emitBatch(): void {
    this.#batchPending = false
    this.#batch.length = this.#count
    try {
      this.#owner.onBatch(this.#batch)
    } finally {
      this.#batch.length = 0
    }
  }

  #emitMessages(): void {
    const { words, datagrams } = this.#region
    if (this.#messagesTaken === 0) this.#arenaAt = this.#gather()
    const memory = arena.buffer
    while (this.#messagesTaken < this.#count && !this.#closed) {
      const index = this.#messagesTaken++
      const at = datagrams + index * DATAGRAM_WORDS
      const length = words[at + 1]!
      const message = Buffer.from(memory, this.#arenaAt, length)
      this.#arenaAt += (length + 7) & ~7
      const path = words[at + 2]!
      const rinfo = this.#paths.remoteInfo(this.#region.path(path), length, (words[at + 3]! & TRUNCATED) !== 0)
      const header = this.#intake?.header(index)
      if (header !== undefined) markClient(rinfo, header)
      this.#rinfo = rinfo
      this.#address = rinfo.address
      this.#source = rinfo.local.source
      this.#path = path
      this.#owner.onMessage(message, rinfo)
    }
    this.#path = -1
  }

  /** Copies the batch's payloads out of the region, where the next batch will lie; returns where they begin. */
  #gather(): number {
    let from = arenaUsed
    let needed = this.#thread.addon.gather(this.#count, arena, from)
    if (needed > arena.length - from) {
      arena = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES, needed))
      from = 0
      needed = this.#thread.addon.gather(this.#count, arena, from)
    }
    arenaUsed = from + needed
    return from
  }
}
