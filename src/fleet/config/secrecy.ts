import type { Step } from './place.js'

/** Keys whose values, and all that is in them where it is text, are never told. */
const SECRETS: readonly Step[] = ['secret', 'password']

/** Whether a value must not be told: that of a secret, not the path or name by which one is found. */
export function isSecretPath(path: readonly Step[]): boolean {
  const at = path.findIndex((step) => SECRETS.includes(step))
  if (at < 0) return false
  const within = path.slice(at + 1)
  return within.length !== 1 || within[0] !== 'file'
}

/** What may be told of a secret. */
export function lengthOf(value: unknown): string {
  if (value === undefined) return 'missing'
  if (typeof value === 'string') return `text of ${value.length} characters`
  if (Array.isArray(value)) return 'a list'
  return value !== null && typeof value === 'object' ? 'a table' : `of type ${typeof value}`
}
