import { Btf } from './btf.mjs'

/** Numbers of the ELF format (elf(5)) and of BPF's relocations (LLVM's "BPF relocation types"). */
const SHT_SYMTAB = 2
const SHT_REL = 9
const STT_FUNC = 2
const R_BPF_64_64 = 1

/** What a program is, by the name of its section: numbers of enum bpf_prog_type and bpf_attach_type (linux/bpf.h). */
const SECTIONS = [
  { pattern: /^xdp$/, type: 6, attachType: 37 },
  { pattern: /^(tc|tcx|classifier)\b/, type: 3, attachType: 0 },
  { pattern: /^cgroup\/sendmsg4$/, type: 18, attachType: 14 },
  { pattern: /^cgroup\/sendmsg6$/, type: 18, attachType: 15 },
  { pattern: /^sk_reuseport$/, type: 21, attachType: 39 },
]

/**
 * Reads a little-endian ELF64 object that clang made for BPF.
 *
 * @param {Buffer} elf
 */
export function readObject(elf) {
  const sections = readSections(elf)
  const symbols = readSymbols(sections)
  const named = (name) => sections.find((section) => section.name === name)
  const btf = named('.BTF') && new Btf(named('.BTF').bytes)
  const index = (name) => sections.findIndex((section) => section.name === name)
  const [mapsAt, constantsAt] = [index('.maps'), index('.rodata')]
  const programs = symbols
    .filter(({ kind, section }) => kind === STT_FUNC && sections[section]?.name !== '.text')
    .map((symbol) => readProgram(symbol, { sections, symbols, mapsAt, constantsAt }))
  return {
    btf,
    programs,
    maps: mapsAt < 0 ? [] : readMaps(btf),
    constants: constantsAt < 0 ? undefined : sections[constantsAt].bytes,
    /** Where in the constants a variable is. */
    constantAt: (name) => symbols.find((symbol) => symbol.name === name && symbol.section === constantsAt)?.value,
  }
}

function readSections(elf) {
  const table = Number(elf.readBigUInt64LE(0x28))
  const entrySize = elf.readUInt16LE(0x3a)
  const sections = Array.from({ length: elf.readUInt16LE(0x3c) }, (_, i) => {
    const at = table + i * entrySize
    const offset = Number(elf.readBigUInt64LE(at + 0x18))
    const size = Number(elf.readBigUInt64LE(at + 0x20))
    return {
      nameAt: elf.readUInt32LE(at),
      type: elf.readUInt32LE(at + 4),
      bytes: elf.subarray(offset, offset + size),
      target: elf.readUInt32LE(at + 0x2c),
    }
  })
  const names = sections[elf.readUInt16LE(0x3e)].bytes
  return sections.map((section) => ({ ...section, name: text(names, section.nameAt), names }))
}

function readSymbols(sections) {
  const { bytes } = sections.find(({ type }) => type === SHT_SYMTAB)
  const names = sections.find(({ name }) => name === '.strtab').bytes
  return Array.from({ length: bytes.length / 24 }, (_, i) => ({
    name: text(names, bytes.readUInt32LE(24 * i)),
    kind: bytes[24 * i + 4] & 0xf,
    section: bytes.readUInt16LE(24 * i + 6),
    value: Number(bytes.readBigUInt64LE(24 * i + 8)),
    size: Number(bytes.readBigUInt64LE(24 * i + 16)),
  }))
}

const text = (bytes, at) => bytes.toString('latin1', at, bytes.indexOf(0, at))

function readProgram(symbol, { sections, symbols, mapsAt, constantsAt }) {
  const section = sections[symbol.section]
  const kind = SECTIONS.find(({ pattern }) => pattern.test(section.name))
  if (kind === undefined) throw new Error(`Nobody knows what kind of program the section ${section.name} is`)
  const instructions = Buffer.from(section.bytes.subarray(symbol.value, symbol.value + symbol.size))
  const maps = []
  const constants = []
  for (const { bytes, type, target } of sections) {
    if (type !== SHT_REL || target !== symbol.section) continue
    for (let at = 0; at < bytes.length; at += 16) {
      const place = Number(bytes.readBigUInt64LE(at)) - symbol.value
      if (place < 0 || place >= symbol.size) continue
      const to = symbols[bytes.readUInt32LE(at + 12)]
      if (bytes.readUInt32LE(at + 8) !== R_BPF_64_64) {
        throw new Error(`${symbol.name} calls ${to.name || 'a function'} that is not inlined`)
      }
      if (to.section === constantsAt)
        constants.push({ offset: place, at: to.value + instructions.readInt32LE(place + 4) })
      else if (to.section === mapsAt || to.section === 0) maps.push({ name: to.name, offset: place })
      else
        throw new Error(
          `${symbol.name} refers to ${to.name} in ${sections[to.section]?.name}: neither map nor constant`,
        )
    }
  }
  return {
    name: symbol.name,
    section: section.name,
    type: kind.type,
    attachType: kind.attachType,
    instructions,
    maps,
    constants,
  }
}

/** Maps as libbpf reads them: a variable of a struct whose members say what the map is. */
function readMaps(btf) {
  return btf.find('section', '.maps').variables.map((id) => {
    const variable = btf.get(id)
    const map = { name: variable.name, type: 0, keyBytes: 0, valueBytes: 0, entries: 0, flags: 0 }
    for (const member of btf.resolve(variable.type).members) {
      const pointed = btf.resolve(member.type).type
      const number = () => btf.resolve(pointed).length
      if (member.name === 'type') map.type = number()
      else if (member.name === 'max_entries') map.entries = number()
      else if (member.name === 'map_flags') map.flags = number()
      else if (member.name === 'key') map.keyBytes = btf.sizeOf(pointed)
      else if (member.name === 'value') map.valueBytes = btf.sizeOf(pointed)
      else throw new Error(`The map ${variable.name} has ${member.name}, which nobody here understands`)
    }
    return map
  })
}
