/** A map as a program wants it. Numbers of linux/bpf.h. */
export interface MapDefinition {
  /** `enum bpf_map_type` */
  readonly type: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly entries: number
  readonly flags: number
}

/** A program as it was compiled. Offsets are in bytes. */
export interface ProgramDefinition {
  /** `enum bpf_prog_type` */
  readonly type: number
  /** `enum bpf_attach_type` */
  readonly attachType: number
  /** `struct bpf_insn`s, in base64. */
  readonly instructions: string
  /** Which map is loaded where. */
  readonly maps: readonly (readonly [map: string, offset: number])[]
  /** Where which byte of the constants is loaded. */
  readonly constants: readonly (readonly [offset: number, at: number])[]
}

/** What is made from one source file below bpf/ by `npm run build:bpf`. */
export interface ObjectDefinition {
  readonly name: string
  readonly maps: Readonly<Record<string, MapDefinition>>
  /** The section .rodata, in base64, and where in it the struct `settings` is. */
  readonly constants?: { readonly bytes: string; readonly settingsAt: number } | undefined
  readonly programs: Readonly<Record<string, ProgramDefinition>>
}
