import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const fixtures = [
  new URL('socket.ts', import.meta.url),
  new URL('proxy.ts', import.meta.url),
  new URL('ports.ts', import.meta.url),
].map((url) => fileURLToPath(url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** What every program that uses the library has in common. */
const common: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  paths: {
    'udp-dsr': [`${root}src/index.ts`],
    'udp-dsr/ports': [`${root}src/ports/index.ts`],
    'udp-dsr/proxy': [`${root}src/proxy/index.ts`],
  },
}

function complaints(options: ts.CompilerOptions): string[] {
  const program = ts.createProgram(fixtures, { ...common, ...options })
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const { line } = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0) ?? { line: 0 }
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
    return `${diagnostic.file?.fileName.slice(root.length)}:${line + 1} ${text}`
  })
}

describe('the types', () => {
  test('fit those of dgram, and are strict', () => {
    expect(complaints({})).toEqual([])
  }, 60_000)

  test('do so under the strictest settings', () => {
    const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noImplicitOverride: true }
    expect(complaints(strictest)).toEqual([])
  }, 60_000)

  test('do so for a bundler', () => {
    const bundler = { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }
    expect(complaints(bundler)).toEqual([])
  }, 60_000)
})
