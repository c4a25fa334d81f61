import type { FleetConfig } from './fleet-config.js'
import type { Source } from './problems.js'

/** Where configs are from. They do not carry it themselves: they are printed, and sent as JSON. */
const sources = new WeakMap<FleetConfig, Source>()

export function remember(config: FleetConfig, source: Source): void {
  sources.set(config, source)
}

/** Of a config that was made in another way there is no file. */
export function sourceOf(config: FleetConfig): Source {
  return sources.get(config) ?? { file: undefined, root: undefined }
}
