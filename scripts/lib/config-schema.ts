import { z } from 'zod'
import { configSchema } from '../../src/fleet/config/schema/config.js'
import { formatted } from './formatted.mjs'
import { fromRoot } from './project.mjs'

/** JSON Schema, as far as it is used here. */
export interface JsonSchema {
  type?: string
  title?: string
  description?: string
  default?: unknown
  examples?: unknown[]
  enum?: unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  pattern?: string
  format?: string
  minItems?: number
  maxItems?: number
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  required?: string[]
  additionalProperties?: JsonSchema | false
  anyOf?: JsonSchema[]
  oneOf?: JsonSchema[]
}

export const SCHEMA_PATH = fromRoot('schema', 'udp-dsr.schema.json')

/** The schema of the config as editors take it: draft 7, which they all know. */
export function jsonSchema(): JsonSchema {
  // What is written, not what comes of it: keys with a default may be left out.
  const schema = z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) as JsonSchema
  return {
    title: 'udp-dsr.toml',
    description: 'The config of a fleet of edges and backends: docs/config.md.',
    ...schema,
  }
}

/** The text of schema/udp-dsr.schema.json. */
export function generateSchema(): string {
  return formatted(SCHEMA_PATH, JSON.stringify(jsonSchema()))
}
