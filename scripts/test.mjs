// Everything that a change must keep: the checks, then all tests. The last line is the counts, alone.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runChecks } from './lib/checks.mjs'
import { cache, fromRoot } from './lib/project.mjs'
import { show } from './lib/run.mjs'

/** Runs vitest with these arguments. */
async function runTests(args) {
  const report = join(cache, 'test-report.json')
  mkdirSync(cache, { recursive: true })
  rmSync(report, { force: true })
  const vitest = fromRoot('node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', `--reporter=${fromRoot('scripts', 'lib', 'vitest-reporter.mjs')}`]
  const code = await show(process.execPath, [vitest, 'run', ...reporters, ...args], {
    env: { ...process.env, UDP_DSR_TEST_REPORT: report },
  })
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8'))
    // Exit codes know of failures that belong to no test.
    if (code !== 0 && counts.failed === 0) counts.failed = 1
    return counts
  } catch {
    console.log(`✗ vitest ended with exit code ${code} and no report`)
    return { passed: 0, failed: 1, skipped: [] }
  }
}

const add = (a, b) => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: [...a.skipped, ...b.skipped],
})

console.log('Checks\n')
let total = await runChecks()
const filters = process.argv.slice(2)
if (filters.length > 0) {
  total = add(total, await runTests(filters))
} else {
  total = add(total, await runTests(['--exclude=test/package/**']))
  // Alone: its compilers take both cores, and the others' deadlines with them.
  total = add(total, await runTests(['test/package']))
}

const { passed, failed, skipped } = total
// CI has everything, so there a skipped test is one that silently stopped testing.
const inCi = process.env.CI === 'true'

if (skipped.length > 0) console.log(inCi ? '\nSkipped (a failure in CI):' : '\nSkipped:')
for (const { name, reason } of skipped) console.log(`- ${name}: ${reason}`)

process.exitCode = failed > 0 || (inCi && skipped.length > 0) ? 1 : 0
console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`)
