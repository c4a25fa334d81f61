import * as linux from '../internal/linux.js'
import { encode, type Layout } from './codec.js'
import type { MapDefinition, ObjectDefinition, ProgramDefinition } from './definition.js'
import { BpfMap } from './map.js'
import { BpfProgram } from './program.js'

export interface LoadOptions<D extends ObjectDefinition> {
  /** Maps to use instead of new ones; they stay the caller's. Of the type and sizes that the programs were compiled for. */
  maps?: Partial<Record<keyof D['maps'], BpfMap>> | undefined
  /** Entries of new maps, where the compiled number is not wanted. */
  entries?: Partial<Record<keyof D['maps'], number>> | undefined
  /** The struct `settings` of the programs, as bytes: fixed from now on. Default: what it was compiled with. */
  settings?: Uint8Array | undefined
  /** Programs to load, default all. */
  programs?: readonly (keyof D['programs'])[] | undefined
}

/** Programs in the kernel with their maps. `close` gives all descriptors back but those of maps that were given. */
export interface LoadedObject<D extends ObjectDefinition> {
  readonly maps: Readonly<Record<keyof D['maps'], BpfMap>>
  readonly programs: Readonly<Record<keyof D['programs'], BpfProgram>>
  close(): void
  [Symbol.dispose](): void
}

/** `settings` for `loadObject`. */
export function settingsOf<T>(layout: Layout<T>, settings: T): Uint8Array {
  return encode(layout, settings)
}

/** How a map is made for this load: as compiled, but for the number of entries. */
export function mapDefinition(compiled: MapDefinition, entries: number | undefined): MapDefinition {
  return { ...compiled, entries: entries ?? compiled.entries }
}

/**
 * Makes an object's maps, or takes those that are given, and loads its programs over them. Nothing is left when it fails.
 *
 * @throws BpfError ERR_BPF_PERMISSION, ERR_BPF_VERIFIER, ERR_BPF_SYSTEM
 */
export function loadObject<const D extends ObjectDefinition>(
  definition: D,
  options: LoadOptions<D> = {},
): LoadedObject<D> {
  const own: { close(): void }[] = []
  const closeAll = () => {
    for (const one of own.splice(0)) one.close()
  }
  try {
    const maps: Record<string, BpfMap> = {}
    for (const [name, compiled] of Object.entries(definition.maps)) {
      const given = options.maps?.[name as keyof D['maps']]
      maps[name] = given ?? BpfMap.create(name, mapDefinition(compiled, options.entries?.[name as keyof D['maps']]))
      if (given === undefined) own.push(maps[name])
    }
    const constants = definition.constants && makeConstants(definition, options.settings)
    if (constants) own.push(constants)
    const wanted = options.programs ?? Object.keys(definition.programs)
    const programs: Record<string, BpfProgram> = {}
    for (const name of wanted as string[]) {
      const program = definition.programs[name]!
      const instructions = relocate(program, maps, constants)
      programs[name] = BpfProgram.load(name, program.type, program.attachType, instructions)
      own.push(programs[name])
    }
    return {
      maps: maps as LoadedObject<D>['maps'],
      programs: programs as LoadedObject<D>['programs'],
      close: closeAll,
      [Symbol.dispose]: closeAll,
    }
  } catch (error) {
    closeAll()
    throw error
  }
}

/** The section .rodata as a frozen map: the verifier knows its values, and leaves out what they rule out (Linux 5.5). */
function makeConstants({ name, constants }: ObjectDefinition, settings: Uint8Array | undefined): BpfMap {
  const bytes = Buffer.from(constants!.bytes, 'base64')
  if (settings) bytes.set(settings, constants!.settingsAt)
  const map = BpfMap.create(`${name.slice(0, 8)}.rodata`, {
    type: linux.BPF_MAP_TYPE_ARRAY,
    keyBytes: 4,
    valueBytes: bytes.length,
    entries: 1,
    flags: linux.BPF_F_RDONLY_PROG,
  })
  try {
    map.update(Uint32Array.of(0), bytes)
    map.freeze()
    return map
  } catch (error) {
    map.close()
    throw error
  }
}

/** Puts descriptors where maps are loaded: `struct bpf_insn` has the source register in the high half of its second byte. */
function relocate(program: ProgramDefinition, maps: Record<string, BpfMap>, constants: BpfMap | undefined): Buffer {
  const instructions = Buffer.from(program.instructions, 'base64')
  const load = (at: number, kind: number, fd: number, offset: number) => {
    instructions[at + 1] = (instructions[at + 1]! & 0x0f) | (kind << 4)
    instructions.writeInt32LE(fd, at + 4)
    instructions.writeInt32LE(offset, at + 12)
  }
  for (const [name, at] of program.maps) load(at, linux.BPF_PSEUDO_MAP_FD, maps[name]!.fd, 0)
  for (const [at, offset] of program.constants) load(at, linux.BPF_PSEUDO_MAP_VALUE, constants!.fd, offset)
  return instructions
}
