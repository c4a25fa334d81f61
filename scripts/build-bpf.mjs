// Compiles the BPF programs that sockets load, into TypeScript: no compiler is needed where the library is used.
// test/bpf/generated.test.ts sees that the result is up to date.
import { writeFileSync } from 'node:fs'
import { generatePinFlows, PIN_FLOWS_PATH } from './lib/pin-flows.mjs'

try {
  writeFileSync(PIN_FLOWS_PATH, await generatePinFlows())
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
