import type { KnownBackend } from './backend-entries.js'
import type { WantedEntry } from './entries.js'
import type { Namings } from './namings.js'
import type { KnownPool } from './pool-tables.js'
import type { Run } from './run-pool.js'
import type { KnownService } from './service-entries.js'

/** What is known of a configuration: where in the maps of an edge its things are, and what they hold. */
export interface Known {
  /** By `signatureOf`. */
  signature: string
  /** By `nameOfBackend`. */
  backends: Map<string, KnownBackend>
  /** Indices of counters, by `countedAs`. */
  counters: Map<string, number>
  /** By their names, as services are. */
  pools: Map<string, KnownPool>
  services: Map<string, KnownService>
  /** What the map `services` must say, by `nameOf`. */
  entries: Map<string, WantedEntry>
  /** Where those of `entries` lie whose ports have several owners. */
  splits: Map<string, KnownSplit>
  /** Of `quic_servers`. */
  servers: Namings
  /** Of `sources`. */
  sources: Namings
}

export interface KnownSplit {
  run: Run
  ports: Uint16Array
}

export function nothingKnown(): Known {
  return {
    signature: '',
    backends: new Map(),
    counters: new Map(),
    pools: new Map(),
    services: new Map(),
    entries: new Map(),
    splits: new Map(),
    servers: new Map(),
    sources: new Map(),
  }
}
