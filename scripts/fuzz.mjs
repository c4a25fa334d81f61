// Runs the fuzzers: those of native units (native/fuzz/*.cc) under libFuzzer, AddressSanitizer and
// UndefinedBehaviorSanitizer, and those of TypeScript (test/fuzz/*.ts), which are programs of their own.
//
//   npm run fuzz -- [SECONDS] [NAME ...]     default: all of them, 30 seconds each
//
// The seeds are in native/fuzz/corpus/ and test/vectors/; what a run finds worth keeping, and an input that broke something, stay
// in node_modules/.cache/udp-dsr/fuzz/.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cache, fromRoot } from './lib/project.mjs'
import { run, step } from './lib/run.mjs'
import { findCommand } from './lib/system-packages.mjs'

const DEFAULT_SECONDS = 30
/** Seconds that one input may take; they take microseconds. */
const INPUT_TIMEOUT = 10
/** Longest input in bytes: some hundred staged datagrams, some control messages. */
const MAX_LENGTH = 4096
/** Lines of a sanitizer's report that are worth reading. */
const REPORT_LINES = 40

const COMPILERS = ['clang++-14', 'clang++']
const FLAGS = [
  ...['-std=c++20', '-g', '-O1', '-D_GNU_SOURCE', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'],
  ...['-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers'],
]
/** Units of the addon that know no N-API. Those that make system calls get the fuzzer in the kernel's place. */
const UNITS = ['cmsg.cc', 'sockaddr.cc']
const BATCH_UNITS = ['batch_io.cc']
const BATCH_FLAGS = ['-Wl,--wrap=recvmmsg,--wrap=sendmmsg']

const folder = fromRoot('native', 'fuzz')
const namesIn = (path, ending) =>
  readdirSync(path)
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
const inTypeScript = namesIn(fromRoot('test', 'fuzz'), '.ts')
const all = [...namesIn(folder, '.cc'), ...inTypeScript]

function compiler() {
  const found = COMPILERS.map(findCommand).find(Boolean)
  if (found) return found
  throw new Error('No clang: on Debian 12, as root, apt-get install clang-14 libclang-rt-14-dev')
}

async function build(name) {
  const binary = join(cache, 'fuzz', name)
  mkdirSync(join(cache, 'fuzz'), { recursive: true })
  const isBatch = name.startsWith('batch_')
  const units = [...UNITS, ...(isBatch ? BATCH_UNITS : [])].map((unit) => fromRoot('native', 'src', unit))
  const include = ['-I', fromRoot('native', 'src')]
  const sources = [join(folder, `${name}.cc`), ...units]
  await run(compiler(), [...FLAGS, ...include, ...sources, ...(isBatch ? BATCH_FLAGS : []), '-o', binary])
  return binary
}

/** Where a fuzzer keeps what it finds worth keeping, and what broke something. */
function foldersOf(name) {
  const folders = ['corpus', 'findings'].map((kind) => join(cache, 'fuzz', `${name}-${kind}`))
  for (const path of folders) mkdirSync(path, { recursive: true })
  return folders
}

/** Runs one fuzzer in TypeScript, as `fuzz` does. */
async function fuzzTypeScript(name, seconds) {
  const program = ['--import', 'tsx', fromRoot('test', 'fuzz', `${name}.ts`)]
  try {
    const output = await run(process.execPath, [...program, `${seconds}`, ...foldersOf(name)])
    return output.trim().split('\n').at(-1)
  } catch (error) {
    const [, reproducer] = /Test unit written to (.+)/.exec(error.output ?? '') ?? []
    if (!reproducer) throw error
    const again = `node ${program.slice(0, -1).join(' ')} test/fuzz/${name}.ts ${reproducer}`
    const report = error.output.split('\n').slice(0, REPORT_LINES)
    throw new Error(
      `The fuzzer ${name} found a fault:\n\n${report.join('\n')}\n\nThe input is kept. Again:\n    ${again}`,
    )
  }
}

/** Runs one fuzzer; returns a line about what it did, or throws with its report and the input that broke it. */
async function fuzz(name, binary, seconds) {
  const [corpus, findings] = foldersOf(name)
  const seeds = [join(folder, 'corpus', name)].filter((path) => existsSync(path))
  const options = [
    ...[`-max_total_time=${seconds}`, `-timeout=${INPUT_TIMEOUT}`, `-max_len=${MAX_LENGTH}`, '-print_final_stats=1'],
    `-artifact_prefix=${findings}/`,
  ]
  try {
    return summary(await run(binary, [...options, corpus, ...seeds]))
  } catch (error) {
    const [, reproducer] = /Test unit written to (.+)/.exec(error.output ?? '') ?? []
    if (!reproducer) throw error
    const report = error.output.split('\n')
    const start = report.findIndex((line) => /ERROR: |runtime error: /.test(line))
    const lines = report.slice(Math.max(start, 0)).slice(0, REPORT_LINES)
    throw new Error(
      `The fuzzer ${name} found a fault:\n\n${lines.join('\n')}\n\nThe input is kept. Again:\n    ${binary} ${reproducer}`,
    )
  }
}

function summary(output) {
  const stat = (key) => Number(new RegExp(`^stat::${key}:\\s+(\\d+)`, 'm').exec(output)?.[1] ?? 0)
  const [, edges = '?', size = '?'] = /DONE\s+cov: (\d+).*corp: (\d+)/.exec(output) ?? []
  const runs = stat('number_of_executed_units').toLocaleString('en')
  const found = stat('new_units_added')
  return `${runs} inputs, ${edges} edges covered, corpus of ${size} (${found} new), no fault`
}

function parse(args) {
  const isNumber = /^[1-9][0-9]*$/.test(args[0] ?? '')
  const seconds = isNumber ? Number(args[0]) : DEFAULT_SECONDS
  const names = isNumber ? args.slice(1) : args
  const unknown = names.find((name) => !all.includes(name))
  if (unknown !== undefined) throw new Error(`No fuzzer '${unknown}'. There are: ${all.join(', ')}`)
  return { seconds, names: names.length > 0 ? names : all }
}

try {
  const { seconds, names } = parse(process.argv.slice(2))
  const lines = []
  for (const name of names) {
    const what = `Fuzzing ${name} for ${seconds} s`
    if (inTypeScript.includes(name)) {
      lines.push(`${name}: ${await step(what, () => fuzzTypeScript(name, seconds))}`)
      continue
    }
    const binary = await step(`Building the fuzzer ${name}`, () => build(name))
    lines.push(`${name}: ${await step(what, () => fuzz(name, binary, seconds))}`)
  }
  console.log(lines.join('\n'))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
