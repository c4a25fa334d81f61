import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

const BIOME = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')

/** A text of TypeScript as `npm run format` leaves it. */
export function formatted(path, text) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIOME, 'format', '--stdin-file-path', path], {
    input: text,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (status !== 0) throw new Error(`Biome cannot format what was made for ${path}:\n${stderr}`)
  return stdout
}
