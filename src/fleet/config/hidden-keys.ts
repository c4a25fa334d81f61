import type { Step } from './place.js'
import type { Problems } from './problems.js'

/** Tables and lists in one another that the schema has, and more. */
const DEEPEST = 8

/** The one key that zod passes over in silence, as it would change what the object is. */
const KEY = '__proto__'

/** Refuses what the schema does not see. */
export function refuseHiddenKeys(value: unknown, problems: Problems, path: readonly Step[] = []): void {
  if (value === null || typeof value !== 'object' || path.length > DEEPEST) return
  if (Array.isArray(value)) {
    for (const [i, element] of value.entries()) refuseHiddenKeys(element, problems, [...path, i])
    return
  }
  for (const [key, below] of Object.entries(value)) {
    if (key === KEY) {
      problems.add({
        kind: 'unknown-key',
        path: [...path, key],
        says: 'no name that can be used',
        expected: 'another name',
        remedy: 'Choose another one.',
        at: 'key',
      })
    } else refuseHiddenKeys(below, problems, [...path, key])
  }
}
