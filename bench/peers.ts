// `npm run bench:peers`: installs Bun, Deno and, where the system has or can get Go, the Go server. May be repeated.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { inBench } from './harness/paths.js'
import { bunBinary, denoBinary, goServer, peersDirectory } from './harness/peer-paths.js'

const GO_PACKAGES = ['golang-go', 'golang-golang-x-net-dev']
/** Where Debian puts the sources of Go libraries. */
const DEBIAN_GOPATH = '/usr/share/gocode'
const X_NET = `${DEBIAN_GOPATH}/src/golang.org/x/net/ipv4`

const say = (peer: string, what: string): void => console.log(`${peer.padEnd(5)} ${what}`)

function run(program: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options }).trim()
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string }
  return (stderr || message).trim().split('\n')[0] ?? ''
}

/** The package brings its binary in a package for each platform, so no install script needs to run. */
function installRuntime(name: string, binary: string): void {
  if (!existsSync(binary)) {
    writeFileSync(`${peersDirectory}/package.json`, '{ "private": true }\n')
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--loglevel=error']
    // Both, always: npm removes what is neither named nor saved.
    run('npm', ['install', ...quiet, 'bun', 'deno'], { cwd: peersDirectory })
  }
  if (!existsSync(binary)) throw new Error(`its package has no binary for ${process.platform} ${process.arch}`)
  say(
    name,
    `${run(binary, ['--version'])
      .split('\n')[0]
      ?.replace(/^deno /, '')} is installed`,
  )
}

function hasGo(): boolean {
  try {
    run('go', ['version'])
    return existsSync(X_NET)
  } catch {
    return false
  }
}

function installGo(): void {
  if (hasGo()) return
  if (process.getuid?.() !== 0)
    throw new Error(`needs Debian's ${GO_PACKAGES.join(' and ')}; run as root to install them`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  run('apt-get', ['update', '-qq'], { env })
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...GO_PACKAGES], { env })
}

function buildGoServer(): void {
  const source = inBench('servers/go/echo.go')
  if (existsSync(goServer) && statSync(goServer).mtimeMs > statSync(source).mtimeMs) {
    say('Go', 'server is built')
    return
  }
  installGo()
  // Without modules: x/net is Debian's, and nothing is downloaded.
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: DEBIAN_GOPATH,
    GOFLAGS: '',
    CGO_ENABLED: '0',
    GOCACHE: `${peersDirectory}/go-cache`,
  }
  run('go', ['build', '-o', goServer, source], { env })
  say('Go', `server built with ${run('go', ['version']).split(' ')[2]}`)
}

mkdirSync(peersDirectory, { recursive: true })
let failed = false
for (const [name, install] of [
  ['Bun', () => installRuntime('Bun', bunBinary)],
  ['Deno', () => installRuntime('Deno', denoBinary)],
  ['Go', buildGoServer],
] as const) {
  try {
    install()
  } catch (error) {
    failed = true
    say(name, `is not installed: ${firstLine(error)}`)
  }
}
process.exitCode = failed ? 1 : 0
