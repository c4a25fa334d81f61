// Builds dist/.
import { withLock } from './lib/lock.mjs'
import { step } from './lib/run.mjs'
import { buildTypeScript } from './lib/typescript.mjs'

try {
  await withLock(() => step('Building TypeScript', buildTypeScript))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
