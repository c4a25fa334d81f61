import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkElf, newestGlibc } from './elf.mjs'
import { headerPrefix, nativeSourceHash } from './native.mjs'
import { cache, fromRoot } from './project.mjs'
import { run } from './run.mjs'
import { findCommand } from './system-packages.mjs'

/** GNU triplets of the architectures that the package ships; the prefix of their compilers' names. */
const TRIPLETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

export const ARCHITECTURES = Object.keys(TRIPLETS)

/** Where the binary of `arch` goes: the place that node-gyp-build looks in. */
export const prebuildPath = (arch) => fromRoot('prebuilds', `linux-${arch}`, 'udp-dsr.glibc.node')

const stampPath = (arch) => join(cache, `prebuild-${arch}-source-hash`)

/** The compiler for `arch`, or undefined when it is not installed. */
export const compilerFor = (arch) => findCommand(`${TRIPLETS[arch]}-g++`)

/** True when the prebuilt binary was made from exactly these sources. */
export function isPrebuildFresh(arch) {
  const stamp = stampPath(arch)
  return existsSync(prebuildPath(arch)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === nativeSourceHash()
}

/** Builds prebuilds/linux-ARCH/ and checks the binary. Returns a line that describes it. */
export async function buildPrebuild(arch) {
  if (!compilerFor(arch)) {
    throw new Error(`No compiler for ${arch}: as root, apt-get install g++-${TRIPLETS[arch].replace('_', '-')}`)
  }
  const hash = nativeSourceHash()
  // In a copy: prebuildify cleans the build folder, and native/build is the developer's own.
  const native = join(cache, 'prebuild', arch, 'native')
  rmSync(native, { recursive: true, force: true })
  for (const part of ['src', 'compat', 'binding.gyp']) {
    cpSync(fromRoot('native', part), join(native, part), { recursive: true })
  }
  rmSync(dirname(prebuildPath(arch)), { recursive: true, force: true })

  const prebuildify = fromRoot('node_modules', 'prebuildify', 'bin.js')
  const options = ['--napi', '--strip', '--tag-libc', '--name', 'udp-dsr', '--platform', 'linux', '--arch', arch]
  const target = ['--target', process.versions.node]
  await run(process.execPath, [prebuildify, ...options, ...target, '--cwd', native, '--out', fromRoot()], {
    env: toolchain(arch),
  })

  const problems = await checkElf(prebuildPath(arch), arch)
  if (problems.length > 0) {
    throw new Error(`The binary for ${arch} is not fit to ship:\n${problems.map((line) => `    ${line}`).join('\n')}`)
  }
  mkdirSync(cache, { recursive: true })
  writeFileSync(stampPath(arch), hash)
  return `linux-${arch}: needs glibc ${await newestGlibc(prebuildPath(arch))} or newer`
}

/** Environment in which node-gyp and prebuildify use the (cross) compiler for `arch`. */
function toolchain(arch) {
  const tool = (name) => `${TRIPLETS[arch]}-${name}`
  return {
    ...process.env,
    CC: tool('gcc'),
    CXX: tool('g++'),
    AR: tool('ar'),
    PREBUILD_STRIP_BIN: tool('strip'),
    PREBUILD_NODE_GYP: fromRoot('node_modules', '.bin', 'node-gyp'),
    // node-gyp reads npm's settings from the environment. The headers do not depend on the architecture.
    ...(headerPrefix && { npm_config_nodedir: headerPrefix }),
  }
}
