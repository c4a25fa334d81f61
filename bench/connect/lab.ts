import type { ChildProcess } from 'node:child_process'
import { Namespace } from '../../examples/netns/index.js'
import { benchmarkCores } from '../harness/machine.js'
import { nativeProgram } from '../harness/native.js'
import { track } from '../harness/processes.js'

/** Both ends of all connections, in a network namespace of the benchmark's own. */
export const SOURCE = '127.0.0.1'
export const DESTINATION = '127.0.0.2'
/** The local ports of the article: 56,512 of them. */
export const PORTS = { low: 9024, high: 65535 } as const

const READY_MS = 120_000

/** A network namespace with the article's port range, and what runs in it. */
export class Lab {
  readonly #cores = benchmarkCores()
  readonly #started: ChildProcess[] = []

  private constructor(readonly namespace: Namespace) {}

  static async open(): Promise<Lab> {
    const namespace = await Namespace.create('bench')
    await namespace.sysctl({
      'net.ipv4.ip_local_port_range': `${PORTS.low} ${PORTS.high}`,
      'net.core.somaxconn': 65535,
      // As many handshakes at once as the benchmark begins, without cookies.
      'net.ipv4.tcp_max_syn_backlog': 65535,
    })
    return new Lab(namespace)
  }

  /** The other side of the connections, on a core that it does not let sleep. Resolves with its port. */
  sink(...args: string[]): Promise<Background> {
    return this.background(this.#cores.server, nativeProgram('connect_sink'), args)
  }

  /** Holds so many per cent of the ports from the source to a port of the destination, asleep once it does. */
  filler(port: number, percent: number, order: string, way: string): Promise<Background> {
    const args = ['--hold', `${percent}`, '--order', order, '--way', way, ...this.route(port)]
    return this.background(this.#cores.load, nativeProgram('connect_ports'), args)
  }

  route(port: number): string[] {
    const { low, high } = PORTS
    return ['--from', SOURCE, '--to', `${DESTINATION}:${port}`, '--low', `${low}`, '--high', `${high}`]
  }

  /** Runs a program on the measured core to its end. @returns what it printed, line by line, as JSON */
  async measure(program: string, args: readonly string[]): Promise<unknown[]> {
    const child = this.start(this.#cores.load, program, args)
    let out = ''
    let problems = ''
    child.stdout?.on('data', (chunk) => {
      out += chunk
    })
    child.stderr?.on('data', (chunk) => {
      problems += chunk
    })
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed (${code}): ${problems.trim()}`)
    return out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }

  /** Starts a program that prints `ready NUMBER` and stays. */
  async background(core: number, program: string, args: readonly string[]): Promise<Background> {
    const child = this.start(core, program, args)
    const number = await new Promise<number>((resolve, reject) => {
      const why = (what: string) => reject(new Error(`${program} ${args.join(' ')}: ${what}`))
      const timeout = setTimeout(() => why(`not ready within ${READY_MS / 1000} s`), READY_MS)
      let out = ''
      let problems = ''
      child.stderr?.on('data', (chunk) => {
        problems += chunk
      })
      child.stdout?.on('data', (chunk) => {
        out += chunk
        const ready = /^ready (\d+)$/m.exec(out)?.[1]
        if (ready === undefined) return
        clearTimeout(timeout)
        resolve(Number(ready))
      })
      child.once('close', (code) => {
        clearTimeout(timeout)
        why(`ended (${code}) ${problems.trim()}`)
      })
    })
    return { number, child, stop: () => ended(child) }
  }

  start(core: number | undefined, program: string, args: readonly string[]): ChildProcess {
    const pinned = core === undefined ? [program, ...args] : ['taskset', '-c', `${core}`, program, ...args]
    const [name = '', ...rest] = pinned
    const { NODE_OPTIONS: _, ...env } = process.env
    const child = track(this.namespace.spawn(name, rest, { stdio: ['pipe', 'pipe', 'pipe'], env }))
    child.stdin?.on('error', () => {}) // it has ended
    this.#started.push(child)
    return child
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map(ended))
    this.namespace.remove()
  }
}

/** A program that stays until it is stopped. */
export interface Background {
  /** What it printed behind `ready`. */
  number: number
  child: ChildProcess
  stop(): Promise<void>
}

/** By the end of its input if it reads that (a filler, which gives back its ports first), else by SIGTERM. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.stdin?.end()
  const patience = setTimeout(() => child.kill('SIGTERM'), child.spawnargs.includes('--hold') ? 30_000 : 0)
  await exited
  clearTimeout(patience)
}
