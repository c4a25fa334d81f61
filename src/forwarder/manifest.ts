import { gunzipSync, gzipSync } from 'node:zlib'
import type { PinFolder } from '../bpf/index.js'
import { otherPins } from '../errors.js'

const PIN = 'manifest'
/** The text of a large one repeats itself; more effort gains little. */
const COMPRESSION = 1

/**
 * Reads what is pinned beside maps, for the instance that takes them over.
 *
 * @param version of what the maps hold and of the manifest
 * @throws BpfError ERR_BPF_INCOMPATIBLE when another version wrote it
 */
export function readManifest<Manifest extends object>(folder: PinFolder, version: number): Manifest | undefined {
  const bytes = folder.read(PIN)
  if (bytes === undefined) return undefined
  const { version: its, ...manifest } = JSON.parse(gunzipSync(bytes).toString()) as Manifest & { version: number }
  if (its !== version) throw otherPins(folder.path, `has version ${its} of what its maps hold, not ${version}`)
  return manifest as unknown as Manifest
}

/** A reader finds this manifest or the one before. */
export function writeManifest(folder: PinFolder, version: number, manifest: object): void {
  folder.store(PIN, gzipSync(JSON.stringify({ version, ...manifest }), { level: COMPRESSION }))
}
