import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readObject } from './bpf-object.mjs'
import { fromRoot } from './project.mjs'
import { run } from './run.mjs'
import { findCommand } from './system-packages.mjs'

/** Its output differs between versions, and what is generated from it is compared: everybody uses Debian 12's. */
export const CLANG = 'clang-14'

const TRIPLETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

/** Runs `work` with a folder that is gone afterwards. */
export async function withFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-bpf-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * Compiles BPF C for kernels from 5.3 on into an object file, with BTF.
 *
 * @param source path of the .bpf.c
 * @param object path of what is made
 */
export async function compileTo(source, object, includes = []) {
  const clang = findCommand(CLANG)
  if (!clang) throw new Error(`${CLANG} is not installed: as root, apt-get install ${CLANG}`)
  const folders = [fromRoot('bpf', 'include'), ...includes, `/usr/include/${TRIPLETS[process.arch]}`]
  const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-fdebug-compilation-dir=.']
  await run(clang, [...flags, ...folders.map((path) => `-I${path}`), '-c', source, '-o', object])
}

/** Compiles BPF C and reads the object; see readObject. */
export function compileObject(source, includes = []) {
  return withFolder(async (folder) => {
    const object = join(folder, 'program.o')
    await compileTo(source, object, includes)
    return readObject(readFileSync(object))
  })
}

/**
 * Compiles BPF C that has one program in a section.
 *
 * @returns {Promise<{ instructions: Buffer, maps: { name: string, offset: number }[] }>} `maps` says at which byte a
 *   map's address is loaded: an extern variable of that name in C
 */
export async function compileBpf(source, section, includes = []) {
  const { programs } = await compileObject(source, includes)
  const program = programs.find((one) => one.section === section)
  if (program === undefined) throw new Error(`The object has no section ${section}`)
  return program
}
