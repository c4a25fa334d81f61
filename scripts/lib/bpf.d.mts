/** A BPF program out of an object file. */
export interface BpfProgram {
  instructions: Buffer
  /** At which byte the address of which map is loaded. */
  maps: { name: string; offset: number }[]
}
export const CLANG: string
export function compileBpf(source: string, section: string, includes?: readonly string[]): Promise<BpfProgram>
export function compileTo(source: string, object: string, includes?: readonly string[]): Promise<void>
