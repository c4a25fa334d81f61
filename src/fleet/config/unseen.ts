import type { Step } from './place.js'
import type { Problems } from './problems.js'

/** Tables and lists in one another that the schema has, and more. */
const DEEPEST = 8

/** The one key that zod passes over in silence, as it would change what the object is. */
const KEY = '__proto__'

/** Refuses what the schema lets pass: a key that it does not see, and objects that are no tables, dates of TOML for instance. */
export function refuseUnseen(value: unknown, problems: Problems, path: readonly Step[] = []): void {
  if (value === null || typeof value !== 'object' || path.length > DEEPEST) return
  if (Array.isArray(value)) {
    for (const [i, element] of value.entries()) refuseUnseen(element, problems, [...path, i])
    return
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    if (!problems.concern(path)) problems.add({ kind: 'value', path, found: value, expected: 'a table', remedy: '' })
    return
  }
  for (const [key, below] of Object.entries(value)) {
    const at = [...path, key]
    if (key !== KEY) refuseUnseen(below, problems, at)
    else {
      const says = 'no name that can be used'
      problems.add({ kind: 'unknown-key', path: at, says, expected: '', remedy: 'Choose another one.', at: 'key' })
    }
  }
}
