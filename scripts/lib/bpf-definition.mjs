import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { compileObject } from './bpf.mjs'
import { formatted } from './formatted.mjs'
import { fromRoot } from './project.mjs'

/** Characters of a program in one line. */
const LINE = 112

/** Programs that sockets load themselves (scripts/lib/pin-flows.mjs). */
const OTHERS = ['pin_flows']

/** Sources of the data plane: paths. */
export const dataPlaneSources = () =>
  readdirSync(fromRoot('bpf'))
    .filter((file) => file.endsWith('.bpf.c') && !OTHERS.includes(file.slice(0, -'.bpf.c'.length)))
    .map((file) => fromRoot('bpf', file))

const nameOf = (source) => basename(source, '.bpf.c')
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

/** Where the definition that is made from a source lies. */
export const definitionPath = (source) => fromRoot('src', 'bpf', 'objects', `${nameOf(source).replaceAll('_', '-')}.ts`)

/** What src/bpf/object.ts loads (ObjectDefinition), as a value. */
export async function defineObject(source, includes = []) {
  const { programs, maps, constants, constantAt } = await compileObject(source, includes)
  return {
    name: nameOf(source),
    maps: Object.fromEntries(maps.map(({ name, ...map }) => [camel(name), map])),
    constants: constants && { bytes: constants.toString('base64'), settingsAt: constantAt('settings') },
    programs: Object.fromEntries(
      programs.map(({ name, type, attachType, instructions, maps: loads, constants: uses }) => [
        camel(name),
        {
          type,
          attachType,
          instructions: instructions.toString('base64'),
          maps: loads.map(({ name, offset }) => [camel(name), offset]),
          constants: uses.map(({ offset, at }) => [offset, at]),
        },
      ]),
    ),
  }
}

/** The same as a TypeScript file. */
export async function generateDefinition(source) {
  const definition = await defineObject(source)
  const long = (text, indent) => {
    if (text.length <= LINE) return `'${text}'`
    return text
      .match(new RegExp(`.{1,${LINE}}`, 'g'))
      .map((line) => `\n${indent}'${line}'`)
      .join(' +')
  }
  const write = (value, indent = '') => {
    if (typeof value === 'string') return long(value, `${indent}  `)
    if (typeof value !== 'object') return String(value)
    const inner = `${indent}  `
    if (Array.isArray(value)) return `[${value.map((one) => write(one, inner)).join(', ')}]`
    const lines = Object.entries(value).filter(([, one]) => one !== undefined)
    return `{\n${lines.map(([key, one]) => `${inner}${key}: ${write(one, inner)},\n`).join('')}${indent}}`
  }
  const text = `// Made from bpf/${basename(source)} by \`npm run build:bpf\`. Do not change it here.
import type { ObjectDefinition } from '../definition.js'

export const ${camel(definition.name)}Object = ${write(definition)} as const satisfies ObjectDefinition
`
  return formatted(definitionPath(source), text)
}
