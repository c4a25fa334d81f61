// Compiles the BPF programs into TypeScript: no compiler is needed where the library is used. test/bpf/generated.test.ts
// sees that the result is up to date. With --objects it makes plain object files too, bpf/*.bpf.o, for `ip link` and `tc`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { dataPlaneSources, definitionPath, generateDefinition } from './lib/bpf-definition.mjs'
import { generateLayouts, LAYOUTS_PATH } from './lib/bpf-layouts.mjs'
import { buildObjects } from './lib/bpf-objects.mjs'
import { generatePinFlows, PIN_FLOWS_PATH } from './lib/pin-flows.mjs'

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

try {
  write(PIN_FLOWS_PATH, await generatePinFlows())
  write(LAYOUTS_PATH, await generateLayouts())
  for (const source of dataPlaneSources()) {
    write(definitionPath(source), await generateDefinition(source))
  }
  if (process.argv.includes('--objects')) await buildObjects()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
