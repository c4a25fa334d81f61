import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { findCommand } from '../../examples/netns/index.js'
import { CLANG } from '../../scripts/lib/bpf.mjs'
import { generatePinFlows, PIN_FLOWS_PATH } from '../../scripts/lib/pin-flows.mjs'

it('the program that sockets load is the one in bpf/pin_flows.bpf.c', async (context) => {
  if (!findCommand(CLANG)) context.skip(`${CLANG} is not installed`)
  // If this fails: npm run build:bpf
  expect(readFileSync(PIN_FLOWS_PATH, 'utf8')).toBe(await generatePinFlows())
})
