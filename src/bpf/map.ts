import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { BpfError, bpfFailed, mapFull, otherMap, unsupportedKernel } from '../errors.js'
import * as linux from '../internal/linux.js'
import { thread } from '../internal/thread.js'
import type { MapDefinition } from './definition.js'
import { olderThan } from './kernel.js'

const { ENOENT, EEXIST, EINVAL, E2BIG } = constants.errno

/** What an update finds or must find under its key. */
export type UpdateMode = 'any' | 'new' | 'existing'

const MODES: Record<UpdateMode, number> = { any: 0, new: linux.BPF_NOEXIST, existing: linux.BPF_EXIST }

/** Bytes of `struct bpf_map_info` that are read: type, id, key, value, entries, flags, name (linux/bpf.h). */
const INFO_BYTES = 40

const PER_CPU: readonly number[] = [
  linux.BPF_MAP_TYPE_PERCPU_ARRAY,
  linux.BPF_MAP_TYPE_PERCPU_HASH,
  linux.BPF_MAP_TYPE_LRU_PERCPU_HASH,
]

/** Most names that the kernel keeps of an object: 15 characters (BPF_OBJ_NAME_LEN). */
const LONGEST_NAME = 15

/**
 * A map in the kernel, by its descriptor. It lives as long as a descriptor, a program or a pin refers to it; a descriptor is
 * given back with `close`. Keys and values are bytes.
 */
export class BpfMap {
  #fd: number
  readonly name: string
  readonly type: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly entries: number
  readonly flags: number
  /** Values that a key has: one for each possible CPU in a per-CPU map, else 1. */
  readonly copies: number

  private constructor(fd: number, name: string, definition: MapDefinition) {
    this.#fd = fd
    this.name = name
    this.type = definition.type
    this.keyBytes = definition.keyBytes
    this.valueBytes = definition.valueBytes
    this.entries = definition.entries
    this.flags = definition.flags
    this.copies = PER_CPU.includes(definition.type) ? possibleCpus() : 1
  }

  /** The descriptor; −1 once it is closed, since its number may be another one's then. */
  get fd(): number {
    return this.#fd
  }

  /** Makes a map, empty. @throws BpfError ERR_BPF_PERMISSION, ERR_BPF_SYSTEM; UnsupportedKernelError */
  static create(name: string, definition: MapDefinition): BpfMap {
    const { type, keyBytes, valueBytes, entries, flags } = definition
    const short = name.slice(0, LONGEST_NAME)
    const fd = thread().addon.bpf.createMap(type, keyBytes, valueBytes, entries, flags, short)
    if (fd < 0) throw notMade(-fd, name, definition)
    return new BpfMap(fd, name, definition)
  }

  /**
   * Opens a pinned map.
   *
   * @param wanted what it must be; not checked when left out
   * @returns undefined when nothing is pinned there
   * @throws BpfError ERR_BPF_INCOMPATIBLE when it is another map, ERR_BPF_PERMISSION, ERR_BPF_SYSTEM
   */
  static open(path: string, wanted?: MapDefinition): BpfMap | undefined {
    const { bpf } = thread().addon
    const fd = bpf.get(path)
    if (fd === -ENOENT) return undefined
    if (fd < 0) throw bpfFailed(-fd, `open the map ${path}`)
    const info = new Uint8Array(INFO_BYTES)
    const length = bpf.info(fd, info)
    const words = new DataView(info.buffer)
    const word = (index: number) => words.getUint32(4 * index, true)
    const [type, , keyBytes, valueBytes, entries, flags] = [0, 1, 2, 3, 4, 5].map(word) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    const found: MapDefinition = { type, keyBytes, valueBytes, entries, flags }
    const differing = (Object.keys(found) as (keyof MapDefinition)[]).filter(
      (key) => wanted && wanted[key] !== found[key],
    )
    if (length < 0 || differing.length > 0) {
      bpf.close(fd)
      if (length < 0) throw bpfFailed(-length, `look at the map ${path}`)
      throw otherMap(path, differing.map((key) => `has ${key} ${found[key]} instead of ${wanted![key]}`).join(', '))
    }
    return new BpfMap(fd, path.slice(path.lastIndexOf('/') + 1), found)
  }

  /** The kernel's number for it. */
  get id(): number {
    const info = new Uint8Array(INFO_BYTES)
    const length = thread().addon.bpf.info(this.fd, info)
    if (length < 0) throw bpfFailed(-length, `look at the map ${this.name}`)
    return new DataView(info.buffer).getUint32(4, true)
  }

  /** The value of a key, undefined when there is none; of a per-CPU map all values, one behind the other. */
  lookup(key: NodeJS.TypedArray): Uint8Array | undefined {
    const value = new Uint8Array(this.copies === 1 ? this.valueBytes : this.copies * padded(this.valueBytes))
    const status = thread().addon.bpf.lookupMap(this.fd, this.#checked(key), value)
    if (status === -ENOENT) return undefined
    if (status !== 0) throw bpfFailed(-status, `look a key up in the map ${this.name}`)
    return value
  }

  /** The value of a key on each possible CPU. */
  lookupPerCpu(key: NodeJS.TypedArray): Uint8Array[] {
    const values = this.lookup(key)
    const step = padded(this.valueBytes)
    return values
      ? Array.from({ length: this.copies }, (_, i) => values.subarray(i * step, i * step + this.valueBytes))
      : []
  }

  /**
   * Sets the value of a key: replaced as a whole in a hash, in place in an array.
   *
   * @returns false when `mode` forbids it
   * @throws BpfError ERR_BPF_MAP_FULL, ERR_BPF_PERMISSION, ERR_BPF_SYSTEM
   */
  update(key: NodeJS.TypedArray, value: NodeJS.TypedArray, mode: UpdateMode = 'any'): boolean {
    if (value.byteLength !== this.#bytesOfValue())
      throw this.#wrongLength('value', value.byteLength, this.#bytesOfValue())
    const status = thread().addon.bpf.updateMap(this.fd, this.#checked(key), value, MODES[mode])
    if (status === 0) return true
    if ((status === -EEXIST && mode === 'new') || (status === -ENOENT && mode === 'existing')) return false
    if (status === -E2BIG) throw mapFull(this.name, this.entries, 'Raise its limit, or remove something first')
    throw bpfFailed(-status, `update the map ${this.name}`)
  }

  /** Removes a key. @returns false when there was none */
  delete(key: NodeJS.TypedArray): boolean {
    const status = thread().addon.bpf.deleteFromMap(this.fd, this.#checked(key))
    if (status === 0) return true
    if (status === -ENOENT) return false
    throw bpfFailed(-status, `delete from the map ${this.name}`)
  }

  /** All keys. What is changed meanwhile may or may not be among them. */
  *keys(): Generator<Uint8Array> {
    let key: Uint8Array | undefined
    for (;;) {
      const next = new Uint8Array(this.keyBytes)
      const status = thread().addon.bpf.nextKey(this.fd, key, next)
      if (status === -ENOENT) return
      if (status !== 0) throw bpfFailed(-status, `list the map ${this.name}`)
      yield next
      key = next
    }
  }

  /** Entries of the map. */
  *[Symbol.iterator](): Generator<[Uint8Array, Uint8Array]> {
    for (const key of this.keys()) {
      const value = this.lookup(key)
      if (value) yield [key, value]
    }
  }

  /**
   * The memory of an array that was made with BPF_F_MMAPABLE: what is stored there, programs see at once. Values lie at
   * multiples of 8 bytes. Stays valid when the map is closed.
   */
  memory(): ArrayBuffer {
    const memory = thread().addon.bpf.memoryOf(this.fd, 0, this.entries * padded(this.valueBytes), true)
    if (typeof memory === 'number') throw bpfFailed(-memory, `map the memory of ${this.name}`)
    return memory
  }

  /** No system call changes the map from now on. */
  freeze(): void {
    const status = thread().addon.bpf.freezeMap(this.fd)
    if (status !== 0) throw bpfFailed(-status, `freeze the map ${this.name}`)
  }

  /** Gives the map a name in a BPF filesystem, by which it outlives this process. */
  pin(path: string): void {
    const status = thread().addon.bpf.pin(this.fd, path)
    if (status !== 0) throw bpfFailed(-status, `pin the map ${this.name} at ${path}`)
  }

  /** Gives the descriptor back. The second time it does nothing. */
  close(): void {
    thread().addon.bpf.close(this.#fd)
    this.#fd = -1
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #bytesOfValue(): number {
    return this.copies === 1 ? this.valueBytes : this.copies * padded(this.valueBytes)
  }

  #checked(key: NodeJS.TypedArray): NodeJS.TypedArray {
    if (key.byteLength !== this.keyBytes) throw this.#wrongLength('key', key.byteLength, this.keyBytes)
    return key
  }

  #wrongLength(what: string, given: number, wanted: number): BpfError {
    return new BpfError('ERR_BPF_INCOMPATIBLE', `A ${what} of the map ${this.name} has ${wanted} bytes, not ${given}`)
  }
}

/** What maps may be refused for on an older kernel, and the first that has it. */
const FEATURES = [
  { has: ({ type }: MapDefinition) => type === linux.BPF_MAP_TYPE_RINGBUF, feature: 'BPF ring buffers', since: '5.8' },
  { has: ({ flags }: MapDefinition) => (flags & linux.BPF_F_MMAPABLE) !== 0, feature: 'mapped arrays', since: '5.5' },
  { has: ({ flags }: MapDefinition) => (flags & linux.BPF_F_RDONLY_PROG) !== 0, feature: 'constants', since: '5.2' },
]

function notMade(errno: number, name: string, definition: MapDefinition): Error {
  const cause = bpfFailed(errno, `make the map ${name} with ${definition.entries} entries`)
  const missing = FEATURES.find(({ has, since }) => has(definition) && olderThan(since))
  return errno === EINVAL && missing ? unsupportedKernel(missing.feature, missing.since, cause) : cause
}

/** Values in arrays and of each CPU lie at multiples of 8 bytes. */
function padded(bytes: number): number {
  return (bytes + 7) & ~7
}

let cpus: number | undefined

/** CPUs that this kernel may ever have: as many values a per-CPU map keeps. */
function possibleCpus(): number {
  cpus ??= Number(/(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'utf8'))?.[1] ?? 0) + 1
  return cpus
}
