/** Fields of an ELF64 section header, and its type for one that is not used (elf(5)). */
const HEADER_BYTES = 64
const SHT_NULL = 0
const SHT_NOBITS = 8
const TYPE = 4
const OFFSET = 0x18
const SIZE = 0x20

/**
 * An object file without DWARF, which is most of what clang writes and which no loader of BPF programs reads. BTF stays, and
 * so do the numbers of the sections.
 *
 * @param {Buffer} elf little-endian ELF64
 * @returns {Buffer}
 */
export function stripDebug(elf) {
  const table = Number(elf.readBigUInt64LE(0x28))
  const count = elf.readUInt16LE(0x3c)
  const headers = Buffer.from(elf.subarray(table, table + count * HEADER_BYTES))
  const field = (index, at) => Number(headers.readBigUInt64LE(index * HEADER_BYTES + at))
  const namesAt = field(elf.readUInt16LE(0x3e), OFFSET)
  const parts = [Buffer.from(elf.subarray(0, HEADER_BYTES))]
  let end = HEADER_BYTES
  const append = (bytes) => {
    const padding = -end & 7
    parts.push(Buffer.alloc(padding), bytes)
    const start = end + padding
    end = start + bytes.length
    return start
  }
  for (let i = 0; i < count; i++) {
    const at = i * HEADER_BYTES
    const name = namesAt + headers.readUInt32LE(at)
    if (/^(\.rel)?\.debug_/.test(elf.toString('latin1', name, elf.indexOf(0, name))))
      headers.fill(0, at, at + HEADER_BYTES)
    const type = headers.readUInt32LE(at + TYPE)
    if (type === SHT_NULL || type === SHT_NOBITS) continue
    const start = append(elf.subarray(field(i, OFFSET), field(i, OFFSET) + field(i, SIZE)))
    headers.writeBigUInt64LE(BigInt(start), at + OFFSET)
  }
  parts[0].writeBigUInt64LE(BigInt(append(headers)), 0x28)
  return Buffer.concat(parts)
}
