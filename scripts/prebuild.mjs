// Builds the binaries that the package ships, into prebuilds/, and checks them.
//
//   node scripts/prebuild.mjs [x64] [arm64]        default: both
import { withLock } from './lib/lock.mjs'
import { ARCHITECTURES, buildPrebuild } from './lib/prebuild.mjs'
import { step } from './lib/run.mjs'

const wanted = process.argv.slice(2)
const unknown = wanted.filter((arch) => !ARCHITECTURES.includes(arch))
if (unknown.length > 0) {
  console.error(`Unknown architecture ${unknown.join(', ')}: one of ${ARCHITECTURES.join(', ')}`)
  process.exit(2)
}
try {
  await withLock(async () => {
    for (const arch of wanted.length > 0 ? wanted : ARCHITECTURES) {
      console.log(await step(`Building the binary for linux-${arch}`, () => buildPrebuild(arch)))
    }
  })
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
