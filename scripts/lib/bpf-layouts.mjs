import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileObject, withFolder } from './bpf.mjs'
import { formatted } from './formatted.mjs'
import { fromRoot } from './project.mjs'

/** What layouts.h uses of flow_hash.h. */
const FROM_FLOW_HASH = [
  { kind: 'enum', name: 'flow_affinity' },
  { kind: 'struct', name: 'flow_secret' },
]

const HEADER = fromRoot('bpf', 'include', 'layouts.h')

/** Where the codecs lie. */
export const LAYOUTS_PATH = fromRoot('src', 'bpf', 'layouts.ts')

const pascal = (name) => name.replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase())
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())

/** Fields that are one number: typedef of linux/types.h → what src/bpf/codec.ts calls it, and its type. */
const SCALARS = {
  __u8: ['u8', 'number'],
  __u16: ['u16', 'number'],
  __u32: ['u32', 'number'],
  __u64: ['u64', 'bigint'],
  __be16: ['be16', 'number'],
  __be32: ['be32', 'number'],
}

/**
 * TypeScript for every struct and enum of layouts.h. A struct with a hole, a bitfield or a type that has no codec is refused.
 *
 * @param header path of another header, which includes flow_hash.h as well
 */
export async function generateLayouts(header = HEADER) {
  const source = readFileSync(header, 'utf8')
  const own = [...source.matchAll(/^(struct|enum) (\w+) \{/gm)].map(([, kind, name]) => ({ kind, name }))
  const tags = [...FROM_FLOW_HASH, ...own]
  const btf = await withFolder(async (folder) => {
    const anchors = tags.map(({ kind, name }) => `${kind} ${name} anchor_${kind}_${name};`)
    const file = join(folder, 'layouts.c')
    writeFileSync(file, [`#include "${header}"`, ...anchors, ''].join('\n'))
    return (await compileObject(file)).btf
  })
  const parts = tags.map(({ kind, name }) =>
    kind === 'enum' ? enumeration(btf.find('enum', name)) : struct(btf, name),
  )
  const body = parts.join('\n\n')
  const used = [
    'address',
    'be16',
    'be32',
    'bytes',
    'type Layout',
    'layout',
    'list',
    'u8',
    'u16',
    'u16s',
    'u32',
    'u64',
  ].filter(
    (name) => name.startsWith('type') || new RegExp(`\\b${name}\\b`).test(body.replace(/^.*interface[\s\S]*?^}/gm, '')),
  )
  const text = `// Made from bpf/include/layouts.h by \`npm run build:bpf\`, which has the meaning of each field. Do not change it here.
import { ${used.join(', ')} } from './codec.js'

${body}
`
  return formatted(LAYOUTS_PATH, text)
}

function enumeration({ name, values }) {
  const words = values.map((one) => one.name.toLowerCase().split('_'))
  let shared = 0
  if (values.length > 1)
    while (words.every((those) => those.length > shared + 1 && those[shared] === words[0][shared])) shared++
  const lines = values.map((one, i) => `  ${camel(words[i].slice(shared).join('_'))}: ${one.value >>> 0},`)
  return `/** \`enum ${name}\` */\nexport const ${pascal(name)} = {\n${lines.join('\n')}\n} as const`
}

function struct(btf, name) {
  const { members, size } = btf.find('struct', name)
  let end = 0
  const fields = members.map((member) => {
    if (member.bits > 0)
      throw new Error(`struct ${name}: ${member.name} at bit ${member.bit} is a bitfield, which no codec can read`)
    if (member.bit / 8 !== end)
      throw new Error(
        `struct ${name} has a hole of ${member.bit / 8 - end} bytes at offset ${end}, before ${member.name}`,
      )
    end += btf.sizeOf(member.type)
    const [codec, type] = field(btf, member.type, `struct ${name}, ${member.name}`)
    return { name: camel(member.name), codec, type }
  })
  if (end !== size) throw new Error(`struct ${name} has a hole of ${size - end} bytes at offset ${end}, its end`)
  const reserved = ({ name }) => name.startsWith('reserved')
  const visible = fields.filter((one) => !reserved(one))
  const shape = visible.map((one) => `  ${one.name}: ${one.type}`).join('\n')
  const codecs = fields.map((one) => `  ${one.name}: ${one.codec},`).join('\n')
  const title = pascal(name)
  return `/** \`struct ${name}\`, ${size} bytes */
export interface ${title} {\n${shape}\n}
export const ${title}: Layout<${title}> = layout(${size}, {\n${codecs}\n})`
}

/** The codec of a field and its TypeScript type. */
function field(btf, id, where) {
  const type = btf.get(id)
  if (type.kind === 'typedef' && SCALARS[type.name]) return SCALARS[type.name]
  if (type.kind === 'typedef') return field(btf, type.type, where)
  if (type.kind === 'struct') return [`${pascal(type.name)}`, pascal(type.name)]
  if (type.kind === 'array') {
    const element = btf.get(type.element)
    if (element.kind === 'struct') return [`list(${pascal(element.name)}, ${type.length})`, `${pascal(element.name)}[]`]
    const [codec] = field(btf, type.element, where)
    if (codec === 'be32' && type.length === 4) return ['address', 'Uint8Array']
    if (codec === 'u8') return [`bytes(${type.length})`, 'Uint8Array']
    if (codec === 'u16') return [`u16s(${type.length})`, 'Uint16Array']
    if (codec === 'u64') return [`list(u64, ${type.length})`, 'bigint[]']
    if (codec === 'u32') return [`list(u32, ${type.length})`, 'number[]']
  }
  throw new Error(`${where}: no codec for ${type.kind} ${type.name}`)
}
