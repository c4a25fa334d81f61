import type { ConfigProblem } from '../../errors.js'
import type { Secret } from './secret.js'
import type { ConfigSections, DiscoverySection, EdgeSection } from './sections.js'

/** A source of members as it is written, with its password read and its paths absolute. */
export type DiscoveryConfig = DiscoverySection extends infer Section
  ? Section extends { type: 'etcd' }
    ? Omit<Section, 'password'> & { password?: Secret | undefined }
    : Section
  : never

/**
 * A config that has been checked: its keys are those of the file, with their defaults filled in (docs/config.md). Secrets have
 * been read, and relative paths are absolute.
 */
export interface FleetConfig extends Omit<ConfigSections, '$schema' | 'secret' | 'edge' | 'discovery'> {
  /** Undefined where nothing needs it, and with `readSecrets: false`. */
  readonly secret?: Secret | undefined
  readonly edge?: (EdgeSection & { readonly name: string }) | undefined
  readonly discovery: Readonly<Record<string, DiscoveryConfig>>
  /** What is allowed and most likely not meant, in the order of the file. */
  readonly warnings: readonly ConfigProblem[]
}
