import { checkOptions } from '../errors/checks.js'
import { invalidArgType, invalidArgValue, outOfRange } from '../errors.js'
import { type ReaderSettings, readerSettings } from './options.js'
import type { DecodeOptions, ProxyVersion } from './types.js'
import { V2_FIXED, V2_LONGEST } from './wire.js'

/** What a reader of a TCP stream accepts. */
export interface ProxyStreamOptions {
  /** Default both. SPP is for datagrams only. */
  versions?: readonly Exclude<ProxyVersion, 'spp'>[] | undefined
  /** Whether a CRC32C TLV must be right, default true. */
  verifyChecksum?: boolean | undefined
  /**
   * Longest header that is accepted, in bytes: 16–65551, default 4096. Version 1 needs 107. Version 2 allows 65551, but
   * what proxies send is far smaller, the client's certificate (`ProxySslTlvType.clientCertificate`) included; and as
   * much is kept for each connection whose header is not complete yet.
   */
  maxLength?: number | undefined
}

export interface StreamSettings extends ReaderSettings {
  maxLength: number
}

export const STREAM_OPTIONS = [
  'versions',
  'verifyChecksum',
  'maxLength',
] as const satisfies readonly (keyof ProxyStreamOptions)[]

const VERSIONS = ['v1', 'v2'] as const
const DEFAULT_MAX_LENGTH = 4096

/** @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE; ArgumentRangeError ERR_OUT_OF_RANGE */
export function streamSettings(options: ProxyStreamOptions): StreamSettings {
  const { versions = VERSIONS, verifyChecksum = true, maxLength = DEFAULT_MAX_LENGTH } = options
  const reader: DecodeOptions = { versions, verifyChecksum }
  const settings = readerSettings(reader)
  if (reader.versions?.includes('spp')) {
    throw invalidArgValue('options.versions', 'must not have spp, which is for datagrams only', versions)
  }
  if (typeof maxLength !== 'number') throw invalidArgType('options.maxLength', 'of type number', maxLength)
  if (!Number.isInteger(maxLength) || maxLength < V2_FIXED || maxLength > V2_LONGEST) {
    throw outOfRange('options.maxLength', `an integer >= ${V2_FIXED} && <= ${V2_LONGEST}`, maxLength)
  }
  return { ...settings, maxLength }
}

/** @throws as `streamSettings`; ArgumentTypeError ERR_UNKNOWN_OPTION */
export function checkStreamOptions(options: ProxyStreamOptions): StreamSettings {
  checkOptions(options, STREAM_OPTIONS)
  return streamSettings(options)
}
