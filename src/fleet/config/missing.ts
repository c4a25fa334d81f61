import type { ConfigError } from '../../errors.js'
import type { FleetConfig } from './fleet-config.js'
import { Problems } from './problems.js'
import { sourceOf } from './source.js'

/** What is not there, and is wanted now. */
export function missingFrom(
  config: FleetConfig,
  key: keyof FleetConfig,
  expected: string,
  remedy: string,
): ConfigError {
  const problems = new Problems(sourceOf(config))
  problems.add({ kind: 'missing', path: [key], expected, remedy })
  return problems.error()
}
