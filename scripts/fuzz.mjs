// Runs the fuzzers (native/fuzz/*.cc) under libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
//
//   node scripts/fuzz.mjs [NAME ...] [--seconds=N]     default: all, 60 seconds each
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cache, fromRoot } from './lib/project.mjs'
import { run, show, step } from './lib/run.mjs'
import { findCommand } from './lib/system-packages.mjs'

/** Units of the addon that know neither N-API nor file descriptors: what a fuzzer may be linked with. */
const UNITS = ['cmsg.cc', 'sockaddr.cc']
const FLAGS = [
  '-std=c++20',
  '-g',
  '-O1',
  '-D_GNU_SOURCE',
  '-fsanitize=fuzzer,address,undefined',
  '-fno-sanitize-recover=all',
]

const folder = fromRoot('native', 'fuzz')
const all = readdirSync(folder)
  .filter((file) => file.endsWith('.cc'))
  .map((file) => file.slice(0, -'.cc'.length))

async function build(name) {
  const binary = join(cache, 'fuzz', name)
  mkdirSync(join(cache, 'fuzz'), { recursive: true })
  const clang = findCommand('clang++-14') ?? 'clang++'
  const sources = [join(folder, `${name}.cc`), ...UNITS.map((unit) => fromRoot('native', 'src', unit))]
  await run(clang, [...FLAGS, '-I', fromRoot('native', 'src'), ...sources, '-o', binary])
  return binary
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' } },
})
try {
  for (const name of positionals.length > 0 ? positionals : all) {
    if (!all.includes(name)) throw new Error(`No fuzzer '${name}': one of ${all.join(', ')}`)
    const binary = await step(`Building the fuzzer ${name}`, () => build(name))
    // What it finds worth keeping stays between runs, and so does an input that broke something.
    const corpus = join(cache, 'fuzz', `${name}-corpus`)
    const findings = join(cache, 'fuzz', `${name}-findings`)
    for (const path of [corpus, findings]) mkdirSync(path, { recursive: true })
    const options = [`-max_total_time=${values.seconds}`, `-artifact_prefix=${findings}/`, '-print_final_stats=1']
    if ((await show(binary, [...options, corpus])) !== 0) throw new Error(`Fuzzer ${name} found a fault (above)`)
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
