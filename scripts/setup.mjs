// Brings a fresh checkout on a fresh Debian machine to a built tree: system packages, npm packages, native
// addon, TypeScript. Does what is not done yet and says nothing when all is. Plain Node, no dependencies: it
// runs before there is a node_modules.
//
//   node scripts/setup.mjs [demo | test | fuzz | bench]

import { areDependenciesInstalled, installDependencies } from './lib/dependencies.mjs'
import { withLock } from './lib/lock.mjs'
import { buildNative, isNativeFresh } from './lib/native.mjs'
import { step } from './lib/run.mjs'
import { installSystemPackages, PROFILES } from './lib/system-packages.mjs'
import { buildTypeScript, isTypeScriptFresh } from './lib/typescript.mjs'

/** First Node release that can `require()` an ES module, which package.json's `engines` promises. */
const MINIMUM_NODE = [20, 19]

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [wantMajor, wantMinor] = MINIMUM_NODE
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return
  throw new Error(`Node ${process.versions.node} is too old: ${MINIMUM_NODE.join('.')} or newer is needed.`)
}

async function setUp(profile) {
  checkNode()
  await installSystemPackages(profile)
  if (!areDependenciesInstalled()) await step('Installing npm packages (npm ci)', installDependencies)
  if (!isNativeFresh()) await step('Building the native addon', buildNative)
  if (!isTypeScriptFresh()) await step('Building TypeScript', buildTypeScript)
}

const profile = process.argv[2] ?? 'test'
if (!Object.hasOwn(PROFILES, profile)) {
  console.error(`Unknown profile '${profile}': one of ${Object.keys(PROFILES).join(', ')}`)
  process.exit(2)
}
try {
  await withLock(() => setUp(profile))
} catch (error) {
  console.error(
    `\nSet-up failed: ${error.message}\n\nOnce that is put right, run the same command again; it goes on where it stopped.`,
  )
  process.exitCode = 1
}
