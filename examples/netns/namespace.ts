import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { type CommandOptions, command, type Finished, findCommand, watched } from './command.js'

/** One end of a cable. */
export interface Port {
  namespace: Namespace
  /** Name of the interface, at most 15 characters. */
  device: string
}

/** Where ip-netns(8) keeps named namespaces. */
const FOLDER = '/run/netns'
const PREFIX = 'udp-dsr'

/**
 * Settings of a new namespace. Addresses are usable at once (no duplicate address detection), and the kernel's own
 * defaults for what a distribution may have changed in the host's namespace.
 */
const SYSCTLS = {
  'net.ipv6.conf.all.disable_ipv6': 0,
  'net.ipv6.conf.default.disable_ipv6': 0,
  'net.ipv6.conf.all.accept_dad': 0,
  'net.ipv6.conf.default.accept_dad': 0,
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
}

const alive = new Set<Namespace>()
let made = 0

/** Why no namespace can be made here, or undefined when one can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  if (findCommand('ip') === undefined) return 'network namespaces need the program ip (package iproute2)'
  return undefined
}

/** A network namespace with a name of its own, so that many test runs can go on side by side. */
export class Namespace {
  readonly name: string

  private constructor(name: string) {
    this.name = name
  }

  /**
   * Makes an empty namespace, its loopback up. It is removed with this process at the latest.
   *
   * @param label what it stands for; part of its name, for those who look with `ip netns`
   */
  static async create(label: string): Promise<Namespace> {
    if (made === 0) removeLeftovers()
    const namespace = new Namespace(`${PREFIX}-${process.pid}-${++made}-${label}`)
    await must('ip', ['netns', 'add', namespace.name])
    alive.add(namespace)
    await Promise.all([namespace.ip('link set lo up'), namespace.sysctl(SYSCTLS)])
    return namespace
  }

  /** Puts a veth pair between two namespaces, both ends up. */
  static async cable(a: Port, b: Port): Promise<void> {
    await a.namespace.ip(`link add ${a.device} type veth peer name ${b.device} netns ${b.namespace.name}`)
    await Promise.all([a, b].map(({ namespace, device }) => namespace.ip(`link set dev ${device} up`)))
  }

  /** Runs ip(8) commands, one a line. */
  async ip(commands: string): Promise<void> {
    const lines = commands.split('\n').map((line) => line.trim())
    await must('ip', ['-netns', this.name, '-batch', '-'], { input: `${lines.filter(Boolean).join('\n')}\n` })
  }

  /** Sets what sysctl(8) sets. */
  async sysctl(values: Record<string, number | string>): Promise<void> {
    // Not with sysctl: the program is not part of every minimal system.
    const lines = Object.entries(values).map(
      ([name, value]) => `echo ${value} > /proc/sys/${name.replaceAll('.', '/')}`,
    )
    await must(...this.#inside('sh', ['-e', '-c', lines.join('\n')]))
  }

  /** Runs a program to its end. */
  run(name: string, args: readonly string[], options?: CommandOptions): Promise<Finished> {
    return command(...this.#inside(name, args), options)
  }

  /** Starts a program; it is killed with this process at the latest. */
  spawn(name: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const [ip, all] = this.#inside(name, args)
    return watched(spawn(findCommand(ip) ?? ip, all, options))
  }

  /** Removes the namespace, with everything in it but processes. */
  remove(): void {
    if (alive.delete(this)) deleteNamespace(this.name)
  }

  #inside(name: string, args: readonly string[]): [string, string[]] {
    return ['ip', ['netns', 'exec', this.name, findCommand(name) ?? name, ...args]]
  }
}

process.on('exit', () => {
  for (const namespace of alive) namespace.remove()
})

/** Synchronous, because nothing else works in the last moments of a process. */
function deleteNamespace(name: string): void {
  spawnSync(findCommand('ip') ?? 'ip', ['netns', 'delete', name], { stdio: 'ignore' })
}

/** Removes what was left by processes that could not clean up (SIGKILL). */
function removeLeftovers(): void {
  if (!existsSync(FOLDER)) return
  for (const name of readdirSync(FOLDER)) {
    const pid = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) deleteNamespace(name)
  }
}

async function must(name: string, args: readonly string[], options?: CommandOptions): Promise<void> {
  const { code, stderr } = await command(name, args, options)
  if (code === 0) return
  throw new Error(`${[name, ...args].join(' ')}: exit code ${code}\n${options?.input ?? ''}${stderr}`)
}
