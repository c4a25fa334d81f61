// What `npm pack` and `npm publish` need first: a fresh dist/, the BPF programs as plain object files, and fresh binaries.
//
//   node scripts/prepack.mjs [x64] [arm64]         default: both
import { buildObjects } from './lib/bpf-objects.mjs'
import { withLock } from './lib/lock.mjs'
import { ARCHITECTURES, buildPrebuild, isPrebuildFresh } from './lib/prebuild.mjs'
import { step } from './lib/run.mjs'
import { buildTypeScript, isTypeScriptFresh } from './lib/typescript.mjs'

const wanted = process.argv.slice(2)
try {
  await withLock(async () => {
    if (!isTypeScriptFresh()) await step('Building TypeScript', buildTypeScript)
    await step('Compiling the BPF programs', () => buildObjects())
    for (const arch of wanted.length > 0 ? wanted : ARCHITECTURES) {
      if (!isPrebuildFresh(arch)) await step(`Building the binary for linux-${arch}`, () => buildPrebuild(arch))
    }
  })
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
