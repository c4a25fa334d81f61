// Runs tests of the addon against a build with AddressSanitizer and UndefinedBehaviorSanitizer.
//
//   node scripts/asan.mjs [TEST FILE ...]          default: the tests below that use the addon
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { nodeGyp } from './lib/native.mjs'
import { cache, fromRoot } from './lib/project.mjs'
import { run, show, step } from './lib/run.mjs'

const TESTS = ['test/internal', 'test/socket']

/** A copy of the tree, because the addon that the loader finds is the one beside the sources. */
const tree = join(cache, 'asan')

function copyTree() {
  mkdirSync(tree, { recursive: true })
  // native/build stays: what has not changed is not compiled again.
  for (const part of ['src', 'test', 'examples', 'docs', 'package.json', 'tsconfig.json', 'vitest.config.ts'])
    copy(part)
  for (const part of ['src', 'compat', 'binding.gyp']) copy(join('native', part))
  if (!existsSync(join(tree, 'node_modules'))) symlinkSync(fromRoot('node_modules'), join(tree, 'node_modules'))
}

function copy(part) {
  rmSync(join(tree, part), { recursive: true, force: true })
  cpSync(fromRoot(part), join(tree, part), { recursive: true, preserveTimestamps: true })
}

/** Path of a runtime library of the compiler that built the addon. */
async function runtimeLibrary(name) {
  return (await run('g++', [`-print-file-name=${name}`])).trim()
}

try {
  copyTree()
  await step('Building the addon with sanitizers', () => nodeGyp(join(tree, 'native'), ['-Dsanitize=1']))
  const env = {
    ...process.env,
    // Node itself is not instrumented, so the runtime has to be there before it.
    LD_PRELOAD: [await runtimeLibrary('libasan.so'), await runtimeLibrary('libubsan.so')].join(' '),
    // Node leaves memory to the system when it exits; leaks are tested by counting (test/socket).
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    UDP_DSR_ASAN: '1',
  }
  const vitest = fromRoot('node_modules', 'vitest', 'vitest.mjs')
  const wanted = process.argv.slice(2)
  const tests = wanted.length > 0 ? wanted : TESTS
  process.exitCode = await show(process.execPath, [vitest, 'run', ...tests], { cwd: tree, env })
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
