// Makes the schema that editors use and the reference in docs/config.md from src/fleet/config/schema. test/fleet/config/generated.test.ts
// sees that both are up to date.
import { writeFileSync } from 'node:fs'
import { generateReference, REFERENCE_PATH } from './lib/config-reference.js'
import { generateSchema, SCHEMA_PATH } from './lib/config-schema.js'

writeFileSync(SCHEMA_PATH, generateSchema())
writeFileSync(REFERENCE_PATH, generateReference())
