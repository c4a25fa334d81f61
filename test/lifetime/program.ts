import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const FIXTURES = 'test/lifetime/fixtures'

/** Under sanitizers (npm run test:asan) everything takes longer, and memory is not what it is otherwise. */
export const underAsan = process.env.UDP_DSR_ASAN !== undefined

/** Milliseconds after which a program that still runs has hung. */
const HUNG = 60_000

/** How a program ended, and what it said. */
export interface Outcome {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  args?: readonly (string | number)[]
  /** Options of Node itself. */
  node?: readonly string[]
  /** Another Node than this one. */
  binary?: string
  env?: Record<string, string>
  /** Most open descriptors, as `ulimit -n` sets it. */
  descriptors?: number
  /** Called with what it printed first; may send it signals. */
  onOutput?: (kill: (signal: NodeJS.Signals) => void, text: string) => void
}

/** Runs a program of fixtures/ in a process of its own. */
export function run(name: string, options: RunOptions = {}): Promise<Outcome> {
  const program = join(compiled(), FIXTURES, `${name}.js`)
  const node = [...(options.node ?? []), program, ...(options.args ?? []).map(String)]
  const binary = options.binary ?? process.execPath
  const [command, args] =
    options.descriptors === undefined
      ? [binary, node]
      : ['/bin/sh', ['-c', `ulimit -n ${options.descriptors} && exec "$0" "$@"`, binary, ...node]]
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...options.env }
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (stdout === '') options.onOutput?.((signal) => child.kill(signal), text)
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const hung = setTimeout(() => {
      stderr += `still running after ${HUNG} ms\n`
      child.kill('SIGKILL')
    }, HUNG)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(hung)
      resolve({ code, signal, stdout, stderr })
    })
  })
}

/** Runs a program that must end well, and returns the object that its last line is. */
export async function report<T = Record<string, unknown>>(name: string, options: RunOptions = {}): Promise<T> {
  const { code, signal, stdout, stderr } = await run(name, options)
  if (code !== 0) throw new Error(`${name} ended with ${signal ?? `exit code ${code}`}\n${stdout}${stderr}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T
}

let folder: string | undefined

/**
 * The sources and the fixtures as JavaScript: starting a hundred workers, each of which compiles TypeScript first,
 * would take longer than all else. A package of its own, so that the loader finds the addon.
 */
function compiled(): string {
  folder ??= compile()
  return folder
}

function compile(): string {
  const files = ['src', FIXTURES].flatMap((part) =>
    readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(part, file)),
  )
  const sources = files.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  const hash = createHash('sha256')
  for (const { file, text } of sources) hash.update(`${file}\0${text}\0`)
  const cache = join(root, 'node_modules', '.cache', 'udp-dsr', 'lifetime')
  const target = join(cache, hash.digest('hex').slice(0, 16))
  if (existsSync(target)) return target

  const made = `${target}-${process.pid}`
  for (const { file, text } of sources) {
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
    })
    const out = join(made, file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(out), { recursive: true })
    writeFileSync(out, outputText)
  }
  writeFileSync(
    join(made, 'package.json'),
    '{ "name": "udp-dsr", "type": "module", "exports": { "./package.json": "./package.json" } }\n',
  )
  symlinkSync(join(root, 'native'), join(made, 'native'))
  try {
    renameSync(made, target) // at once: other test files compile the same
  } catch {
    rmSync(made, { recursive: true })
  }
  return target
}
