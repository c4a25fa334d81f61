// Makes the schema that editors use, the reference in docs/config.md and the types of the config from src/fleet/config/schema. test/fleet/config/generated.test.ts
// sees that all are up to date.
import { writeFileSync } from 'node:fs'
import { generateReference, REFERENCE_PATH } from './lib/config-reference.js'
import { generateSchema, SCHEMA_PATH } from './lib/config-schema.js'
import { generateTypes, TYPES_PATH } from './lib/config-types.js'

writeFileSync(TYPES_PATH, generateTypes())
writeFileSync(SCHEMA_PATH, generateSchema())
writeFileSync(REFERENCE_PATH, generateReference())
