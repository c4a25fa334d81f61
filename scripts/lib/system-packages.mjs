import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { filesBelow } from './project.mjs'
import { run, step } from './run.mjs'
import { withoutServices } from './services.mjs'

/** Where administrators' programs are, which an ordinary user's PATH may lack. */
const ADMIN_PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** Full path of a program, or undefined. */
export function findCommand(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...ADMIN_PATHS]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const command = (name) => () => findCommand(name) !== undefined
const file = (folder, pattern) => () => filesBelow(folder).some((path) => pattern.test(path))

/**
 * What the project uses of the system: Debian package, how to see that it is there, what needs it; the service that the
 * package brings, which shall not run.
 */
const COMPILER = [
  { package: 'make', present: command('make'), for: 'building the native addon', required: true },
  { package: 'g++', present: command('g++'), for: 'building the native addon', required: true },
  { package: 'python3', present: command('python3'), for: 'building the native addon (node-gyp)', required: true },
]
const NAMESPACES = { package: 'iproute2', present: command('ip'), for: 'the parts in network namespaces' }
const ETHTOOL = { package: 'ethtool', present: command('ethtool'), for: 'the parts with an edge in network namespaces' }
const CLANG = { package: 'clang-14', present: command('clang-14'), for: 'BPF programs of tests and benchmarks' }
const NFTABLES = { package: 'nftables', present: command('nft'), for: 'firewall rules in tests and benchmarks' }
const ETCD = [
  { package: 'etcd-server', present: command('etcd'), service: 'etcd', for: 'tests with a real store (etcd)' },
  { package: 'etcd-client', present: command('etcdctl'), for: 'tests with a real store (etcd)' },
]
const CLIENTS = [
  { package: 'knot-dnsutils', present: command('kdig'), for: 'asking with a real client (kdig)' },
  { package: 'bind9-dnsutils', present: command('dig'), for: 'asking with a real client (dig)' },
  NAMESPACES,
  ETHTOOL,
]
const TESTS = [
  { package: 'git', present: command('git'), for: 'npm run check' },
  CLANG,
  { package: 'clang-format-14', present: command('clang-format-14'), for: 'npm run check' },
  { package: 'binutils', present: command('readelf'), for: 'checking the prebuilt binaries' },
  { package: 'g++-aarch64-linux-gnu', present: command('aarch64-linux-gnu-g++'), for: 'the arm64 prebuilt binary' },
  { package: 'qemu-user-static', present: command('qemu-aarch64-static'), for: 'loading the arm64 prebuilt binary' },
  { package: 'socat', present: command('socat'), for: 'tests with a real client (socat)' },
  { package: 'iperf3', present: command('iperf3'), for: 'tests with a real client (iperf3)' },
  { package: 'netcat-openbsd', present: command('nc.openbsd'), for: 'tests with a real client (nc)' },
  NFTABLES,
  { package: 'iptables', present: command('iptables'), for: 'tests of firewall rules (iptables)' },
  { package: 'ufw', present: command('ufw'), service: 'ufw', for: 'tests of firewall rules (ufw)' },
  { package: 'openssl', present: command('openssl'), for: 'tests with TLS' },
  { package: 'haproxy', present: command('haproxy'), service: 'haproxy', for: 'tests behind a real proxy (HAProxy)' },
  { package: 'nginx', present: command('nginx'), service: 'nginx', for: 'tests behind a real proxy (nginx)' },
  {
    package: 'libnginx-mod-stream',
    present: file('/usr/lib/nginx/modules', /ngx_stream_module\.so$/),
    for: 'tests behind a real proxy (nginx)',
  },
  { package: 'dnsdist', present: command('dnsdist'), service: 'dnsdist', for: 'tests behind a real proxy (dnsdist)' },
  { package: 'ngtcp2-client', present: command('gtlsclient'), for: 'tests with real QUIC (ngtcp2)' },
  {
    package: 'ngtcp2-server',
    present: command('gtlsserver'),
    service: 'ngtcp2d',
    for: 'tests with real QUIC (ngtcp2)',
  },
  ...ETCD,
  { package: 'coturn', present: command('turnserver'), service: 'coturn', for: 'tests with real STUN (coturn)' },
]
const FUZZING = [
  { package: 'clang-14', present: command('clang++-14'), for: 'npm run fuzz', required: true },
  {
    package: 'libclang-rt-14-dev',
    present: file('/usr/lib/llvm-14/lib/clang', /libclang_rt\.fuzzer-/),
    for: 'npm run fuzz',
    required: true,
  },
]
/** System packages by the command that is being prepared. */
export const PROFILES = {
  demo: [...COMPILER, ...CLIENTS],
  test: [...COMPILER, ...CLIENTS, ...TESTS],
  fuzz: [...COMPILER, ...FUZZING],
  bench: [...COMPILER, NAMESPACES, ETHTOOL, CLANG, NFTABLES, ...ETCD],
}

/**
 * Installs what is missing, as root on a Debian-like system. Elsewhere names what to install. Throws when
 * something is missing that nothing works without; the rest is told, and what needs it is skipped later.
 */
export async function installSystemPackages(profile) {
  const missing = () => PROFILES[profile].filter((need) => !need.present())
  if (missing().length === 0) return

  if (process.getuid?.() === 0 && findCommand('apt-get')) await aptInstall(missing())

  const still = missing()
  if (still.length === 0) return
  for (const need of still) {
    console.error(`• Missing system package ${need.package}: needed for ${need.for}${need.required ? '' : '; skipped'}`)
  }
  const hint = `apt-get install ${still.map((need) => need.package).join(' ')}`
  if (still.some((need) => need.required))
    throw new Error(`Install the missing packages as root, then try again:\n    ${hint}`)
  console.error(`  To have nothing skipped, as root: ${hint}`)
}

const APT_OPTIONS = ['-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']

async function aptInstall(needs) {
  const packages = needs.map((need) => need.package)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = (names) => run('apt-get', ['install', ...APT_OPTIONS, ...names], { env })
  try {
    await step('Reading the package lists (apt-get update)', () => run('apt-get', ['update', '-q'], { env }))
  } catch (error) {
    // Lists that are there already may be enough.
    console.error(`  ${error.message}`)
  }
  const services = needs.flatMap((need) => need.service ?? [])
  await withoutServices(services, async () => {
    try {
      await step(`Installing ${packages.join(' ')}`, () => install(packages))
    } catch {
      // One package that this release lacks must not keep out the others.
      console.error('  not all of them at once; trying one by one')
      for (const name of packages) {
        await step(`Installing ${name}`, () => install([name])).catch((error) => console.error(`  ${error.message}`))
      }
    }
  })
}
