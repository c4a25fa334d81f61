import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { flowGroupFull, otherAffinity, systemError } from '../../errors.js'
import type { NativeSocket } from '../../internal/addon.js'
import { BPF_NOEXIST, SO_ATTACH_REUSEPORT_EBPF, SOL_SOCKET } from '../../internal/linux.js'
import { thread } from '../../internal/thread.js'
import { exclusively, type GroupName, groupPath, removeGroup } from './filesystem.js'
import { PIN_AFFINITIES, type PinFlowsSettings } from './options.js'
import { createMap, GROUP_BYTES, type GroupMaps, loadProgram, PLACES } from './program-loader.js'

const { EEXIST, ENOENT } = constants.errno

/** Names of a group's maps in its folder. */
const MAPS = ['group', 'sockets'] as const

/** Where the fields of `struct pin_group` (bpf/pin_flows.bpf.c) are, in bytes. */
const TAKEN = 0
const SECRET = 8
const SECRET_BYTES = 8
const AFFINITY = 16

/**
 * The sockets that share a port and keep their clients, as one of them sees it.
 *
 * The kernel asks a program (bpf/pin_flows.bpf.c) which socket a datagram is for. What the program knows lies in two
 * maps, pinned in a folder of the BPF filesystem that is named after the port, so that threads and processes find them:
 * `sockets` has a place for each, `group` says which places are taken. A socket that is closed, by a killed process too,
 * leaves `sockets` by itself. The folder goes with the last socket that is closed in an orderly way; one that
 * killed processes left is used again.
 */
export class FlowGroup {
  readonly #path: string
  readonly #folder: string

  private constructor(path: string, folder: string) {
    this.#path = path
    this.#folder = folder
  }

  /**
   * Binds a socket and takes a place for it, the lowest that is free: one that comes back gets the clients that it had.
   *
   * @param bind binds it; nobody else of the group does so meanwhile, so that no datagram is ever given out by another rule
   * @throws what `bind` throws; FlowGroupError, SystemError EPERM, EACCES, UnsupportedKernelError
   */
  static join(native: NativeSocket, settings: PinFlowsSettings, bind: () => GroupName): FlowGroup {
    return exclusively(settings.path, () => {
      const name = bind()
      const folder = groupPath(settings.path, name)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      try {
        withMaps(folder, createMap, (maps) => {
          const program = loadProgram(maps)
          try {
            enter(native, maps, settings, `${name.address} port ${name.port}`)
            const status = native.setInt(SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, program)
            if (status !== 0) throw systemError(-status, 'setsockopt', { option: 'pinFlows' })
          } finally {
            thread().addon.bpf.close(program)
          }
        })
      } catch (error) {
        native.close() // gives its place back
        tidy(folder)
        throw error
      }
      return new FlowGroup(settings.path, folder)
    })
  }

  /**
   * To be called when the socket is closed: what the group knows of its places is brought up to date, and an empty group
   * removed. Never throws: what stays undone the next socket does.
   */
  leave(): void {
    try {
      exclusively(this.#path, () => tidy(this.#folder))
    } catch {
      // The filesystem may be gone, or the lock taken.
    }
  }
}

/** Brings a group up to date after a socket has gone, or removes it when that was the last. Never throws. */
function tidy(folder: string): void {
  try {
    const empty = withMaps(folder, undefined, (maps) => {
      const value = read(maps)
      const places = takenPlaces(maps)
      writeTaken(value, places)
      write(maps, value)
      return places.length === 0
    })
    if (empty) removeGroup(folder, MAPS)
  } catch {
    // A group that is not whole: the next socket completes it.
  }
}

/** Opens a group's maps for the time of `work`; those that are missing are made if `create` is given. */
function withMaps<T>(
  folder: string,
  create: ((name: keyof GroupMaps) => number) | undefined,
  work: (maps: GroupMaps) => T,
): T {
  const open: number[] = []
  const map = (name: keyof GroupMaps) => {
    const fd = openMap(join(folder, name), create && (() => create(name)))
    open.push(fd)
    return fd
  }
  try {
    return work({ group: map('group'), sockets: map('sockets') })
  } finally {
    for (const fd of open) thread().addon.bpf.close(fd)
  }
}

function openMap(path: string, create: (() => number) | undefined): number {
  const { bpf } = thread().addon
  const found = bpf.get(path)
  if (found >= 0) return found
  if (found !== -ENOENT || create === undefined) throw systemError(-found, 'bpf', { option: 'pinFlows' })
  const fd = create()
  const status = bpf.pin(fd, path)
  if (status === 0) return fd
  bpf.close(fd)
  throw systemError(-status, 'bpf', { option: 'pinFlows' })
}

/** Puts a bound socket in a place. */
function enter(native: NativeSocket, maps: GroupMaps, settings: PinFlowsSettings, where: string): void {
  const others = takenPlaces(maps)
  const value = read(maps)
  const ours = PIN_AFFINITIES.indexOf(settings.affinity)
  if (others.length === 0) {
    randomBytes(SECRET_BYTES).copy(value, SECRET)
    value.writeUInt32LE(ours, AFFINITY)
  } else if (value.readUInt32LE(AFFINITY) !== ours) {
    throw otherAffinity(where, settings.affinity, PIN_AFFINITIES[value.readUInt32LE(AFFINITY)] ?? 'unknown')
  }
  const place = takePlace(native, maps, where)
  writeTaken(value, [...others, place])
  write(maps, value)
}

function takePlace(native: NativeSocket, maps: GroupMaps, where: string): number {
  const descriptor = Buffer.alloc(8)
  descriptor.writeBigUInt64LE(BigInt(native.fd))
  for (let place = 0; place < PLACES; place++) {
    const status = thread().addon.bpf.updateMap(maps.sockets, keyOf(place), descriptor, BPF_NOEXIST)
    if (status === 0) return place
    if (status !== -EEXIST) throw systemError(-status, 'bpf', { option: 'pinFlows' })
  }
  throw flowGroupFull(where, PLACES)
}

/** Places that have a socket now, ascending. */
function takenPlaces(maps: GroupMaps): number[] {
  const cookie = Buffer.alloc(8)
  const taken: number[] = []
  for (let place = 0; place < PLACES; place++) {
    const status = thread().addon.bpf.lookupMap(maps.sockets, keyOf(place), cookie)
    if (status === 0) taken.push(place)
    else if (status !== -ENOENT) throw systemError(-status, 'bpf', { option: 'pinFlows' })
  }
  return taken
}

function writeTaken(value: Buffer, places: readonly number[]): void {
  value.writeBigUInt64LE(
    places.reduce((bits, place) => bits | (1n << BigInt(place)), 0n),
    TAKEN,
  )
}

function read(maps: GroupMaps): Buffer {
  const value = Buffer.alloc(GROUP_BYTES)
  const status = thread().addon.bpf.lookupMap(maps.group, keyOf(0), value)
  if (status !== 0) throw systemError(-status, 'bpf', { option: 'pinFlows' })
  return value
}

function write(maps: GroupMaps, value: Buffer): void {
  const status = thread().addon.bpf.updateMap(maps.group, keyOf(0), value, 0)
  if (status !== 0) throw systemError(-status, 'bpf', { option: 'pinFlows' })
}

function keyOf(index: number): Uint32Array {
  return Uint32Array.of(index)
}
