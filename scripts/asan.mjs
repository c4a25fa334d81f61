// Runs the addon's tests against a build with AddressSanitizer and UndefinedBehaviorSanitizer.
//
//   npm run test:asan -- [TEST FILE ...]     default: the tests below, and a hunt for leaks
//
// The build lies beside the ordinary one, in node_modules/.cache/udp-dsr/asan/; node-gyp-build takes the addon from
// there because UDP_DSR_PREBUILD says so.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { nodeGyp } from './lib/native.mjs'
import { cache, filesBelow, fromRoot } from './lib/project.mjs'
import { run, show, step } from './lib/run.mjs'

/** What uses the addon, or parts of it. */
const TESTS = ['test/native', 'test/lifetime', 'test/socket', 'test/internal'].filter(
  (folder) => filesBelow(fromRoot(folder)).length > 0,
)

/** A program that does everything a few times and then ends by itself, so that nothing of the addon may be left. */
const LEAK_PROGRAM = ['test', 'lifetime', 'fixtures', 'everything.ts']

const native = join(cache, 'asan', 'native')

async function build() {
  mkdirSync(native, { recursive: true })
  // native/build stays: what has not changed is not compiled again.
  for (const part of ['src', 'compat', 'binding.gyp']) {
    rmSync(join(native, part), { recursive: true, force: true })
    cpSync(fromRoot('native', part), join(native, part), { recursive: true, preserveTimestamps: true })
  }
  await nodeGyp(native, ['-Dsanitize=1'])
}

/** Path of a runtime library of the compiler that built the addon. */
async function runtimeLibrary(name) {
  return (await run('g++', [`-print-file-name=${name}`])).trim()
}

async function environment() {
  return {
    ...process.env,
    UDP_DSR_PREBUILD: native,
    // For tests that would take too long here, or that measure memory, of which a sanitizer takes its own.
    UDP_DSR_ASAN: '1',
    // Node itself is not instrumented, so the runtime has to be there before it.
    LD_PRELOAD: [await runtimeLibrary('libasan.so'), await runtimeLibrary('libubsan.so')].join(' '),
    // Node leaves memory to the system when it exits; see findLeaks().
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  }
}

/**
 * Leaks of the addon, as LeakSanitizer describes them. It also finds much that Node, V8 and the libraries below them
 * never free, so only what the addon itself allocated counts: its frame comes right behind the allocator's.
 */
async function findLeaks(env) {
  const folder = join(cache, 'asan', 'leaks')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const program = fromRoot(...LEAK_PROGRAM)
  await run(process.execPath, ['--expose-gc', '--import', 'tsx', program], {
    env: { ...env, ASAN_OPTIONS: `detect_leaks=1:exitcode=0:abort_on_error=0:log_path=${join(folder, 'report')}` },
  })
  const reports = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'))
  if (reports.length === 0) throw new Error('LeakSanitizer wrote no report, not even about Node')
  const leaks = reports.flatMap((report) => report.split('\n\n')).filter((text) => /leak of \d+ byte/.test(text))
  return leaks.filter((leak) => /^\s*#1 .*udp_dsr\.node/m.test(leak))
}

try {
  await step('Building the addon with sanitizers', build)
  const env = await environment()
  const vitest = fromRoot('node_modules', 'vitest', 'vitest.mjs')
  const wanted = process.argv.slice(2)
  const tests = wanted.length > 0 ? wanted : TESTS
  const failed = []
  if ((await show(process.execPath, [vitest, 'run', ...tests], { env })) !== 0) failed.push('tests (above)')
  if (wanted.length === 0) {
    const leaks = await step('Looking for leaks of the addon', () => findLeaks(env))
    if (leaks.length > 0) failed.push(`${leaks.length} leaks:\n\n${leaks.join('\n\n')}`)
  }
  console.log(failed.length === 0 ? `\nSanitizers: no fault in ${tests.join(', ')}` : `\nFailed: ${failed.join('\n')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
