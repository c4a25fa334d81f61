import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './consumer.js'

/** Outside git, and kept between runs: each is tens of megabytes. */
const CACHE = join(root, 'node_modules/.cache/udp-dsr/node-versions')

/**
 * Path of a Node binary of the given version range, from the npm packages that carry one.
 *
 * @param architecture as in `process.arch`
 */
export async function nodeBinary(range: string, architecture: string = process.arch): Promise<string> {
  const name = `node-linux-${architecture}`
  const folder = join(CACHE, `${name}-${range}`)
  const binary = join(folder, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    // --force: npm refuses a package for another architecture otherwise.
    await run('npm', ['install', '--force', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${range}`], folder)
  }
  return binary
}
