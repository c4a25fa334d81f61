import { readFileSync, writeFileSync } from 'node:fs'
import { fromRoot } from './project.mjs'

/**
 * The lockfile names the binaries of every platform, so that `npm ci` works on all of them. npm leaves some out when it
 * writes the file where node_modules is there already (npm/cli#4828) or where the registry lacks them, and then
 * `npm ci` refuses the file on every machine.
 */
const path = fromRoot('package-lock.json')

export const readLockfile = () => JSON.parse(readFileSync(path, 'utf8'))

/** Optional packages that a locked package wants and that have no entry: `{ place, name, version, dev }`. */
export function missingPackages(lockfile) {
  const missing = new Map()
  for (const [place, entry] of Object.entries(lockfile.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (isLocked(lockfile.packages, place, name)) continue
      const target = place.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '$1').concat(`node_modules/${name}`)
      missing.set(target, { place: target, name, version, dev: entry.dev === true })
    }
  }
  return [...missing.values()]
}

/** Whether Node's look-up of `name` from `place`, upwards from folder to folder, finds an entry. */
function isLocked(packages, place, name) {
  const folders = place.split(/\/?node_modules\//)
  for (let depth = folders.length; depth > 0; depth--) {
    const above = folders.slice(0, depth).join('/node_modules/')
    if (packages[`${above}${above && '/'}node_modules/${name}`.replace(/^\//, '')]) return true
  }
  return false
}

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64']

/** Adds the missing entries, with the platform that their names tell. Returns how many there were. */
export function completeLockfile() {
  const lockfile = readLockfile()
  const missing = missingPackages(lockfile)
  for (const { place, name, version, dev } of missing) {
    const words = name.split(/[/-]/)
    const os = words.find((word) => SYSTEMS.includes(word))
    const cpu = words.find((word) => PROCESSORS.includes(word))
    if (!os || !cpu || !/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name}@${version}: cannot tell its platform`)
    const libc = os !== 'linux' ? undefined : words.includes('musl') ? 'musl' : 'glibc'
    lockfile.packages[place] = {
      version,
      cpu: [cpu],
      ...(dev && { dev }),
      ...(libc && { libc: [libc] }),
      optional: true,
      os: [os],
    }
  }
  const sorted = Object.entries(lockfile.packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  lockfile.packages = Object.fromEntries(sorted)
  if (missing.length > 0) writeFileSync(path, `${JSON.stringify(lockfile, undefined, 2)}\n`)
  return missing.length
}
