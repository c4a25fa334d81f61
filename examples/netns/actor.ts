import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Namespace } from './namespace.js'

/** What a process in a namespace can be asked to do. Arguments and results are what JSON can say. */
// biome-ignore lint/suspicious/noExplicitAny: any function will do
export type Part = Record<string, (...args: any[]) => unknown>

interface Request {
  id: number
  name: string
  args: unknown[]
}

type Answer = { id: number } & ({ result: unknown } | { error: { message: string; code?: string | undefined } })

/** A process in a namespace that does what it is asked, until it is stopped or this process ends. */
export class Actor<P extends Part> {
  readonly #process: ChildProcess
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #count = 0

  /** @param script URL of a TypeScript file that calls `play` */
  constructor(namespace: Namespace, script: URL) {
    const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc']
    this.#process = namespace.spawn(process.execPath, ['--import', 'tsx', fileURLToPath(script)], { stdio })
    this.#process.on('message', (answer: Answer) => {
      const call = this.#calls.get(answer.id)!
      this.#calls.delete(answer.id)
      if ('error' in answer) call.reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }))
      else call.resolve(answer.result)
    })
    this.#process.once('exit', (code, signal) => {
      const error = new Error(`${fileURLToPath(script)} ended: ${signal ?? code}`)
      for (const { reject } of this.#calls.values()) reject(error)
    })
  }

  call<Name extends keyof P & string>(name: Name, ...args: Parameters<P[Name]>): Promise<Awaited<ReturnType<P[Name]>>> {
    const id = ++this.#count
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#process.send({ id, name, args } satisfies Request)
    })
  }

  /** Ends the process, at once and without a farewell. */
  kill(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) return resolve()
      this.#process.once('exit', () => resolve())
      this.#process.kill('SIGKILL')
    })
  }
}

/** The other side of an Actor: answers its calls, and ends with it. */
export function play(part: Part): void {
  process.on('message', async ({ id, name, args }: Request) => {
    try {
      process.send!({ id, result: (await part[name]!(...args)) ?? null } satisfies Answer)
    } catch (thrown) {
      const { message, stack, code } = thrown as NodeJS.ErrnoException
      process.send!({ id, error: { message: stack ?? message, code } } satisfies Answer)
    }
  })
  process.once('disconnect', () => process.exit())
}
