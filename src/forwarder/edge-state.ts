import { gunzipSync, gzipSync } from 'node:zlib'
import type { PinFolder } from '../bpf/index.js'
import { otherPins } from '../errors.js'
import type { ForwarderConfig } from './config.js'
import type { Run } from './run-pool.js'

/** What a change leaves behind: free once no packet can be under way with it. */
export interface Retired {
  chunks: Run[]
  serviceIndices: number[]
  serviceCounters: number[]
  poolIndices: number[]
  backendIndices: number[]
  backendCounters: number[]
}

/** A pool's table before, while somebody drains. */
export interface SavedPrevious {
  first: number
  /** Base64 of the slots. */
  slots: string
  until: number | undefined
}

/** Where in the maps of an edge things are: what the maps themselves do not say. */
export interface EdgeState {
  /** The last is a `struct backend` in hexadecimal digits. */
  backends: [name: string, index: number, counters: number, id: string, value: string][]
  counters: [name: string, index: number][]
  pools: [name: string, index: number, firstChunk: number, members: readonly number[], previous?: SavedPrevious][]
  services: [name: string, index: number, counters: number][]
  splits: [name: string, chunk: number][]
  retired: Retired
}

/** What is pinned beside the maps: the configuration that they follow, and where. */
export interface Manifest {
  config: ForwarderConfig
  state: EdgeState
}

const PIN = 'manifest'
/** Of what the maps hold and of the manifest. */
const VERSION = 1
/** The text repeats itself; more effort gains little. */
const COMPRESSION = 1

/** @throws BpfError ERR_BPF_INCOMPATIBLE when another version wrote it */
export function readManifest(folder: PinFolder): Manifest | undefined {
  const bytes = folder.read(PIN)
  if (bytes === undefined) return undefined
  const { version, ...manifest } = JSON.parse(gunzipSync(bytes).toString()) as Manifest & { version: number }
  if (version !== VERSION) throw otherPins(folder.path, `has version ${version} of what its maps hold, not ${VERSION}`)
  return manifest
}

/** A reader finds this manifest or the one before. */
export function writeManifest(folder: PinFolder, manifest: Manifest): void {
  folder.store(PIN, gzipSync(JSON.stringify({ version: VERSION, ...manifest }), { level: COMPRESSION }))
}

/** A configuration as it can be written down. */
export function writable(config: ForwarderConfig): ForwarderConfig {
  const { secret } = config
  return { ...config, secret: typeof secret === 'string' ? secret : Buffer.from(secret).toString('hex') }
}
