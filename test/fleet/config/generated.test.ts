import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { generateReference, REFERENCE_PATH } from '../../../scripts/lib/config-reference.js'
import { generateSchema, type JsonSchema, jsonSchema, SCHEMA_PATH } from '../../../scripts/lib/config-schema.js'
import { generateTypes, TYPES_PATH } from '../../../scripts/lib/config-types.js'
import { readToml } from '../../../src/fleet/config/toml.js'
import { parseConfig } from '../../../src/fleet/index.js'

// If one of the first three fails: npm run build:config

const reference = readFileSync(REFERENCE_PATH, 'utf8')

it('schema/udp-dsr.schema.json is that of the config', () => {
  expect(readFileSync(SCHEMA_PATH, 'utf8')).toBe(generateSchema())
})

it('the types are those of the config', () => {
  expect(readFileSync(TYPES_PATH, 'utf8')).toBe(generateTypes())
})

it('docs/config.md is that of the config', () => {
  expect(reference).toBe(generateReference())
})

/** All keys, with their paths. */
function keysOf(schema: JsonSchema, path = ''): [path: string, key: string, schema: JsonSchema, required: boolean][] {
  const forms = [schema, ...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]
  const own = forms.flatMap(({ properties, required = [] }) =>
    Object.entries(properties ?? {}).flatMap(
      ([key, below]): ReturnType<typeof keysOf> => [
        [path, key, below, required.includes(key)],
        ...keysOf(below, path === '' ? key : `${path}.${key}`),
      ],
    ),
  )
  const named = schema.additionalProperties ? keysOf(schema.additionalProperties, `${path}.NAME`) : []
  return [...own, ...named, ...(schema.items ? keysOf(schema.items, `[${path}]`) : [])]
}

describe('every key', () => {
  const keys = keysOf(jsonSchema())

  it('is described, and has a default, an example or its words', () => {
    expect(keys.length).toBeGreaterThan(90)
    const poor = keys.filter(
      ([
        ,
        ,
        {
          description,
          examples,
          default: value,
          enum: words,
          const: word,
          type,
          properties,
          oneOf,
          additionalProperties,
          title,
        },
      ]) => {
        const shown =
          examples ??
          words ??
          properties ??
          oneOf ??
          additionalProperties ??
          title ??
          (type === 'string' || type === 'array' ? undefined : type)
        return !description || (value === undefined && word === undefined && shown === undefined)
      },
    )
    expect(poor.map(([path, key]) => `${path}.${key}`)).toEqual(['.$schema'])
  })

  it('is in docs/config.md, in the table of its section', () => {
    const sections = new Map(
      reference.split(/^## /m).map((section) => [/^`\[(.*)\]`/.exec(section)?.[1] ?? section.split('\n')[0], section]),
    )
    for (const [path, key] of keys) {
      // The forms of a secret are told in the one row of the secret.
      if (key === 'file' || key === 'env') continue
      const section = sections.get(path === '' ? 'The file itself' : path)
      expect(section, `${path}.${key}`).toContain(`| \`${key}\``)
    }
  })

  it('has an example that fits', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false })
    for (const [path, key, schema] of keys) {
      for (const example of [...(schema.examples ?? []), ...(schema.default === undefined ? [] : [schema.default])]) {
        expect(ajv.validate(schema, example), `${path}.${key}: ${JSON.stringify(example)}`).toBe(true)
      }
    }
  })
})

describe('the schema', () => {
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(
    JSON.parse(readFileSync(SCHEMA_PATH, 'utf8')),
  )

  it('takes the example of docs/config.md, which is right', () => {
    const [, toml] = /```toml\n(.*?)```/s.exec(reference)!
    expect(parseConfig(toml!, { readSecrets: false }).warnings).toEqual([])
    expect(validate(readToml(toml!).value)).toBe(true)
  })

  it('refuses what is misspelt, missing or out of range', () => {
    for (const wrong of [
      { edge: { interfase: 'eth0' } },
      { edge: {} },
      { removal: { most: 2 } },
      { pools: { 'a b': { delivery: 'l2' } } },
      { secret: 'beef' },
      { discovery: { a: { type: 'etc' } } },
    ]) {
      expect(validate(wrong), JSON.stringify(wrong)).toBe(false)
    }
  })
})
