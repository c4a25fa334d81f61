import { execFile } from 'node:child_process'

/** Administrators' programs, which an ordinary user's PATH may lack. */
const ADMIN_PATHS = '/usr/local/sbin:/usr/sbin:/sbin'
const PATIENCE_MS = 10_000
/** A ruleset of a large cluster has some megabytes. */
const LARGEST_OUTPUT = 64 * 2 ** 20

/** What a program said, or why it said nothing. */
export type Told = { output: string } | { missing: string }

/**
 * Runs a program that only looks. Never throws: what is not installed, or may not look, is `missing`.
 *
 * @param from Debian package that has it
 */
export function ask(program: string, args: readonly string[], from: string): Promise<Told> {
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:${ADMIN_PATHS}`, LC_ALL: 'C' }
  return new Promise((resolve) => {
    execFile(program, args, { env, timeout: PATIENCE_MS, maxBuffer: LARGEST_OUTPUT }, (failure, stdout, stderr) => {
      if (failure === null) return resolve({ output: stdout })
      if (failure.code === 'ENOENT') return resolve({ missing: `${program} is not installed (package ${from})` })
      const said = stderr.trim().split('\n')[0] || failure.message
      resolve({ missing: `\`${[program, ...args].join(' ')}\` failed: ${said}` })
    })
  })
}
