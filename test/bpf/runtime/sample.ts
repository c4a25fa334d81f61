import { fileURLToPath } from 'node:url'
import { layout, u32 } from '../../../src/bpf/codec.js'
import type { BpfMap, MapDefinition, ObjectDefinition } from '../../../src/bpf/index.js'

export const SAMPLE = fileURLToPath(new URL('sample.bpf.c', import.meta.url))

type Program = 'first' | 'second' | 'emit' | 'tell' | 'mark' | 'block' | 'sending'

/** What is compiled from sample.bpf.c. */
export interface SampleObject extends ObjectDefinition {
  readonly maps: Readonly<Record<'hits' | 'words' | 'known' | 'events', MapDefinition>>
  readonly programs: Readonly<Record<Program, ObjectDefinition['programs'][string]>>
}

/** `struct sample_settings` */
export const SampleSettings = layout<{ verdict: number; ifindex: number }>(8, { verdict: u32, ifindex: u32 })

export const XDP_DROP = 1
export const XDP_PASS = 2

/** How often the program of this number ran: an index of `hits`. */
export function hitsOf(hits: BpfMap, index: number): number {
  return hits
    .lookupPerCpu(Uint32Array.of(index))
    .reduce((sum, value) => sum + Number(new DataView(value.buffer, value.byteOffset).getBigUint64(0, true)), 0)
}
