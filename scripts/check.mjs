// Format, lint, layers, types, unused code.
import { runChecks } from './lib/checks.mjs'

const { failed } = await runChecks()
if (failed > 0) {
  console.log(`\n${failed} failed. \`npm run format\` puts the format right.`)
  process.exitCode = 1
}
