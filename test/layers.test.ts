import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** File, and what it wants to import. */
type Import = readonly [path: string, specifier: string]

const forbidden: readonly Import[] = [
  ['src/errors.ts', './net/ip.js'],
  ['src/errors/system.ts', '../net/ip.js'],
  ['src/net/ip.ts', '../errors.js'],
  ['src/net/ip.ts', '../socket/index.js'],
  ['src/internal/addon.ts', '../socket/index.js'],
  ['src/proxy/decode.ts', '../internal/addon.js'],
  ['src/proxy/decode.ts', '../socket/index.js'],
  ['src/pinning/ring.ts', '../socket/index.js'],
  ['src/ports/plan.ts', '../internal/addon.js'],
  ['src/ports/plan.ts', '../socket/index.js'],
  ['src/socket/batch.ts', '../bpf/index.js'],
  ['src/socket/deeper/batch.ts', '../../bpf/index.js'],
  ['src/socket/batch.ts', 'udp-dsr'],
  ['src/bpf/load.ts', '../forwarder/index.js'],
  ['src/discovery/dns.ts', '../internal/addon.js'],
  ['src/dsr/doctor.ts', '../forwarder/index.js'],
  ['src/forwarder/apply.ts', '../cli/main.js'],
]
const allowed: readonly Import[] = [
  ['src/errors.ts', './errors/system.js'],
  ['src/internal/addon.ts', '../errors.js'],
  ['src/socket/batch.ts', '../internal/addon.js'],
  ['src/socket/batch.ts', '../net/ip.js'],
  ['src/socket/batch.ts', '../proxy/scan.js'],
  ['src/socket/batch.ts', './paths.js'],
  ['src/ports/egress/connect.ts', '../../socket/index.js'],
  ['src/forwarder/apply.ts', '../bpf/index.js'],
  ['src/cli/main.ts', '../forwarder/index.js'],
]

/** A project of nothing but these imports, under the rules of this one. */
const project = mkdtempSync(join(tmpdir(), 'udp-dsr-layers-'))
/** `path:line` of each import that Biome refuses. */
let refused: Set<string>

const imports: readonly Import[] = [...forbidden, ...allowed]

/** Where an import is: files get one line for each of theirs. */
function place([path, specifier]: Import): string {
  const own = imports.filter((other) => other[0] === path)
  return `${path}:${own.findIndex((other) => other[1] === specifier) + 1}`
}

function writeProject(): void {
  const config = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'))
  writeFileSync(join(project, 'biome.json'), JSON.stringify({ ...config, $schema: undefined, vcs: undefined }))
  for (const path of new Set(imports.map(([path]) => path))) {
    mkdirSync(join(project, dirname(path)), { recursive: true })
    const lines = imports.filter((other) => other[0] === path).map(([, specifier]) => `import '${specifier}'\n`)
    writeFileSync(join(project, path), lines.join(''))
  }
}

function lint(): Promise<string> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const options = ['lint', '--only=style/noRestrictedImports', '--max-diagnostics=none', '--colors=off']
  return new Promise((resolve) => {
    execFile(process.execPath, [biome, ...options], { cwd: project }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
}

beforeAll(async () => {
  writeProject()
  const output = await lint()
  refused = new Set(
    [...output.matchAll(/(src\/[\w/.-]+:\d+):\d+ lint\/style\/noRestrictedImports/g)].map((m) => m[1] ?? ''),
  )
})
afterAll(() => rmSync(project, { recursive: true, force: true }))

describe('the layers that biome.json enforces', () => {
  test.each(forbidden)('%s may not import %s', (...wanted) => {
    expect(refused).toContain(place(wanted))
  })

  test.each(allowed)('%s may import %s', (...wanted) => {
    expect(refused).not.toContain(place(wanted))
  })
})
