import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache } from './project.mjs'
import { run, step } from './run.mjs'

/** Where `npm run bench:peers` puts the runtimes that the benchmark compares with. */
const folder = join(cache, 'bench-peers')

const NPM_PEERS = { bun: '@oven/bun-linux-x64', deno: '@deno/linux-x64-glibc' }

/** Installs Bun and Deno from npm. Their binaries lie in the packages themselves, so no install script is run. */
export async function installBenchPeers() {
  const missing = Object.values(NPM_PEERS).filter((name) => !existsSync(join(folder, 'node_modules', name)))
  if (missing.length === 0) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  await step(`Installing ${Object.keys(NPM_PEERS).join(' and ')} for the benchmark`, () =>
    run('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', ...missing]),
  )
}
