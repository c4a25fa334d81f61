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

/** A configuration as it can be written down. */
export function writable(config: ForwarderConfig): ForwarderConfig {
  const { secret } = config
  return { ...config, secret: typeof secret === 'string' ? secret : Buffer.from(secret).toString('hex') }
}
