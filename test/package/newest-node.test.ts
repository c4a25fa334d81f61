import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { root } from './consumer.js'
import { nodeBinary } from './node-versions.js'

test('the newest Node: the comparison with its dgram, which can more', async () => {
  const node = await nodeBinary('latest')
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', 'test/socket/dgram']
  const { stdout } = await promisify(execFile)(node, args, { cwd: root, maxBuffer: 2 ** 25 }).catch(
    (failed: { stdout: string }) => failed, // what failed is in the report
  )
  const report = JSON.parse(stdout.slice(stdout.indexOf('{')))
  const results: { title: string; status: string; failureMessages: string[] }[] = report.testResults.flatMap(
    ({ assertionResults }: { assertionResults: unknown }) => assertionResults,
  )
  expect(results.filter(({ status }) => status !== 'passed')).toEqual([])
  expect(report.success).toBe(true)
  expect(results.map(({ title }) => title)).toContain('bind at once, and tell later') // bindSync
}, 120_000)
