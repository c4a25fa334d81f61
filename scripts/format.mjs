// Formats everything in place.
import { clangFormat } from './lib/checks.mjs'
import { fromRoot } from './lib/project.mjs'
import { run } from './lib/run.mjs'

try {
  await run(process.execPath, [
    fromRoot('node_modules', '@biomejs', 'biome', 'bin', 'biome'),
    'check',
    '--write',
    '--linter-enabled=false',
  ])
  const skipped = await clangFormat('-i')
  if (skipped) console.log(`C and C++ files: skipped, ${skipped}`)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
