import type { Step } from './place.js'

/** Whether a value must not be told: that of a secret, and not the path of the file that has it. */
export function isSecretPath(path: readonly Step[]): boolean {
  if (path[0] === 'secret') return path[1] !== 'file'
  return path[0] === 'discovery' && path[2] === 'password' && path[3] !== 'file'
}

/** What may be told of a secret. */
export function lengthOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'string') return `text of ${value.length} characters`
  if (Array.isArray(value)) return 'a list'
  return value !== null && typeof value === 'object' ? 'a table' : `of type ${typeof value}`
}
