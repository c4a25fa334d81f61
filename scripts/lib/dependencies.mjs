import { existsSync, readFileSync } from 'node:fs'
import { fromRoot } from './project.mjs'
import { run } from './run.mjs'

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'))

/**
 * True when node_modules holds what package-lock.json asks for. Compares npm's own record of what it installed
 * (node_modules/.package-lock.json), which is absent after an installation that was cut short.
 */
export function areDependenciesInstalled() {
  const record = fromRoot('node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const installed = readJson(record).packages
  return Object.entries(readJson(fromRoot('package-lock.json')).packages).every(
    ([path, wanted]) => path === '' || wanted.optional || installed[path]?.version === wanted.version,
  )
}

/** `npm ci`. No package of ours needs an install script, so none is run. */
export function installDependencies() {
  return run('npm', ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'])
}
