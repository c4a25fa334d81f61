import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'

/**
 * The units of the addon that know no JavaScript, linked with the cases of this folder's `.cc` files under
 * AddressSanitizer and UndefinedBehaviorSanitizer. Each case runs in a process of its own, on loopback.
 */
const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const source = join(root, 'native', 'src')

const UNITS = ['batch_io.cc', 'cmsg.cc', 'error_queue.cc', 'sockaddr.cc', 'udp_tuple.cc']
const FLAGS = [
  ...['-std=c++20', '-O1', '-g', '-D_GNU_SOURCE', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'],
  ...['-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers', `-I${source}`, `-I${here}`],
]
/** The tests stand between the units and these calls. */
const LINK = ['-fsanitize=address,undefined', '-Wl,--wrap=recvmmsg,--wrap=sendmmsg,--wrap=connect']

const testFiles = readdirSync(here).filter((file) => file.endsWith('.cc'))
const sources = [...UNITS.map((file) => join(source, file)), ...testFiles.map((file) => join(here, file))]
const cases = testFiles.flatMap((file) =>
  [...readFileSync(join(here, file), 'utf8').matchAll(/^TEST\((\w+)\)/gm)].map(([, name]) => name!),
)

// A sanitizer that was loaded into this process (npm run test:asan) is not meant for the compiler.
const { LD_PRELOAD: _preloaded, ...env } = process.env

/** Binary for exactly these sources; what did not change is not compiled again. */
async function build(): Promise<string> {
  const hash = createHash('sha256').update(FLAGS.join() + LINK.join())
  const headers = [source, here].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.h'))
      .map((file) => join(folder, file)),
  )
  for (const file of [...sources, ...headers]) hash.update(readFileSync(file))
  const cache = join(root, 'node_modules', '.cache', 'udp-dsr', 'native-test')
  const binary = join(cache, hash.digest('hex').slice(0, 16))
  if (existsSync(binary)) return binary

  const folder = `${binary}-${process.pid}`
  mkdirSync(folder, { recursive: true })
  try {
    const object = (file: string) => join(folder, `${basename(file)}.o`)
    const left = [...sources]
    const compile = async () => {
      for (let file = left.pop(); file !== undefined; file = left.pop()) {
        await run('g++', [...FLAGS, '-c', file, '-o', object(file)], { env })
      }
    }
    await Promise.all([compile(), compile()])
    const linked = join(folder, 'native_tests')
    await run('g++', [...sources.map(object), ...LINK, '-o', linked], { env })
    renameSync(linked, binary) // at once: another process may be building the same
  } finally {
    rmSync(folder, { recursive: true })
  }
  return binary
}

describe('native units', () => {
  let binary: string

  beforeAll(async () => {
    binary = await build()
  }, 180_000)

  it('has every case that the sources show', async () => {
    const { stdout } = await run(binary, ['--list'], { env })
    expect(stdout.trim().split('\n').sort()).toEqual([...cases].sort())
  })

  it.each(cases)('%s', async (name) => {
    await run(binary, [name], { env })
  })
})
