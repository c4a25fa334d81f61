import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache, filesBelow, fromRoot, hashFiles } from './project.mjs'
import { run } from './run.mjs'

const stamp = join(cache, 'dist-source-hash')

const sourceHash = () =>
  hashFiles([
    ...filesBelow(fromRoot('src')),
    ...['package.json', 'package-lock.json', 'tsconfig.json', 'tsup.config.ts'].map((name) => fromRoot(name)),
  ])

/** True when dist/ was built from exactly these sources. */
export function isTypeScriptFresh() {
  return existsSync(fromRoot('dist', 'index.d.ts')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceHash()
}

/** Builds dist/ with tsup. */
export async function buildTypeScript() {
  const hash = sourceHash()
  await run(process.execPath, [fromRoot('node_modules', 'tsup', 'dist', 'cli-default.js')])
  mkdirSync(cache, { recursive: true })
  writeFileSync(stamp, hash)
}
