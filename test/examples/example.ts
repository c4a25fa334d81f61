import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A running example, started as its README says. */
export class Example {
  printed = ''
  /** What it printed to standard error. */
  complaints = ''
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown[]>

  /**
   * @param name of the file, below examples/
   * @param prefix a program that starts it
   */
  constructor(name: string, args: readonly string[] = [], prefix: readonly string[] = []) {
    const [program, ...all] = [...prefix, process.execPath, '--import', 'tsx', `examples/${name}`, ...args]
    this.#child = spawn(program!, all, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#ended = once(this.#child, 'close')
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.printed += text
    })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.complaints += text
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Waits until the output matches, and returns the match. Throws, with the output, when it ends or takes too long. */
  async says(pattern: RegExp, patience = 10_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + patience
    for (;;) {
      const match = pattern.exec(this.printed)
      if (match !== null) return match
      if (Date.now() > deadline || this.#child.exitCode !== null) {
        throw new Error(`did not say ${pattern}, but:\n${this.printed}${this.complaints}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Presses Ctrl-C; resolves with the exit code, or the signal when it died of that. */
  async interrupt(): Promise<unknown> {
    this.#child.kill('SIGINT')
    return this.ended()
  }

  /** Resolves with the exit code, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const [code, signal] = await this.#ended
    return code ?? signal
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
