import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { checkString } from '../../errors/checks.js'
import type { ConfigError } from '../../errors.js'
import type { FleetConfig } from './fleet-config.js'
import { readJson } from './json.js'
import {
  LOAD_OPTIONS,
  type LoadOptions,
  PARSE_OPTIONS,
  type ParseOptions,
  READ_OPTIONS,
  type ReadOptions,
  readSettings,
  type Settings,
} from './options.js'
import type { Document } from './place.js'
import { Problems } from './problems.js'
import { readDocument } from './read-document.js'
import { SyntaxFailure } from './syntax-failure.js'
import { readToml } from './toml.js'

/**
 * Reads the config of a fleet: docs/config.md. TOML, or JSON if the name ends with `.json`.
 *
 * @throws ConfigError ERR_CONFIG, with every problem; ArgumentTypeError
 */
export async function loadConfig(path: string, options: LoadOptions = {}): Promise<FleetConfig> {
  checkString('path', path)
  const settings = readSettings(options, LOAD_OPTIONS, path)
  const { text, exposed } = await read(path)
  return fromText(text, settings, exposed)
}

/**
 * Reads the config of a fleet from its text.
 *
 * @throws ConfigError ERR_CONFIG, with every problem; ArgumentTypeError
 */
export function parseConfig(text: string, options: ParseOptions = {}): FleetConfig {
  checkString('text', text)
  const settings = readSettings(options, PARSE_OPTIONS)
  return fromText(text, { ...settings, file: settings.file ?? `config.${settings.format}` }, false)
}

/**
 * Reads the config of a fleet from an object with the keys of the file.
 *
 * @throws ConfigError ERR_CONFIG, with every problem, without lines; ArgumentTypeError
 */
export function readConfig(object: unknown, options: ReadOptions = {}): FleetConfig {
  return readDocument({ value: object, root: undefined }, readSettings(options, READ_OPTIONS), false)
}

function fromText(text: string, settings: Settings, exposed: boolean): FleetConfig {
  return readDocument(document(text.replace(/^\ufeff/, ''), settings), settings, exposed)
}

function document(text: string, { format, file }: Settings): Document {
  try {
    return format === 'json' ? readJson(text) : readToml(text)
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error
    const root = { at: error.position, key: error.position, below: new Map() }
    throw refusal({ file, root }, 'syntax', `no ${format.toUpperCase()}: ${error.message}`, error)
  }
}

async function read(path: string): Promise<{ text: string; exposed: boolean }> {
  let file: FileHandle | undefined
  try {
    file = await open(path)
    const { mode } = await file.stat()
    return { text: await file.readFile('utf8'), exposed: (mode & constants.S_IROTH) !== 0 }
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw refusal({ file: path, root: undefined }, 'file', `not readable (${code})`, error)
  } finally {
    await file?.close()
  }
}

function refusal(source: Problems['source'], kind: 'file' | 'syntax', says: string, cause: unknown): ConfigError {
  const problems = new Problems(source)
  const [expected, remedy] =
    kind === 'file'
      ? ['a file that this program can read', 'docs/config.md tells what is in it.']
      : ['', 'What comes after it was not looked at.']
  problems.add({ kind, path: [], says, expected, remedy })
  return problems.error(cause)
}
