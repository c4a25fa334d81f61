import { writeFileSync } from 'node:fs'

/**
 * Writes what `scripts/test.mjs` needs to the file that UDP_DSR_TEST_REPORT names: the counts, and why each
 * skipped test was skipped (which vitest's own JSON report leaves out).
 */
export default class CountsReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const report = { passed: 0, failed: unhandledErrors.length, skipped: [] }
    for (const module of modules) {
      // A file that could not be loaded has errors of its own and no tests.
      report.failed += module.errors().length
      for (const suite of module.children.allSuites()) report.failed += suite.errors().length
      for (const test of module.children.allTests()) count(report, test)
    }
    writeFileSync(process.env.UDP_DSR_TEST_REPORT, JSON.stringify(report))
  }
}

function count(report, test) {
  const result = test.result()
  if (result.state === 'passed') report.passed++
  else if (result.state === 'skipped')
    report.skipped.push({ name: test.fullName, reason: result.note ?? 'no reason given' })
  else report.failed++
}
