import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { command, findCommand, type Namespace, watched } from '../../examples/netns/index.js'

export function whyNoEtcd(): string | undefined {
  const missing = ['etcd', 'etcdctl'].find((name) => findCommand(name) === undefined)
  return missing && `no ${missing} (packages etcd-server, etcd-client)`
}

export interface ServerFiles {
  cert: string
  key: string
  ca: string
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
        ),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

export interface EtcdServersOptions {
  /** Members of the cluster, default 1. */
  count?: number
  tls?: ServerFiles
  /** Where it runs, and at which address of that host; default loopback. One member only. */
  at?: { namespace: Namespace; address: string }
}

/** An etcd on loopback or in a namespace, alone or as a cluster, whose members can be stopped and started again on their data. */
export class EtcdServers {
  readonly endpoints: readonly string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'udp-dsr-etcd-'))
  readonly #peers: readonly string[]
  readonly #tls: ServerFiles | undefined
  readonly #namespace: Namespace | undefined
  readonly #running: (ChildProcess | undefined)[] = []
  #user: string | undefined

  private constructor(clients: readonly number[], peers: readonly number[], { tls, at }: EtcdServersOptions) {
    const host = at?.address ?? '127.0.0.1'
    this.endpoints = clients.map((port) => `${tls ? 'https' : 'http'}://${host}:${port}`)
    this.#peers = peers.map((port) => `http://${host}:${port}`)
    this.#tls = tls
    this.#namespace = at?.namespace
  }

  static async start(options: EtcdServersOptions = {}): Promise<EtcdServers> {
    const { count = 1, at } = options
    const ports = at ? [2379, 2380] : await freePorts(2 * count)
    const servers = new EtcdServers(ports.slice(0, count), ports.slice(count), options)
    await Promise.all(servers.endpoints.map((_, i) => servers.startOne(i, { wait: false })))
    await Promise.all(servers.endpoints.map((_, i) => servers.#ready(i)))
    return servers
  }

  async startOne(i: number, { wait = true } = {}): Promise<void> {
    const endpoint = this.endpoints[i]!
    const peer = this.#peers[i]!
    const cluster = this.#peers.map((one, number) => `m${number}=${one}`).join(',')
    const args = [
      ...['--name', `m${i}`, '--data-dir', join(this.#folder, `m${i}`), '--log-level', 'error'],
      ...['--listen-client-urls', endpoint, '--advertise-client-urls', endpoint],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster],
      ...['--heartbeat-interval', '100', '--election-timeout', '1000'],
    ]
    if (this.#tls) args.push('--cert-file', this.#tls.cert, '--key-file', this.#tls.key)
    this.#running[i] =
      this.#namespace?.spawn('etcd', args, { stdio: 'ignore' }) ??
      watched(spawn(findCommand('etcd')!, args, { stdio: 'ignore' }))
    if (wait) await this.#ready(i)
  }

  /** As if its machine had gone. */
  async killOne(i: number): Promise<void> {
    const process = this.#running[i]
    this.#running[i] = undefined
    if (process === undefined) return
    const gone = new Promise((resolve) => process.once('exit', resolve))
    process.kill('SIGKILL')
    await gone
  }

  /** Starts those that were killed. */
  async startAll(): Promise<void> {
    await Promise.all(this.endpoints.map((_, i) => (this.#running[i] ? undefined : this.startOne(i))))
  }

  /** Lets it stand still, so that it neither answers nor hangs up. */
  freeze(i: number): void {
    this.#running[i]!.kill('SIGSTOP')
  }

  thaw(i: number): void {
    this.#running[i]!.kill('SIGCONT')
  }

  /** etcdctl with these arguments. @throws Error when it fails */
  async ctl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#ctl(args)
    if (code !== 0) throw new Error(`etcdctl ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** From now on etcdctl is this user. */
  become(user: string): void {
    this.#user = user
  }

  async remove(): Promise<void> {
    for (const process of this.#running) process?.kill('SIGCONT')
    await Promise.all(this.endpoints.map((_, i) => this.killOne(i)))
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #ctl(args: readonly string[], endpoints = this.endpoints.filter((_, i) => this.#running[i] !== undefined)) {
    const options = ['--endpoints', endpoints.join(','), '--command-timeout', '8s', '--dial-timeout', '2s']
    if (this.#tls) options.push('--cacert', this.#tls.ca)
    if (this.#user) options.push('--user', this.#user)
    const line = ['ETCDCTL_API=3', findCommand('etcdctl')!, ...options, ...args]
    return this.#namespace?.run('env', line) ?? command('env', line)
  }

  async #ready(i: number): Promise<void> {
    for (const until = Date.now() + 20_000; Date.now() < until; await sleep(50)) {
      const { code } = await this.#ctl(['endpoint', 'health'], [this.endpoints[i]!])
      if (code === 0) return
    }
    throw new Error(`etcd at ${this.endpoints[i]} does not come up`)
  }
}
