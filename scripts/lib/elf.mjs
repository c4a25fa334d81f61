import { run } from './run.mjs'
import { findCommand } from './system-packages.mjs'

/** Libraries that every glibc system has; a prebuilt binary may need no other. */
const ALLOWED_LIBRARIES = /^(libc\.so\.6|libm\.so\.6|ld-linux-.*\.so\.\d)$/

/** Newest glibc whose symbols a prebuilt binary may need: Node 20's own minimum (BUILDING.md of Node 20). */
const NEWEST_GLIBC = [2, 28]

const MACHINES = { x64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' }

/** What is wrong with a prebuilt binary, as sentences; none when it is fit to ship. */
export async function checkElf(path, arch) {
  if (!findCommand('readelf')) return ['readelf is not installed (package binutils)']
  const read = (...options) => run('readelf', ['--wide', ...options, path], { env: { ...process.env, LC_ALL: 'C' } })
  const [header, dynamic, segments, symbols] = await Promise.all([
    read('--file-header'),
    read('--dynamic'),
    read('--program-headers'),
    read('--dyn-syms'),
  ])
  const problems = []

  if (!header.includes('ELF64')) problems.push('it is not a 64-bit ELF file')
  const machine = /Machine:\s+(.*)/.exec(header)?.[1]
  if (machine !== MACHINES[arch]) problems.push(`it is for ${machine}, not ${MACHINES[arch]}`)

  const libraries = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name)
  const foreign = libraries.filter((name) => !ALLOWED_LIBRARIES.test(name))
  if (foreign.length > 0) problems.push(`it needs ${foreign.join(', ')}`)

  // A loadable object without GNU_STACK asks for an executable stack, and so does one with the E flag (elf(5)).
  const stack = /GNU_STACK.*?\s([R ][W ][E ])\s/.exec(segments)?.[1]
  if (stack === undefined || stack.includes('E')) problems.push('it asks for an executable stack')

  const tooNew = glibcSymbols(symbols).filter(({ version }) => compare(version, NEWEST_GLIBC) > 0)
  if (tooNew.length > 0) {
    const names = tooNew.map(({ name, version }) => `${name} (glibc ${version.join('.')})`)
    problems.push(
      `it needs ${names.join(', ')}; glibc ${NEWEST_GLIBC.join('.')} must do. What the C++ runtime drags in is ` +
        'kept out by native/compat/runtime.cc.',
    )
  }
  return problems
}

/** The newest glibc that a binary needs symbols of, e.g. `2.17`. */
export async function newestGlibc(path) {
  const symbols = glibcSymbols(await run('readelf', ['--wide', '--dyn-syms', path]))
  const versions = symbols.map(({ version }) => version).sort(compare)
  return versions.at(-1)?.join('.') ?? 'none'
}

function glibcSymbols(text) {
  return [...text.matchAll(/(\w+)@GLIBC_(\d+(?:\.\d+)+)/g)].map(([, name, version]) => ({
    name,
    version: version.split('.').map(Number),
  }))
}

const compare = (a, b) => a[0] - b[0] || a[1] - b[1]
