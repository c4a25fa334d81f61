import { readFileSync } from 'node:fs'
import { expect, it, type TestContext } from 'vitest'
import { findCommand } from '../../examples/netns/index.js'
import { CLANG } from '../../scripts/lib/bpf.mjs'
import { dataPlaneSources, definitionPath, generateDefinition } from '../../scripts/lib/bpf-definition.mjs'
import { generateLayouts, LAYOUTS_PATH } from '../../scripts/lib/bpf-layouts.mjs'
import { generatePinFlows, PIN_FLOWS_PATH } from '../../scripts/lib/pin-flows.mjs'

// If one of these fails: npm run build:bpf

const needsCompiler = (context: TestContext) => {
  if (!findCommand(CLANG)) context.skip(`${CLANG} is not installed`)
}

const read = (path: string) => readFileSync(path, 'utf8')

it('the program that sockets load is the one in bpf/pin_flows.bpf.c', async (context) => {
  needsCompiler(context)
  expect(read(PIN_FLOWS_PATH)).toBe(await generatePinFlows())
})

it('the codecs are those of bpf/include/layouts.h', async (context) => {
  needsCompiler(context)
  expect(read(LAYOUTS_PATH)).toBe(await generateLayouts())
})

it.for(dataPlaneSources())('%s is what the library loads', async (source, context) => {
  needsCompiler(context)
  expect(read(definitionPath(source))).toBe(await generateDefinition(source))
})
