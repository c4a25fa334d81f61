import { dirname, extname } from 'node:path'
import { checkOptions, checkString } from '../../errors/checks.js'
import { invalidArgType, invalidArgValue } from '../../errors.js'

/** What `loadConfig` is told besides the path. */
export interface LoadOptions {
  /** Where secrets with `env` are looked for. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>> | undefined
  /**
   * Whether secrets are read, and keys and certificates looked for. Default true. With false a config can be checked where they
   * are not, and is not enough for `forwarderConfig`.
   */
  readSecrets?: boolean | undefined
}

/** What `readConfig` is told besides the object. */
export interface ReadOptions extends LoadOptions {
  /** What relative paths begin at. Default: the folder of `file`, or the current one. */
  directory?: string | undefined
}

/** What `parseConfig` is told besides the text. */
export interface ParseOptions extends ReadOptions {
  /** What messages call it. Default: `config.toml`, or `config.json`. */
  file?: string | undefined
  /** Default: `json` if `file` ends with .json, else `toml`. */
  format?: 'toml' | 'json' | undefined
}

export const LOAD_OPTIONS: readonly (keyof LoadOptions)[] = ['env', 'readSecrets']
export const READ_OPTIONS: readonly (keyof ReadOptions)[] = [...LOAD_OPTIONS, 'directory']
export const PARSE_OPTIONS: readonly (keyof ParseOptions)[] = [...READ_OPTIONS, 'file', 'format']
const FORMATS = ['toml', 'json'] as const

/** Options with everything filled in. */
export interface Settings {
  file: string | undefined
  format: 'toml' | 'json'
  directory: string
  env: Readonly<Record<string, string | undefined>>
  readSecrets: boolean
}

/**
 * @param known options of the function
 * @param path of the file that is read, where it is no option
 * @throws ArgumentTypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_OPTION
 */
export function readSettings(options: ParseOptions, known: readonly string[], path?: string): Settings {
  checkOptions(options, known)
  const { env = process.env, readSecrets = true, file = path, directory, format } = options
  if (env === null || typeof env !== 'object') throw invalidArgType('options.env', 'of type object', env)
  if (typeof readSecrets !== 'boolean') throw invalidArgType('options.readSecrets', 'of type boolean', readSecrets)
  if (file !== undefined) checkString('options.file', file)
  if (directory !== undefined) checkString('options.directory', directory)
  if (format !== undefined && !FORMATS.includes(format)) {
    throw invalidArgValue('options.format', "must be 'toml' or 'json'", format)
  }
  return {
    file,
    format: format ?? (file !== undefined && extname(file) === '.json' ? 'json' : 'toml'),
    directory: directory ?? (file === undefined ? '.' : dirname(file)),
    env,
    readSecrets,
  }
}
