import { missingPackages, readLockfile } from './lockfile.mjs'
import { fromRoot } from './project.mjs'
import { run } from './run.mjs'
import { findCommand } from './system-packages.mjs'

/** clang-format's output differs between versions: everybody uses Debian 12's. */
const CLANG_FORMAT = 'clang-format-14'

const node = (script, ...args) => run(process.execPath, [fromRoot('node_modules', ...script.split('/')), ...args])
const biome = (...args) => node('@biomejs/biome/bin/biome', ...args)

/** C and C++ files of this project. */
export async function cppFiles() {
  const listed = await run('git', ['ls-files', '-co', '--exclude-standard', '*.c', '*.cc', '*.h'])
  return listed.split('\n').filter(Boolean)
}

/** Runs clang-format over the C and C++ files; returns a reason when that is not possible. */
export async function clangFormat(...args) {
  const command = findCommand(CLANG_FORMAT)
  if (!command) return `${CLANG_FORMAT} is not installed`
  await run(command, [...args, ...(await cppFiles())])
}

async function checkLockfile() {
  const lockfile = readLockfile()
  const missing = missingPackages(lockfile)
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ')
    throw new Error(`npm left out ${names}: run \`node scripts/complete-lockfile.mjs\``)
  }
  if (Object.values(lockfile.packages).some((entry) => entry.resolved?.startsWith('http'))) {
    throw new Error('it has download addresses: `npm install --omit-lockfile-registry-resolved` leaves them out')
  }
}

/** What `npm run check` does. Each returns nothing when it passed, or the reason why it was skipped; throws when it failed. */
export const CHECKS = [
  { name: 'format (Biome)', run: () => biome('check', '--linter-enabled=false', '--error-on-warnings').then(() => {}) },
  { name: 'lint and layers (Biome)', run: () => biome('lint', '--error-on-warnings').then(() => {}) },
  { name: 'types (tsc)', run: () => node('typescript/bin/tsc', '--noEmit').then(() => {}) },
  { name: 'unused files, exports and dependencies (knip)', run: () => node('knip/bin/knip.js').then(() => {}) },
  { name: 'API documentation (TypeDoc)', run: () => node('typedoc/bin/typedoc', '--emit', 'none').then(() => {}) },
  { name: 'lockfile is complete and names no host', run: checkLockfile },
  { name: 'C and C++ format (clang-format)', run: () => clangFormat('--dry-run', '-Werror') },
]

/** Runs every check and prints a line for each. Returns the counts and what was skipped. */
export async function runChecks() {
  const result = { passed: 0, failed: 0, skipped: [] }
  for (const check of CHECKS) {
    try {
      const skipped = await check.run()
      if (skipped) result.skipped.push({ name: check.name, reason: skipped })
      else result.passed++
      console.log(skipped ? `- ${check.name}: skipped, ${skipped}` : `✓ ${check.name}`)
    } catch (error) {
      result.failed++
      console.log(`✗ ${check.name}\n${error.output || error.message}`)
    }
  }
  return result
}
