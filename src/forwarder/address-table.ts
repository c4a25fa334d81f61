import { AddressBucket, BucketConstant } from '../bpf/layouts.js'
import { mapFull } from '../errors.js'

/** What an entry is about: packed as bpf/edge/services.h does. Elsewhere `kind` alone is used. */
export interface EntryKey {
  /** 16 bytes, network order, IPv4 as v4-mapped. */
  address: Uint8Array
  /** 0 – 3; of the edge `ServiceKind`. */
  kind: number
  /** IPPROTO_UDP, or 0. */
  protocol: number
  /** Port / 1024, or 0. */
  block: number
}

const ENTRIES = BucketConstant.bucketEntries
/** 64-bit words of a bucket: the entries' words, then their addresses. */
const BUCKET_WORDS = AddressBucket.size / 8
const MIX_1 = 0x9e3779b97f4a7c15n
const MIX_2 = 0xff51afd7ed558ccdn
const LOW_32 = 0xffffffffn

/**
 * A table that programs search by an address, over the memory of its map (`struct address_bucket`): what is written here,
 * packets see at once. Each entry lies in one of two buckets of four; with four places for each entry that is meant to fit, one is
 * as good as always free.
 */
export class AddressTable {
  readonly #name: string
  readonly #remedy: string
  readonly #words: BigUint64Array
  readonly #mask: number
  /** Places that are kept for entries to come, by tag and place of the address. */
  readonly #reserved = new Map<string, number>()
  /** Places whose entries are gone, until a grace period is over. */
  readonly #resting = new Set<number>()

  /**
   * @param memory of a power of two of buckets
   * @param name of its map, and what helps when it is full
   */
  constructor(memory: ArrayBuffer, name: string, remedy: string) {
    this.#name = name
    this.#remedy = remedy
    this.#words = new BigUint64Array(memory)
    this.#mask = this.#words.length / BUCKET_WORDS - 1
  }

  /** @returns the entry's value, undefined when there is none */
  get(key: EntryKey): number | undefined {
    const place = this.#find(key)
    return place === undefined ? undefined : Number(this.#words[place]! >> 32n)
  }

  /**
   * Keeps places for entries that are to be made, so that nothing fails half-way.
   *
   * @throws BpfError ERR_BPF_MAP_FULL; no place is kept then
   */
  reserve(keys: Iterable<EntryKey>): void {
    try {
      for (const key of keys) {
        if (this.#find(key) === undefined) this.#reserved.set(nameOf(key), this.#freePlace(key))
      }
    } catch (error) {
      this.release()
      throw error
    }
  }

  /** Gives back places that were kept and not used. */
  release(): void {
    this.#reserved.clear()
  }

  /**
   * Makes or changes an entry, at one stroke for packets.
   *
   * @throws BpfError ERR_BPF_MAP_FULL, unless its place is reserved
   */
  set(key: EntryKey, value: number): void {
    const word = this.#locate(key).tag | (BigInt(value) << 32n)
    const existing = this.#find(key)
    if (existing !== undefined) {
      Atomics.store(this.#words, existing, word)
      return
    }
    const place = this.#reserved.get(nameOf(key)) ?? this.#freePlace(key)
    this.#reserved.delete(nameOf(key))
    const at = addressAt(place)
    const view = new DataView(key.address.buffer, key.address.byteOffset)
    Atomics.store(this.#words, at, view.getBigUint64(0, true))
    Atomics.store(this.#words, at + 1, view.getBigUint64(8, true))
    Atomics.store(this.#words, place, word)
  }

  /** Removes an entry. Its place is free after `rested`. */
  delete(key: EntryKey): boolean {
    const place = this.#find(key)
    if (place === undefined) return false
    Atomics.store(this.#words, place, 0n)
    this.#resting.add(place)
    return true
  }

  /** To be called after a grace period: no packet is under way that saw what was removed before. */
  rested(): void {
    this.#resting.clear()
  }

  /** Whether there are places that `rested` would free. */
  get resting(): boolean {
    return this.#resting.size > 0
  }

  /** All entries. */
  *entries(): Generator<EntryKey & { value: number }> {
    for (let bucket = 0; bucket <= this.#mask; bucket++) {
      for (const place of places(bucket)) {
        const word = this.#words[place]!
        if (word === 0n) continue
        const about = Number(word & 0xffffn)
        const address = new Uint8Array(16)
        const view = new DataView(address.buffer)
        view.setBigUint64(0, this.#words[addressAt(place)]!, true)
        view.setBigUint64(8, this.#words[addressAt(place) + 1]!, true)
        yield {
          address,
          kind: about >> 14,
          block: (about >> 8) & 63,
          protocol: about & 255,
          value: Number(word >> 32n),
        }
      }
    }
  }

  /** Of the two buckets the emptier one's. */
  #freePlace(key: EntryKey): number {
    const reserved = new Set(this.#reserved.values())
    const isFree = (place: number) => this.#words[place] === 0n && !this.#resting.has(place) && !reserved.has(place)
    const [first, second] = this.#locate(key).buckets.map((bucket) => places(bucket).filter(isFree)) as [
      number[],
      number[],
    ]
    const place = first.length >= second.length ? first[0] : second[0]
    if (place === undefined) throw mapFull(this.#name, this.#mask + 1, this.#remedy)
    return place
  }

  #find(key: EntryKey): number | undefined {
    const { tag, buckets } = this.#locate(key)
    const view = new DataView(key.address.buffer, key.address.byteOffset)
    const [head, tail] = [view.getBigUint64(0, true), view.getBigUint64(8, true)]
    return buckets
      .flatMap(places)
      .find(
        (place) =>
          (this.#words[place]! & LOW_32) === tag &&
          this.#words[addressAt(place)] === head &&
          this.#words[addressAt(place) + 1] === tail,
      )
  }

  #locate({ address, kind, protocol, block }: EntryKey): { tag: bigint; buckets: [number, number] } {
    const about = (kind << 14) | (block << 8) | protocol
    const view = new DataView(address.buffer, address.byteOffset)
    const word = (index: number) => BigInt(view.getUint32(4 * index, true))
    const wrap = (value: bigint) => BigInt.asUintN(64, value)
    let hash = wrap(((word(0) << 32n) | word(1)) * MIX_1 + ((word(3) << 32n) | word(2)) + BigInt(about))
    hash = wrap((hash ^ (hash >> 32n)) * MIX_2)
    hash = wrap((hash ^ (hash >> 29n)) * MIX_1)
    hash ^= hash >> 32n
    const tag = (1n << 31n) | ((hash >> 49n) << 16n) | BigInt(about)
    return { tag, buckets: [Number(hash & LOW_32) & this.#mask, Number((hash >> 20n) & LOW_32) & this.#mask] }
  }
}

/** Where the words of a bucket's entries are. */
function places(bucket: number): number[] {
  return Array.from({ length: ENTRIES }, (_, i) => bucket * BUCKET_WORDS + i)
}

/** Where the address of the entry is whose word is at `place`. */
function addressAt(place: number): number {
  const entry = place % BUCKET_WORDS
  return place - entry + ENTRIES + 2 * entry
}

/** Tells entries apart. */
export function nameOf({ address, kind, protocol, block }: EntryKey): string {
  return `${Buffer.from(address.buffer, address.byteOffset, 16).toString('latin1')}${kind} ${protocol} ${block}`
}
