import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const execute = promisify(execFile)

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Room for the output of npm and attw, in bytes. */
const MAX_OUTPUT = 64 * 1024 * 1024

/** Runs a program; its standard output. A failure has all that it printed in its message. */
export async function run(command: string, args: readonly string[], cwd = root): Promise<string> {
  try {
    const { stdout } = await execute(command, args, { cwd, maxBuffer: MAX_OUTPUT })
    return stdout
  } catch (cause) {
    const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed\n${stdout}\n${stderr}`, { cause })
  }
}

/** True when a program can be started. */
export function has(command: string): Promise<boolean> {
  return execute(command, ['--version']).then(
    () => true,
    () => false,
  )
}

/** A file of the tarball as npm tells it. */
interface PackedFile {
  path: string
  size: number
}

export interface Tarball {
  path: string
  files: PackedFile[]
  /** Bytes of the tarball, and of what it holds. */
  size: number
  unpackedSize: number
}

/** Builds what the package ships for `architectures` and packs it into `folder`. */
export async function pack(folder: string, architectures: readonly string[]): Promise<Tarball> {
  await run(process.execPath, ['scripts/prepack.mjs', ...architectures])
  const output = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder])
  const [packed] = JSON.parse(output) as (Omit<Tarball, 'path'> & { filename: string })[]
  if (!packed) throw new Error(`npm pack said nothing: ${output}`)
  return { ...packed, path: join(folder, packed.filename) }
}

/** An otherwise empty project, outside the repository, in which the tarball is installed without any script. */
export class Consumer {
  readonly folder = mkdtempSync(join(tmpdir(), 'udp-dsr-consumer-'))

  async install(...packages: string[]): Promise<void> {
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true }\n')
    cpSync(join(root, 'test/package/consumer'), this.folder, { recursive: true })
    await this.run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages])
  }

  run(command: string, args: readonly string[]): Promise<string> {
    return run(command, args, this.folder)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
