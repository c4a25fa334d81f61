import { readFileSync } from 'node:fs'
import { type JsonSchema, jsonSchema } from './config-schema.js'
import { fromRoot } from './project.mjs'

export const REFERENCE_PATH = fromRoot('docs', 'config.md')

/** What is below it in docs/config.md is made from the schema. */
const MARK = '<!-- Below: npm run build:config makes it from src/fleet/config/schema. -->'

/** A table of the config: the name that its heading has, and its forms. */
interface Section {
  name: string
  about: string
  /** One, or several between which a key decides. */
  forms: JsonSchema[]
}

/** The text of docs/config.md: what is written by hand, and the tables of all keys. */
export function generateReference(): string {
  const [written] = readFileSync(REFERENCE_PATH, 'utf8').split(MARK)
  return `${written}${MARK}\n\n${sections('', jsonSchema()).map(textOf).join('\n\n')}\n`
}

/** The table itself, then those that are in it. */
function sections(name: string, schema: JsonSchema): Section[] {
  const forms = schema.oneOf ?? [schema]
  const about = name === '' ? '' : (schema.description ?? '').replace(TOLD_DEFAULT, '')
  const section = { name, about, forms }
  const below = new Map(forms.flatMap((form) => Object.entries(form.properties ?? {})))
  return [section, ...[...below].flatMap(([key, value]) => within(name === '' ? key : `${name}.${key}`, value))]
}

function within(name: string, schema: JsonSchema): Section[] {
  if (isTable(schema)) return sections(name, schema)
  if (schema.additionalProperties) {
    return sections(`${name}.NAME`, { description: schema.description, ...schema.additionalProperties } as JsonSchema)
  }
  if (schema.items && isTable(schema.items)) {
    return sections(`[${name}]`, { ...schema.items, description: schema.description } as JsonSchema)
  }
  return []
}

const isTable = ({ properties, oneOf }: JsonSchema) => properties !== undefined || oneOf !== undefined

function textOf({ name, about, forms }: Section): string {
  const heading = name === '' ? '## The file itself' : `## \`[${name}]\``
  const rows = keysOf(forms).map(
    ({ key, schema, only, required }) =>
      `| \`${key}\`${only} | ${taken(schema)} | ${defaultOf(schema, required)} | ${described(schema)} |`,
  )
  const table = ['| Key | Takes | Default | |', '| --- | --- | --- | --- |', ...rows].join('\n')
  return [heading, about, table].filter(Boolean).join('\n\n')
}

/** The keys of all forms; `only` says which form has a key that not all of them have. */
function keysOf(forms: readonly JsonSchema[]) {
  const names = new Set(forms.flatMap(({ properties }) => Object.keys(properties ?? {})))
  return [...names].map((key) => {
    const having = forms.filter(({ properties }) => properties?.[key] !== undefined)
    const [first] = having as [JsonSchema]
    const required = having.every((form) => form.required?.includes(key))
    const only = having.length === forms.length ? '' : ` (${having.map(choiceOf).join(', ')})`
    const choices = having.map(({ properties }) => properties![key]!)
    const schema = choices[0]!.const === undefined ? first.properties![key]! : merged(choices)
    return { key, schema, only, required }
  })
}

/** What makes it this form. */
function choiceOf({ properties }: JsonSchema): string {
  const choice = Object.values(properties ?? {}).find((value) => value.const !== undefined)
  return `\`${choice?.const}\``
}

function merged(choices: readonly JsonSchema[]): JsonSchema {
  const told = choices.map((choice) => `\`${choice.const}\`: ${lower(choice.description ?? '')}`)
  return { enum: choices.map((choice) => choice.const), description: told.join(' ') }
}

const lower = (text: string) => text[0]!.toLowerCase() + text.slice(1)

function taken(schema: JsonSchema): string {
  const { type, title, enum: words, items, minimum, maximum, anyOf, pattern } = schema
  if (words) return words.map((word) => `\`${JSON.stringify(word)}\``).join(', ')
  if (title) return title
  if (type === 'array') return items && isTable(items) ? 'tables' : `list: ${taken(items!)}`
  if (type === 'boolean') return '`true`, `false`'
  if (type === 'integer' || type === 'number') return `${type}, ${minimum} – ${maximum}`
  if (schema.additionalProperties) return 'tables by name'
  if (isTable(schema)) return 'table'
  if (anyOf) return anyOf.map(alternative).join(' or ')
  return pattern?.includes('fA-F') ? 'hexadecimal digits' : 'text'
}

const alternative = (schema: JsonSchema) =>
  schema.properties ? `\`{ ${Object.keys(schema.properties)[0]} = "…" }\`` : taken(schema)

function defaultOf(schema: JsonSchema, required: boolean): string {
  if (required) return 'must be there'
  const { default: value } = schema
  const told = TOLD_DEFAULT.exec(schema.description ?? '')
  if (told !== null) return told[1]!
  if (value === undefined || (isTable(schema) && JSON.stringify(value) === '{}')) return ''
  return `\`${toml(value)}\``
}

/** A default that is no value, at the end of a description. */
const TOLD_DEFAULT = / ?Default: (.+)\.$/

function described({ description = '', examples }: JsonSchema): string {
  const example = examples?.[0] === undefined ? '' : ` Example: \`${toml(examples[0])}\``
  return `${description.replace(TOLD_DEFAULT, '')}${example}`.replaceAll('|', '\\|')
}

/** A value as TOML has it. */
function toml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const pairs = Object.entries(value).map(([key, one]) => `${key} = ${toml(one)}`)
  return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`
}
