import { z } from 'zod'
import { configSchema } from '../../src/fleet/config/schema/config.js'
import type { JsonSchema } from './config-schema.js'
import { formatted } from './formatted.mjs'
import { fromRoot } from './project.mjs'

export const TYPES_PATH = fromRoot('src', 'fleet', 'config', 'sections.ts')

/** Sections with a name of their own. */
const NAMES: Record<string, string> = {
  secret: 'SecretSource',
  edge: 'EdgeSection',
  backend: 'BackendSection',
  rewrite: 'RewriteSection',
  'pools.NAME': 'PoolSection',
  'pools.NAME.health': 'HealthSection',
  '[services]': 'ServiceSection',
  'discovery.NAME': 'DiscoverySection',
  removal: 'RemovalSection',
}

/** The text of src/fleet/config/sections.ts: what zod's own types would say, with a comment on each key, and without zod. */
export function generateTypes(): string {
  const declared: string[] = []
  const root = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'output' }) as JsonSchema
  const config = typeOf(root, '', declared)
  const text = [
    '// Made by `npm run build:config` from schema/. Not to be changed by hand.',
    ...declared,
    `/** A config as it is written, checked, with its defaults. */\nexport interface ConfigSections ${config}`,
  ].join('\n\n')
  return formatted(TYPES_PATH, text)
}

/** @param declared where types with a name are put */
function typeOf(schema: JsonSchema, path: string, declared: string[]): string {
  const name = NAMES[path]
  if (name === undefined) return plainType(schema, path, declared)
  const type = plainType(schema, path, declared)
  const kind = (schema.oneOf ?? schema.anyOf) ? `type ${name} =` : `interface ${name}`
  declared.push(`${comment(`\`${path}\`: ${schema.description ?? ''}`)}export ${kind} ${type}`)
  return name
}

function plainType(schema: JsonSchema, path: string, declared: string[]): string {
  const { enum: words, const: word, items, properties, additionalProperties, type } = schema
  const forms = schema.oneOf ?? (properties ? undefined : schema.anyOf?.filter((form) => form.type !== undefined))
  if (words) return words.map((one) => JSON.stringify(one)).join(' | ')
  if (word !== undefined) return JSON.stringify(word)
  if (forms && forms.length > 0) return forms.map((form) => plainType(form, path, declared)).join(' | ')
  if (items) {
    const below = { ...items, description: items.description ?? schema.description } as JsonSchema
    return `readonly (${typeOf(below, `[${path}]`, declared)})[]`
  }
  if (properties) return objectType(schema, path, declared)
  if (additionalProperties) {
    const below = { ...additionalProperties, description: schema.description } as JsonSchema
    return `Readonly<Record<string, ${typeOf(below, `${path}.NAME`, declared)}>>`
  }
  return type === 'integer' ? 'number' : type!
}

function objectType({ properties = {}, required = [] }: JsonSchema, path: string, declared: string[]): string {
  const keys = Object.entries(properties).map(([key, schema]) => {
    const type = typeOf(schema, path === '' ? key : `${path}.${key}`, declared)
    const marks = required.includes(key) ? `: ${type}` : `?: ${type} | undefined`
    return `${comment(told(schema))}readonly ${key}${marks}`
  })
  return `{\n${keys.join('\n')}\n}`
}

/** Description, limits and default. */
function told({ description = '', minimum, maximum, default: value }: JsonSchema): string {
  const limits = minimum === undefined ? '' : ` ${minimum} – ${maximum}.`
  const simple = value !== undefined && JSON.stringify(value) !== '{}'
  return `${description}${limits}${simple ? ` Default: \`${JSON.stringify(value)}\`.` : ''}`
}

function comment(text: string): string {
  return text === '' ? '' : `/** ${text} */\n`
}
