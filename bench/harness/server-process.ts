import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { track } from './processes.js'
import type { Server } from './servers.js'

const START_TIMEOUT_MS = 15_000
const STOP_TIMEOUT_MS = 3_000

/** A server that has said `ready PORT`, pinned to one core with all its threads. */
export class ServerProcess {
  private constructor(
    readonly server: Server,
    readonly pid: number,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(server: Server, core: number): Promise<ServerProcess> {
    const { NODE_OPTIONS: _, ...env } = process.env
    const child = track(
      spawn('taskset', ['-c', `${core}`, ...server.command()], {
        env: { ...env, ...server.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
    const port = await readyPort(child, server.title)
    return new ServerProcess(server, child.pid as number, port, child)
  }

  /** Resident memory, bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    return Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1]) * 1024
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exited = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    const impatience = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(impatience)
  }
}

/** Resolves with the port of the line `ready PORT`, rejects when the server ends or stays silent. */
function readyPort(child: ChildProcess, title: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let out = ''
    let problems = ''
    const give = (why: string): void => reject(new Error(`${title} ${why}${problems && `:\n${problems.trim()}`}`))
    const timeout = setTimeout(() => {
      child.kill('SIGKILL')
      give(`said nothing within ${START_TIMEOUT_MS / 1000} s`)
    }, START_TIMEOUT_MS)
    child.stderr?.on('data', (chunk) => {
      problems = (problems + chunk).slice(-4000)
    })
    child.stdout?.on('data', (chunk) => {
      out += chunk
      const port = /^ready (\d+)$/m.exec(out)?.[1]
      if (!port) return
      clearTimeout(timeout)
      resolve(Number(port))
    })
    child.once('error', (error) => {
      clearTimeout(timeout)
      give(`could not be started (${error.message})`)
    })
    child.once('exit', (code, signal) => {
      clearTimeout(timeout)
      give(`ended (${signal ?? code}) before it was ready`)
    })
  })
}
