import { decode, encode, type Layout } from './codec.js'
import type { BpfMap, UpdateMode } from './map.js'

/** A map whose keys and values are objects. It looks at a `BpfMap`, which stays its owner's. Not for per-CPU maps. */
export class TypedMap<K, V> {
  readonly map: BpfMap
  readonly #key: Layout<K>
  readonly #value: Layout<V>

  constructor(map: BpfMap, key: Layout<K>, value: Layout<V>) {
    this.map = map
    this.#key = key
    this.#value = value
  }

  /** @throws BpfError ERR_BPF_INCOMPATIBLE, ERR_BPF_SYSTEM */
  get(key: K): V | undefined {
    const value = this.map.lookup(encode(this.#key, key))
    return value && decode(this.#value, value)
  }

  /** @returns false when `mode` forbids it @throws BpfError ERR_BPF_MAP_FULL, ERR_BPF_INCOMPATIBLE, ERR_BPF_SYSTEM */
  set(key: K, value: V, mode?: UpdateMode): boolean {
    return this.map.update(encode(this.#key, key), encode(this.#value, value), mode)
  }

  /** @returns false when there was no such key */
  delete(key: K): boolean {
    return this.map.delete(encode(this.#key, key))
  }

  /** All entries; what is changed meanwhile may or may not be among them. */
  *[Symbol.iterator](): Generator<[K, V]> {
    for (const [key, value] of this.map) yield [decode(this.#key, key), decode(this.#value, value)]
  }
}
