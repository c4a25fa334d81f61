// Builds the addon into native/build/Release.
import { withLock } from './lib/lock.mjs'
import { buildNative } from './lib/native.mjs'
import { step } from './lib/run.mjs'

try {
  await withLock(() => step('Building the native addon', buildNative))
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
