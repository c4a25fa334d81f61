import type { z } from 'zod'
import { nearest } from '../../errors/nearest.js'
import type { Step } from './place.js'
import { quoted } from './place.js'
import { type Problems, proposal } from './problems.js'
import { KEY_SEPARATOR } from './schema/values.js'

type Issue = z.core.$ZodIssue

/** Adds what zod found. Messages of the schema are what is expected: schema/values.ts. */
export function addIssues(problems: Problems, issues: readonly Issue[]): void {
  const flat = issues.flatMap((issue) => flattened(issue, []))
  const meant = new Set(flat.flatMap(keysThatAreMeant))
  for (const issue of flat) {
    // One slip is one problem: the key that it was meant to be is not missing besides.
    if (isMissing(issue) && meant.has(JSON.stringify(issue.path))) continue
    addIssue(problems, issue)
  }
}

function addIssue(problems: Problems, issue: Issue): void {
  const path = issue.path as Step[]
  const expected = issue.message
  if (issue.code === 'unrecognized_keys') {
    const known = expected.split(KEY_SEPARATOR)
    for (const key of issue.keys) {
      const remedy = proposal(key, known) ?? `Known keys: ${expected}.`
      problems.add({
        kind: 'unknown-key',
        path: [...path, key],
        says: 'an unknown key',
        expected: `one of ${expected}`,
        remedy,
        at: 'key',
      })
    }
    return
  }
  if (issue.code === 'invalid_key') {
    const expected = issue.issues[0]?.message ?? issue.message
    problems.add({
      kind: 'value',
      path,
      says: `the key ${quoted(String(path.at(-1)))}`,
      expected,
      remedy: 'Choose another name.',
      at: 'key',
    })
    return
  }
  if (isMissing(issue)) {
    problems.add({ kind: 'missing', path, expected, remedy: `Add ${quoted(String(path.at(-1)))}.` })
    return
  }
  const words = [...expected.matchAll(/"([^"]+)"/g)].map(([, word]) => word!)
  problems.add({ kind: 'value', path, found: issue.input, expected, remedy: proposal(issue.input, words) ?? '' })
}

function isMissing(issue: Issue): boolean {
  return issue.input === undefined && issue.code !== 'unrecognized_keys' && issue.code !== 'invalid_key'
}

function keysThatAreMeant(issue: Issue): string[] {
  if (issue.code !== 'unrecognized_keys') return []
  const known = issue.message.split(KEY_SEPARATOR)
  return issue.keys.flatMap((key) => {
    const meant = nearest(key, known)
    return meant === undefined ? [] : [JSON.stringify([...issue.path, meant])]
  })
}

/**
 * What a union of forms says comes down to what the form says that was meant: of tables the one with the fewest faults, if the
 * value is a table.
 */
function flattened(issue: Issue, above: readonly PropertyKey[]): Issue[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const inside = issue.errors.filter((errors) =>
      errors.some((error) => error.path.length > 0 || error.code === 'unrecognized_keys'),
    )
    const best = inside.sort((a, b) => nearness(b) - nearness(a))[0]
    if (best !== undefined) return best.flatMap((error) => flattened(error, path))
    if (issue.discriminator !== undefined) {
      const input = (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator]
      return [{ ...issue, path, input }]
    }
  }
  return [{ ...issue, path }]
}

/** Forms of which a key is known, or nearly, come first. */
function nearness(errors: readonly Issue[]): number {
  return errors.some((error) => keysThatAreMeant(error).length > 0) ? 1 : -errors.length
}
