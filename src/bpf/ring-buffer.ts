import { readFileSync } from 'node:fs'
import { bpfFailed } from '../errors.js'
import { thread } from '../internal/thread.js'
import type { BpfMap } from './map.js'

/** Flags in a record's length, and bytes before a record (linux/bpf.h). */
const BUSY = 1 << 31
const DISCARDED = 1 << 30
const HEADER_BYTES = 8
/** Type of the page size in the auxiliary vector (getauxval(3)). */
const AT_PAGESZ = 6n

/**
 * Reads what programs write to a ring buffer (BPF_MAP_TYPE_RINGBUF; Linux 5.8). One reader at a time: reading takes records
 * away. Nothing wakes it, so it is asked from time to time. Its memory stays valid when the map is closed.
 */
export class RingBuffer {
  /** Bytes that were read so far; programs see it. */
  readonly #consumer: BigUint64Array<ArrayBuffer>
  /** Bytes that were written so far. */
  readonly #producer: BigUint64Array<ArrayBuffer>
  readonly #records: Int32Array<ArrayBuffer>
  readonly #mask: bigint

  /** @throws BpfError ERR_BPF_PERMISSION, ERR_BPF_SYSTEM (the map is no ring buffer) */
  constructor(map: BpfMap) {
    const page = pageBytes()
    this.#consumer = new BigUint64Array(mapped(map, 0, page, true), 0, 1)
    // The records follow twice, one behind the other, so that none has to be put together from two pieces.
    const written = mapped(map, page, page + 2 * map.entries, false)
    this.#producer = new BigUint64Array(written, 0, 1)
    this.#records = new Int32Array(written, page)
    this.#mask = BigInt(map.entries - 1)
  }

  /**
   * Takes all records that are complete, oldest first.
   *
   * @param take gets a copy of each. What it throws comes out of `read`; the records behind are there the next time.
   * @returns how many there were
   */
  read(take: (record: Uint8Array) => void): number {
    let count = 0
    let position = Atomics.load(this.#consumer, 0)
    while (position < Atomics.load(this.#producer, 0)) {
      const at = Number(position & this.#mask)
      const length = Atomics.load(this.#records, at / 4)
      if ((length & BUSY) !== 0) break // its program has not ended yet, and order is kept
      const bytes = length & ~DISCARDED
      const kept = (length & DISCARDED) === 0
      const start = this.#records.byteOffset + at + HEADER_BYTES
      const record = kept ? new Uint8Array(this.#records.buffer, start, bytes).slice() : undefined
      position += BigInt((HEADER_BYTES + bytes + 7) & ~7)
      Atomics.store(this.#consumer, 0, position)
      if (record === undefined) continue
      count++
      take(record)
    }
    return count
  }
}

function mapped(map: BpfMap, offset: number, length: number, writable: boolean): ArrayBuffer {
  const memory = thread().addon.bpf.memoryOf(map.fd, offset, length, writable)
  if (typeof memory === 'number') throw bpfFailed(-memory, `read the map ${map.name} as a ring buffer`)
  return memory
}

/** Bytes of a page: 4096 on x64; arm64 has kernels with 65,536. */
function pageBytes(): number {
  const vector = readFileSync('/proc/self/auxv')
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8))
  }
  return 4096
}
