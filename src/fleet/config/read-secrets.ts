import { constants, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { quoted, type Step } from './place.js'
import type { Problems } from './problems.js'
import { Secret } from './secret.js'
import type { SecretSource } from './sections.js'

/** Where secrets are looked for. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths begin at. */
  readonly directory: string
  /** Whether everybody on this host can read the config's file. */
  readonly exposed: boolean
  /** Whether secrets are read, and files looked for. */
  readonly readSecrets: boolean
}

/** Bytes: what is longer is no secret, but the wrong file. */
const LONGEST_FILE = 65_536
/** Permission of everybody (inode(7)). */
const READABLE_BY_OTHERS = constants.S_IROTH

/**
 * Reads a secret from where it is. What cannot be read becomes a problem, what others can read a warning.
 *
 * @param path of its key
 * @param form what it must look like, and what fits after "must be"
 */
export function readSecret(
  path: readonly Step[],
  source: SecretSource,
  form: { readonly pattern: RegExp; readonly expected: string },
  around: Surroundings,
  problems: Problems,
): Secret | undefined {
  if (!around.readSecrets) return undefined
  if (typeof source === 'string') {
    if (around.exposed) warnOf(path, `in ${problems.source.file}, which everybody on this host can read`, problems)
    return new Secret(source)
  }
  const read =
    'file' in source ? fromFile(path, source.file, around, problems) : fromEnv(path, source.env, around, problems)
  if (read === undefined) return undefined
  if (form.pattern.test(read.value)) return new Secret(read.value)
  const says = `${read.from}, with text of ${read.value.length} characters`
  problems.add({
    kind: 'secret',
    path,
    says,
    expected: form.expected,
    remedy: 'White space at its ends does not count.',
  })
  return undefined
}

interface Found {
  value: string
  from: string
}

function fromEnv(path: readonly Step[], name: string, { env }: Surroundings, problems: Problems): Found | undefined {
  const value = env[name]?.trim()
  if (value) return { value, from: `the environment variable ${name}` }
  const says = `the environment variable ${name}, which is ${value === undefined ? 'not set' : 'empty'}`
  problems.add({
    kind: 'secret',
    path: [...path, 'env'],
    says,
    expected: 'one that is set',
    remedy: `Set ${name} where this program starts.`,
  })
  return undefined
}

function fromFile(
  path: readonly Step[],
  file: string,
  { directory }: Surroundings,
  problems: Problems,
): Found | undefined {
  const at = resolve(directory, file)
  const key = [...path, 'file']
  try {
    const status = statSync(at)
    if (!status.isFile() || status.size > LONGEST_FILE) {
      const says = `${quoted(at)}, which is ${status.isFile() ? `a file of ${status.size} bytes` : 'no file'}`
      problems.add({ kind: 'secret', path: key, says, expected: `a file of at most ${LONGEST_FILE} bytes`, remedy: '' })
      return undefined
    }
    if ((status.mode & READABLE_BY_OTHERS) !== 0)
      warnOf(key, `${quoted(at)}, which everybody on this host can read`, problems, `chmod o-r ${at}`)
    return { value: readFileSync(at, 'utf8').trim(), from: `the file ${quoted(at)}` }
  } catch (error) {
    problems.add(unreadable(key, at, error))
    return undefined
  }
}

function warnOf(path: readonly Step[], says: string, problems: Problems, command?: string): void {
  const remedy =
    command === undefined ? 'Move it to a file of its own, or take that permission away.' : `Run: ${command}.`
  problems.warn({ kind: 'exposed', path, says, expected: 'for its owner and group alone', remedy })
}

/**
 * A file that somebody else will read later, a private key for instance: whether it is there.
 *
 * @returns its absolute path
 */
export function checkReadable(path: readonly Step[], file: string, around: Surroundings, problems: Problems): string {
  const at = resolve(around.directory, file)
  if (!around.readSecrets) return at
  try {
    readFileSync(at)
  } catch (error) {
    problems.add(unreadable(path, at, error))
  }
  return at
}

function unreadable(path: readonly Step[], at: string, error: unknown) {
  const { code = String(error) } = error as NodeJS.ErrnoException
  return {
    kind: 'secret' as const,
    path,
    says: `${quoted(at)}, which cannot be read (${code})`,
    expected: 'a file that this program can read',
    remedy: code === 'ENOENT' ? 'Is the path right?' : 'See its permissions and those of its folders.',
  }
}
