import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findCommand } from '../../examples/netns/index.js'
import { CLANG, compileBpf } from '../../scripts/lib/bpf.mjs'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const include = fileURLToPath(new URL('../../bpf/include', import.meta.url))

/** Why no BPF program can be compiled and run here, or undefined. */
export function whyNoBpf(): string | undefined {
  if (!findCommand(CLANG)) return `${CLANG} is not installed`
  return process.getuid?.() === 0 ? undefined : 'loading BPF programs needs root'
}

/** A folder for what a test compiles; `remove` takes it away. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'udp-dsr-bpf-test-'))

  /** Writes a file and returns its path. */
  file(name: string, bytes: Uint8Array): string {
    const path = join(this.folder, name)
    writeFileSync(path, bytes)
    return path
  }

  /** Compiles a C source of this folder, or takes it for C++, and returns the program's path. */
  async compile(compiler: string, source: string, flags: readonly string[]): Promise<string> {
    const out = join(this.folder, `${source}-${compiler}`)
    const warnings = ['-Wall', '-Wextra', '-Werror']
    const paths = [`-I${include}`, `-I${here}`]
    await run(compiler, [...flags, '-O2', '-D_GNU_SOURCE', ...warnings, ...paths, join(here, source), '-o', out])
    return out
  }

  /** Compiles a BPF source of this folder; returns its instructions' path and where its one map is loaded. */
  async compileBpf(source: string, section: string): Promise<{ path: string; mapOffset: number }> {
    const { instructions, maps } = await compileBpf(join(here, source), section, [here])
    if (maps.length !== 1) throw new Error(`${source} has ${maps.length} maps`)
    return { path: this.file(`${source}.bin`, instructions), mapOffset: maps[0]!.offset }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
