import { spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { existsSync as exists, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { watched } from '../../../examples/netns/command.js'
import { findCommand } from '../../../examples/netns/index.js'

/** Proxies that tests start: their Debian packages, and how each runs in the foreground, as one process. */
const PROXIES = {
  haproxy: { packages: 'haproxy', args: (file: string, _folder: string) => ['-db', '-f', file] },
  // Its configuration must say `daemon off; master_process off;`, so that there is one process to end.
  nginx: {
    packages: 'nginx and libnginx-mod-stream',
    args: (file: string, folder: string) => ['-p', folder, '-e', 'stderr', '-c', file],
  },
  dnsdist: {
    packages: 'dnsdist',
    args: (file: string, _folder: string) => ['--supervised', '--disable-syslog', '-C', file],
  },
} as const

export type Proxy = keyof typeof PROXIES

/** Where Debian has nginx's stream module, which is a package of its own. */
export const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** Milliseconds that a proxy has until it listens. */
const PATIENCE_MS = 10_000
/** Another program may take a free port before the proxy does; then it is tried again with others. */
const ATTEMPTS = 3

/** Why a test with this proxy cannot run here, or undefined. */
export function whyNoProxy(proxy: Proxy): string | undefined {
  const present = findCommand(proxy) !== undefined && (proxy !== 'nginx' || exists(NGINX_STREAM_MODULE))
  return present ? undefined : `needs the program ${proxy} (Debian: ${PROXIES[proxy].packages})`
}

export interface Setup {
  /**
   * The text of the configuration file.
   *
   * @param folder an empty one for other files, removed with the test
   * @param ports free ones on 127.0.0.1, for TCP and for UDP
   */
  config(folder: string, ports: readonly [number, ...number[]]): string
  /** How many ports, default 1. It is ready when something listens on all of them. */
  ports?: number
  /** What it listens for, default TCP. */
  transport?: 'tcp' | 'udp'
}

export interface RunningProxy {
  /** The first of its ports. */
  port: number
  ports: readonly [number, ...number[]]
  /** What it has printed. */
  readonly output: string
}

/** Starts a proxy on free loopback ports; ready when it listens, ended with the test, whatever becomes of that. */
export async function startProxy(proxy: Proxy, setup: Setup): Promise<RunningProxy> {
  for (let attempt = 1; ; attempt++) {
    const running = await tryStart(proxy, setup)
    if (typeof running !== 'string') return running
    if (attempt === ATTEMPTS) throw new Error(`${proxy} did not start:\n${running}`)
  }
}

/** @returns what it printed when it ended or did not get ready */
async function tryStart(proxy: Proxy, setup: Setup): Promise<RunningProxy | string> {
  const folder = mkdtempSync(join(tmpdir(), `udp-dsr-${proxy}-`))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const ports = await freePorts(setup.ports ?? 1)
  const file = join(folder, `${proxy}.conf`)
  writeFileSync(file, `${setup.config(folder, ports)}\n`)

  const child = watched(
    spawn(findCommand(proxy) ?? proxy, PROXIES[proxy].args(file, folder), { stdio: ['ignore', 'pipe', 'pipe'] }),
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const ended = once(child, 'close')
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  onTestFinished(stop)

  const deadline = Date.now() + PATIENCE_MS
  while (!ports.every((port) => isListening(port, setup.transport ?? 'tcp'))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop()
      return output
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    port: ports[0],
    ports,
    get output() {
      return output
    },
  }
}

/** A port of 127.0.0.1 that was free for TCP and UDP a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const socket = dgram.createSocket('udp4')
    const free = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false))
      socket.bind(port, '127.0.0.1', () => resolve(true))
    })
    socket.close()
    server.close()
    await once(server, 'close')
    if (free) return port
  }
}

async function freePorts(count: number): Promise<readonly [number, ...number[]]> {
  const ports = new Set<number>()
  while (ports.size < count) ports.add(await freePort())
  return [...ports] as [number, ...number[]]
}

/** State of a listening TCP socket, and of an unconnected UDP socket, in /proc/net (include/net/tcp_states.h). */
const LISTENING = { tcp: '0A', udp: '07' } as const

/** Whether a socket of this host listens on the port. Does not connect: a proxy would carry that on to the server. */
function isListening(port: number, transport: 'tcp' | 'udp'): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return [transport, `${transport}6`].some((table) => {
    if (!exists(`/proc/net/${table}`)) return false
    const rows = readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1)
    return rows.some((row) => {
      const [, local, , state] = row.trim().split(/\s+/)
      return local?.endsWith(suffix) === true && state === LISTENING[transport]
    })
  })
}
