/** Kinds of types (Documentation/bpf/btf.rst) and, for each, the words behind the three that all have. */
const KINDS = [
  undefined,
  { name: 'int', extra: () => 1 },
  { name: 'pointer', extra: () => 0 },
  { name: 'array', extra: () => 3 },
  { name: 'struct', extra: (count) => 3 * count },
  { name: 'union', extra: (count) => 3 * count },
  { name: 'enum', extra: (count) => 2 * count },
  { name: 'forward', extra: () => 0 },
  { name: 'typedef', extra: () => 0 },
  { name: 'volatile', extra: () => 0 },
  { name: 'const', extra: () => 0 },
  { name: 'restrict', extra: () => 0 },
  { name: 'function', extra: () => 0 },
  { name: 'prototype', extra: (count) => 2 * count },
  { name: 'variable', extra: () => 1 },
  { name: 'section', extra: (count) => 3 * count },
  { name: 'float', extra: () => 0 },
  { name: 'tag', extra: () => 1 },
  { name: 'typeTag', extra: () => 0 },
  { name: 'enum64', extra: (count) => 3 * count },
]
const MAGIC = 0xeb9f
/** Words that every type has: name, info, size or type. */
const HEAD = 3
const POINTER_BYTES = 8

/** Types of C as BTF has them (section .BTF of an object), by number. */
export class Btf {
  #types = [{ kind: 'void', name: '' }]

  /** @param {Buffer} bytes of the section, little-endian */
  constructor(bytes) {
    if (bytes.readUInt16LE(0) !== MAGIC) throw new Error('The section .BTF does not begin as BTF does')
    const [header, typesAt, typesLength, stringsAt] = [4, 8, 12, 16].map((at) => bytes.readUInt32LE(at))
    const text = (at) => {
      const start = header + stringsAt + at
      return bytes.toString('latin1', start, bytes.indexOf(0, start))
    }
    const word = (at) => bytes.readUInt32LE(header + typesAt + 4 * at)
    for (let at = 0; 4 * at < typesLength; ) {
      const info = word(at + 1)
      const count = info & 0xffff
      const kind = KINDS[(info >>> 24) & 0x1f]
      if (kind === undefined) throw new Error(`BTF has a type of unknown kind ${(info >>> 24) & 0x1f}`)
      const parts = (size) =>
        Array.from({ length: count }, (_, i) => Array.from({ length: size }, (_, j) => word(at + HEAD + size * i + j)))
      const type = { kind: kind.name, name: text(word(at)), size: word(at + 2), type: word(at + 2) }
      if (kind.name === 'array') Object.assign(type, { element: word(at + HEAD), length: word(at + HEAD + 2) })
      if (kind.name === 'struct' || kind.name === 'union') {
        const bitfields = info >>> 31 === 1
        type.members = parts(3).map(([name, type, offset]) => ({
          name: text(name),
          type,
          bit: bitfields ? offset & 0xffffff : offset,
          bits: bitfields ? offset >>> 24 : 0,
        }))
      }
      if (kind.name === 'enum') type.values = parts(2).map(([name, value]) => ({ name: text(name), value }))
      if (kind.name === 'section') type.variables = parts(3).map(([variable]) => variable)
      this.#types.push(type)
      at += HEAD + kind.extra(count)
    }
  }

  /** Type number `id`. */
  get(id) {
    return this.#types[id]
  }

  /** The type of this kind and name. */
  find(kind, name) {
    return this.#types.find((type) => type.kind === kind && type.name === name)
  }

  /** What a type is behind typedef, const and volatile. */
  resolve(id) {
    const type = this.#types[id]
    return ['typedef', 'const', 'volatile', 'restrict', 'typeTag'].includes(type.kind) ? this.resolve(type.type) : type
  }

  /** Bytes of a type. */
  sizeOf(id) {
    const type = this.resolve(id)
    if (type.kind === 'pointer') return POINTER_BYTES
    return type.kind === 'array' ? type.length * this.sizeOf(type.element) : type.size
  }
}
