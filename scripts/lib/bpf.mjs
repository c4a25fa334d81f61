import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromRoot } from './project.mjs'
import { run } from './run.mjs'
import { findCommand } from './system-packages.mjs'

/** Its output differs between versions, and what is generated from it is compared: everybody uses Debian 12's. */
export const CLANG = 'clang-14'

const TRIPLETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

/**
 * Compiles BPF C for kernels from 5.3 on, and reads the program out of the object.
 *
 * @param source path of the .bpf.c
 * @param section name of the program's ELF section
 * @returns {Promise<{ instructions: Buffer, maps: { name: string, offset: number }[] }>} `maps` says at which byte a
 *   map's address is loaded: an extern variable of that name in C
 */
export async function compileBpf(source, section, includes = []) {
  const clang = findCommand(CLANG)
  if (!clang) throw new Error(`${CLANG} is not installed: as root, apt-get install ${CLANG}`)
  const folder = mkdtempSync(join(tmpdir(), 'udp-dsr-bpf-'))
  try {
    const object = join(folder, 'program.o')
    const folders = [fromRoot('bpf', 'include'), ...includes, `/usr/include/${TRIPLETS[process.arch]}`]
    const flags = ['-target', 'bpf', '-mcpu=v3', '-O2', '-Wall', '-Wextra', '-Werror']
    await run(clang, [...flags, ...folders.map((path) => `-I${path}`), '-c', source, '-o', object])
    return readProgram(readFileSync(object), section)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Numbers of the ELF format (elf(5)) and of BPF's relocations (LLVM's "BPF relocation types"). */
const SHT_SYMTAB = 2
const SHT_REL = 9
const R_BPF_64_64 = 1

/** Reads a program out of a little-endian ELF64 object. */
function readProgram(elf, section) {
  const table = Number(elf.readBigUInt64LE(0x28))
  const entrySize = elf.readUInt16LE(0x3a)
  const sections = Array.from({ length: elf.readUInt16LE(0x3c) }, (_, i) => {
    const at = table + i * entrySize
    const offset = Number(elf.readBigUInt64LE(at + 0x18))
    const size = Number(elf.readBigUInt64LE(at + 0x20))
    return {
      name: elf.readUInt32LE(at),
      type: elf.readUInt32LE(at + 4),
      bytes: elf.subarray(offset, offset + size),
      target: elf.readUInt32LE(at + 0x2c),
    }
  })
  const names = sections[elf.readUInt16LE(0x3e)].bytes
  const text = (bytes, at) => bytes.toString('latin1', at, bytes.indexOf(0, at))

  const index = sections.findIndex(({ name }) => text(names, name) === section)
  if (index < 0) throw new Error(`The object has no section ${section}`)
  const symbols = sections.find(({ type }) => type === SHT_SYMTAB).bytes
  const maps = []
  for (const { bytes } of sections.filter(({ type, target }) => type === SHT_REL && target === index)) {
    for (let at = 0; at < bytes.length; at += 16) {
      if (bytes.readUInt32LE(at + 8) !== R_BPF_64_64)
        throw new Error(`${section} calls or refers to what is not inlined`)
      const symbol = bytes.readUInt32LE(at + 12) * 24
      maps.push({ name: text(names, symbols.readUInt32LE(symbol)), offset: Number(bytes.readBigUInt64LE(at)) })
    }
  }
  return { instructions: Buffer.from(sections[index].bytes), maps }
}
