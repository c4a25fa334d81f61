import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { constants as system } from 'node:os'
import { join } from 'node:path'
import { bpfFailed, pinsDenied, pinsLocked, pinsNeedFilesystem } from '../errors.js'
import { bpfFilesystemFault } from '../internal/bpf-filesystem.js'
import { BPF_MAP_TYPE_ARRAY } from '../internal/linux.js'
import { thread } from '../internal/thread.js'
import type { MapDefinition } from './definition.js'
import { BpfMap } from './map.js'

const { EWOULDBLOCK } = system.errno

/** Before what `store` keeps. */
const LENGTH_BYTES = 4

/**
 * A directory of a BPF filesystem for the pins of one instance. What is pinned there outlives the process, and the next one
 * finds it. Only one instance at a time has it; the lock goes with the process at the latest (flock(2)).
 */
export class PinFolder {
  readonly path: string
  readonly #folder: number

  private constructor(path: string, folder: number) {
    this.path = path
    this.#folder = folder
  }

  /**
   * Makes the directory where there is none, and locks it.
   *
   * @param patience milliseconds to wait for another instance to end, default 0
   * @throws BpfError ERR_BPF_FILESYSTEM, ERR_BPF_LOCKED, ERR_BPF_SYSTEM
   */
  static take(path: string, patience = 0): PinFolder {
    const fault = bpfFilesystemFault(path)
    if (fault) throw fault.kind === 'type' ? pinsNeedFilesystem(path, fault.place) : pinsDenied(path, fault.place)
    for (;;) {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      const folder = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
      const status = thread().addon.bpf.lock(folder, patience)
      // Who had it may have removed it: then this is the lock of a directory that nobody finds any more.
      if (status === 0 && statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(folder).ino) {
        return new PinFolder(path, folder)
      }
      closeSync(folder)
      if (status === -EWOULDBLOCK) throw pinsLocked(path)
      if (status !== 0) throw bpfFailed(-status, `lock ${path}`)
    }
  }

  /** Path of a pin. Dots become underscores: the BPF filesystem has no names with dots. */
  pin(name: string): string {
    return join(this.path, name.replaceAll('.', '_'))
  }

  /**
   * The map that is pinned under a name, or a new one, pinned there.
   *
   * @throws BpfError ERR_BPF_INCOMPATIBLE when another map is there; ERR_BPF_PERMISSION, ERR_BPF_SYSTEM
   */
  map(name: string, definition: MapDefinition): BpfMap {
    const there = BpfMap.open(this.pin(name), definition)
    if (there) return there
    const made = BpfMap.create(name, definition)
    try {
      made.pin(this.pin(name))
      return made
    } catch (error) {
      made.close()
      throw error
    }
  }

  /** What was stored under a name last. */
  read(name: string): Uint8Array | undefined {
    const map = BpfMap.open(this.pin(name))
    if (map === undefined) return undefined
    try {
      const value = map.lookup(Uint32Array.of(0))!
      const length = new DataView(value.buffer, value.byteOffset).getUint32(0, true)
      return value.subarray(LENGTH_BYTES, LENGTH_BYTES + length)
    } finally {
      map.close()
    }
  }

  /** Keeps bytes under a name, in the place of those that were there, at one stroke: they are the one value of a map. */
  store(name: string, bytes: Uint8Array): void {
    const value = Buffer.alloc(LENGTH_BYTES + bytes.length)
    value.writeUInt32LE(bytes.length)
    value.set(bytes, LENGTH_BYTES)
    const definition = { type: BPF_MAP_TYPE_ARRAY, keyBytes: 4, valueBytes: value.length, entries: 1, flags: 0 }
    const map = BpfMap.create(name, definition)
    const fresh = this.pin(`${name}_new`)
    try {
      map.update(Uint32Array.of(0), value)
      rmSync(fresh, { force: true })
      map.pin(fresh)
      renameSync(fresh, this.pin(name))
    } finally {
      map.close()
    }
  }

  /** Names of the pins. */
  names(): string[] {
    return readdirSync(this.path)
  }

  /** Removes a pin. What nothing else refers to ends; a link detaches. */
  remove(name: string): void {
    unlinkSync(this.pin(name))
  }

  /** Removes all pins, and the directory. */
  clear(): void {
    for (const name of this.names()) this.remove(name)
    rmdirSync(this.path)
  }

  /** Gives the lock back; the pins stay. */
  close(): void {
    closeSync(this.#folder)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
