import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** How a program ended, and what it printed. */
export interface Finished {
  /** Exit code; −1 when a signal ended it. */
  code: number
  stdout: string
  stderr: string
}

export interface CommandOptions {
  /** What the program reads from its standard input; nothing by default. */
  input?: string
  /** Milliseconds until it is killed, default 10 s. */
  timeout?: number
}

/** Administrators' programs, which an ordinary user's PATH may lack. */
const ADMIN_PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin']
const DEFAULT_TIMEOUT_MS = 10_000

/** Full path of a program, or undefined when it is not installed. */
export function findCommand(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...ADMIN_PATHS]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Processes that run, to be killed when this one ends. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Kills a child process when this process ends. */
export function watched<Child extends ChildProcess>(child: Child): Child {
  running.add(child)
  child.once('close', () => running.delete(child))
  return child
}

/** Runs a program to its end. Rejects only when it cannot be started. */
export function command(name: string, args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const { input, timeout = DEFAULT_TIMEOUT_MS } = options
  return new Promise((resolve, reject) => {
    const child = watched(spawn(findCommand(name) ?? name, args, { timeout, killSignal: 'SIGKILL' }))
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.stdin.on('error', () => {}) // it ended without reading everything
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
  })
}
