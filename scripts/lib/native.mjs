import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesBelow, fromRoot, hashFiles } from './project.mjs'
import { run } from './run.mjs'

const built = fromRoot('native', 'build', 'Release', 'udp_dsr.node')
const stamp = fromRoot('native', 'build', 'source-hash')

/** A hash of everything that the addon is made from. */
export const nativeSourceHash = () =>
  hashFiles([
    ...['src', 'compat'].flatMap((folder) => filesBelow(fromRoot('native', folder))),
    fromRoot('native', 'binding.gyp'),
    fromRoot('node_modules', 'node-addon-api', 'package.json'),
  ])

/** Prefix of the headers that came with this Node (most packages of Node bring them), or undefined. */
export const headerPrefix = findHeaders(dirname(dirname(process.execPath)))

function findHeaders(prefix) {
  return existsSync(join(prefix, 'include', 'node', 'common.gypi')) ? prefix : undefined
}

/** True when the addon was built from exactly these sources. */
export function isNativeFresh() {
  return existsSync(built) && existsSync(stamp) && readFileSync(stamp, 'utf8') === nativeSourceHash()
}

/**
 * Runs node-gyp on the addon in `folder`. Headers that are there already spare it a download.
 * `gypOptions` go to gyp itself, e.g. `-Dsanitize=1`.
 */
export async function nodeGyp(folder, gypOptions = []) {
  const script = fromRoot('node_modules', 'node-gyp', 'bin', 'node-gyp.js')
  const options = ['-C', folder, '--loglevel=error', ...(headerPrefix ? [`--nodedir=${headerPrefix}`] : [])]
  await run(process.execPath, [script, 'configure', ...options, '--', ...gypOptions])
  await run(process.execPath, [script, 'build', ...options, '-j', 'max'])
}

/** Builds native/build/Release/udp_dsr.node; what has not changed is not compiled again. */
export async function buildNative() {
  const hash = nativeSourceHash()
  await nodeGyp(fromRoot('native'))
  writeFileSync(stamp, hash)
}
