// Runs the addon's tests against a build with AddressSanitizer and UndefinedBehaviorSanitizer.
//
//   npm run test:asan -- [TEST FILE ...]     default: those that use the addon
//
// The build lies beside the ordinary one, in node_modules/.cache/udp-dsr/asan/; node-gyp-build takes the addon from
// there because UDP_DSR_PREBUILD says so.
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { nodeGyp } from './lib/native.mjs'
import { cache, filesBelow, fromRoot } from './lib/project.mjs'
import { run, show, step } from './lib/run.mjs'

/** What uses the addon, or parts of it. */
const TESTS = [
  'test/native',
  'test/lifetime',
  'test/socket',
  'test/ports/egress',
  'test/internal',
  'test/bpf/runtime',
].filter((folder) => filesBelow(fromRoot(folder)).length > 0)

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
    // Node leaves much to the system when it exits; test/lifetime/ looks for what is ours in it.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  }
}

try {
  await step('Building the addon with sanitizers', build)
  const env = await environment()
  const vitest = fromRoot('node_modules', 'vitest', 'vitest.mjs')
  const wanted = process.argv.slice(2)
  const tests = wanted.length > 0 ? wanted : TESTS
  process.exitCode = await show(process.execPath, [vitest, 'run', ...tests], { env })
  const verdict = process.exitCode === 0 ? 'no fault' : 'faults (above)'
  console.log(`\nAddressSanitizer, UndefinedBehaviorSanitizer: ${verdict} in ${tests.join(', ')}`)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
