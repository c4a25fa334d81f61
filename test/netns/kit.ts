import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach } from 'vitest'
import { findCommand, Namespace, whyNoNamespaces } from '../../examples/netns/index.js'
import type { Failure, Reply, Request } from './agent.js'
import type { Roles } from './roles/index.js'

const AGENT = fileURLToPath(new URL('./agent.ts', import.meta.url))

/** A host of a test: a namespace, and a process in it that plays roles. */
export class Host {
  readonly namespace: Namespace
  #agent: ChildProcess | undefined
  #calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  #count = 0

  constructor(namespace: Namespace) {
    this.namespace = namespace
  }

  /** Runs ip(8) commands, one a line. */
  ip(commands: string): Promise<void> {
    return this.namespace.ip(commands)
  }

  /** Plays a role (test/netns/roles/) on this host; resolves with what it returns. */
  call<Name extends keyof Roles>(
    role: Name,
    ...args: Parameters<Roles[Name]>
  ): Promise<Awaited<ReturnType<Roles[Name]>>> {
    this.#agent ??= this.#start()
    const id = ++this.#count
    const request: Request = { id, role, args }
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      this.#agent!.send(request)
    })
  }

  remove(): void {
    this.#agent?.kill('SIGKILL')
    this.namespace.remove()
  }

  #start(): ChildProcess {
    const stdio: ['ignore', 'inherit', 'inherit', 'ipc'] = ['ignore', 'inherit', 'inherit', 'ipc']
    const agent = this.namespace.spawn(process.execPath, ['--import', 'tsx', AGENT], { stdio })
    agent.on('message', (message: Reply | Failure) => {
      const call = this.#calls.get(message.id)!
      this.#calls.delete(message.id)
      if ('error' in message) call.reject(Object.assign(new Error(message.error.message), message.error))
      else call.resolve(message.result as never)
    })
    agent.once('exit', (code, signal) => {
      for (const { reject } of this.#calls.values()) reject(new Error(`the agent ended: ${signal ?? code}`))
    })
    return agent
  }
}

/** Hosts and cables that are removed after each test, or after all of them. */
export interface Net {
  /** Why there are none here; the tests are skipped then. */
  readonly missing: string | undefined
  /** Makes hosts; the names are for those who look with `ip netns`. */
  hosts<const Names extends readonly string[]>(...names: Names): Promise<{ [Index in keyof Names]: Host }>
  /** Puts a veth pair between two hosts, whose ends have these names. */
  cable(a: Host, deviceA: string, b: Host, deviceB: string): Promise<void>
}

/**
 * Hosts for the tests of a file or of a `describe`. Without root the tests are skipped.
 *
 * @param scope `'each'`: hosts live for one test; `'all'`: they are made in `beforeAll` and live for all of them
 */
export function useNet(scope: 'each' | 'all'): Net {
  const missing = whyNoNamespaces()
  const hosts: Host[] = []
  const clear = () => {
    for (const host of hosts.splice(0)) host.remove()
  }
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing)
  })
  if (scope === 'each') afterEach(clear)
  else afterAll(clear)
  return {
    missing,
    async hosts(...names) {
      const made = await Promise.all(names.map(async (name) => new Host(await Namespace.create(name))))
      hosts.push(...made)
      return made as never
    },
    cable: (a, deviceA, b, deviceB) =>
      Namespace.cable({ namespace: a.namespace, device: deviceA }, { namespace: b.namespace, device: deviceB }),
  }
}

/** Skips the tests of a file where a program that they need is not installed. */
export function usePrograms(...names: string[]): void {
  beforeEach((context) => {
    const missing = names.find((name) => findCommand(name) === undefined)
    if (missing !== undefined) context.skip(`the program ${missing} is not installed`)
  })
}
