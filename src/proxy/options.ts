import { checkOptions } from '../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../errors.js'
import { VERSION_BITS, versionBits } from './scan.js'
import type { DecodeOptions, ProxyVersion } from './types.js'

/** `DecodeOptions` in the form that `HeaderScan.read` takes. */
export interface ReaderSettings {
  /** `VERSION_BITS` of the accepted versions. */
  versions: number
  verify: boolean
}

const OPTIONS = ['versions', 'verifyChecksum'] as const satisfies readonly (keyof DecodeOptions)[]
const VERSIONS = Object.keys(VERSION_BITS) as ProxyVersion[]

/** What a reader does that was given no options. */
export const DEFAULT_SETTINGS: Readonly<ReaderSettings> = { versions: versionBits(VERSIONS), verify: true }

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION */
export function readerSettings(options: DecodeOptions | undefined): Readonly<ReaderSettings> {
  if (options === undefined) return DEFAULT_SETTINGS
  checkOptions(options, OPTIONS)
  const { versions = VERSIONS, verifyChecksum = true } = options
  return { versions: versionBits(checkVersions('options.versions', versions)), verify: checkVerify(verifyChecksum) }
}

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE */
export function checkVersions(name: string, versions: readonly ProxyVersion[]): readonly ProxyVersion[] {
  if (!Array.isArray(versions)) throw invalidArgType(name, `an array of ${VERSIONS.join(', ')}`, versions)
  if (versions.length === 0) throw invalidArgValue(name, `must have at least one of ${VERSIONS.join(', ')}`, versions)
  for (const [index, version] of versions.entries()) {
    if (!VERSIONS.includes(version)) {
      throw invalidArgValue(`${name}[${index}]`, `must be one of ${VERSIONS.join(', ')}`, version)
    }
  }
  return versions
}

function checkVerify(verify: boolean): boolean {
  if (typeof verify !== 'boolean') throw invalidArgType('options.verifyChecksum', 'of type boolean', verify)
  return verify
}
