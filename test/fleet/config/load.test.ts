import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ConfigError,
  type FleetConfig,
  forwarderConfig,
  loadConfig,
  parseConfig,
  readConfig,
} from '../../../src/fleet/index.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'udp-dsr-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Writes a file with permissions, whatever the umask is. */
function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

const HEX = 'fedcba9876543210'

async function refused(path: string, options?: Parameters<typeof loadConfig>[1]): Promise<ConfigError> {
  const result = await loadConfig(path, options).catch((error: unknown) => error)
  expect(result).toBeInstanceOf(ConfigError)
  return result as ConfigError
}

const warned = ({ warnings }: FleetConfig) =>
  warnings.map(({ kind, line, column, path }) => `${kind} ${line}:${column} ${path}`)

describe('files', () => {
  it('are TOML, or JSON when they end with .json', async () => {
    const toml = await loadConfig(write('a.toml', '\ufeff[removal]\nmost = 0.25'))
    const json = await loadConfig(write('a.json', '\ufeff{ "$schema": "./schema.json", "removal": { "most": 0.25 } }'))
    expect(toml.removal).toEqual({ most: 0.25 })
    expect(json).toEqual(toml)
  })

  it('that are not there, or folders, are refused by name', async () => {
    const missing = await refused(join(folder, 'none.toml'))
    expect(missing.message).toBe(
      `${join(folder, 'none.toml')} is not readable (ENOENT), and must be a file that this program can read. docs/config.md tells what is in it.`,
    )
    expect(missing.problems).toEqual([expect.objectContaining({ kind: 'file', line: undefined })])
    expect(missing.cause).toMatchObject({ code: 'ENOENT' })
    expect((await refused(folder)).message).toContain('EISDIR')
  })

  it('are named in messages as they were in the call', async () => {
    const path = write('a.toml', '[removal]\nmost = 2')
    const { problems, message } = await refused(path)
    expect(message).toBe(`${path}:2:8: removal.most is 2, and must be a number from 0 to 1.`)
    expect(problems).toEqual([
      {
        kind: 'value',
        file: path,
        line: 2,
        column: 8,
        path: 'removal.most',
        found: '2',
        expected: 'a number from 0 to 1',
        remedy: '',
        message,
      },
    ])
  })
})

describe('secrets', () => {
  it('are read from a file beside the config, without the white space around', async () => {
    write('secret', `  ${HEX}\n`)
    const config = await loadConfig(write('a.toml', 'secret = { file = "secret" }'))
    expect(config.secret?.reveal()).toBe(HEX)
    expect(config.warnings).toEqual([])
  })

  it('are read from the environment that is given, or that of the process', async () => {
    const path = write('a.toml', 'secret = { env = "UDP_DSR_TEST_SECRET" }')
    expect((await loadConfig(path, { env: { UDP_DSR_TEST_SECRET: HEX } })).secret?.reveal()).toBe(HEX)
    process.env.UDP_DSR_TEST_SECRET = HEX
    try {
      expect((await loadConfig(path)).secret?.reveal()).toBe(HEX)
    } finally {
      delete process.env.UDP_DSR_TEST_SECRET
    }
    expect((await refused(path)).message).toContain('which is not set')
  })

  it('that others can read are warned of: a file of their own, or the config itself', async () => {
    write('secret', HEX, 0o644)
    expect(warned(await loadConfig(write('a.toml', 'secret = { file = "secret" }')))).toEqual([
      'exposed 1:19 secret.file',
    ])
    expect(warned(await loadConfig(write('b.toml', `secret = "${HEX}"`, 0o644)))).toEqual(['exposed 1:10 secret'])
    expect(warned(await loadConfig(write('c.toml', `secret = "${HEX}"`)))).toEqual([])
    const [warning] = (await loadConfig(join(folder, 'a.toml'))).warnings
    expect(warning!.remedy).toBe(`Run: chmod o-r ${join(folder, 'secret')}.`)
  })

  it('may be reached by a link, as mounted ones are, and are refused when they are no file, or a long one', async () => {
    write('real', HEX)
    symlinkSync('real', join(folder, 'link'))
    mkdirSync(join(folder, 'dir'))
    write('long', 'x'.repeat(70_000))
    expect((await loadConfig(write('a.toml', 'secret = { file = "link" }'))).secret?.reveal()).toBe(HEX)
    expect((await refused(write('b.toml', 'secret = { file = "dir" }'))).message).toContain('which is no file')
    expect((await refused(write('c.toml', 'secret = { file = "long" }'))).message).toContain('a file of 70000 bytes')
    expect((await refused(write('d.toml', 'secret = { file = "/dev/zero" }'))).message).toContain('which is no file')
  })

  it('are shown by nothing but reveal()', async () => {
    const config = parseConfig(
      `secret = "${HEX}"\n[discovery.main]\ntype = "etcd"\nendpoints = ["http://10.0.1.1:2379"]\nuser = "edge"\npassword = "hunter2"`,
    )
    const shown = [
      inspect(config, { depth: 9, showHidden: true }),
      JSON.stringify(config),
      String(config.secret),
      `${config.secret}`,
    ]
    for (const text of shown) {
      expect(text).toContain('[secret]')
      expect(text).not.toMatch(/fedcba|hunter2/)
    }
    expect(structuredClone({ ...config, secret: { ...config.secret }, discovery: {} }).secret).toEqual({})
  })

  it('that are wrong are not told, wherever they are from', async () => {
    write('secret', 'hunter2')
    const texts = [
      'secret = "hunter2"',
      'secret = { file = "secret" }',
      'secret = { env = "X" }',
      'secret = ["hunter2"]',
      'secret = { file = ["hunter2"] }',
      'secret = { env = "hunter2!" }',
      'secret = "hunter2',
      'secret = { hunter = "hunter2" }',
    ]
    for (const text of texts) {
      const error = await refused(write('a.toml', text), { env: { X: 'hunter2' } })
      expect(error.message + error.stack + JSON.stringify(error) + inspect(error.cause)).not.toContain('hunter2')
    }
  })

  it('are left alone with readSecrets: false, and then there is not enough for an edge', async () => {
    const text =
      'secret = { file = "/nowhere" }\n[edge]\ninterface = "eth0"\n[discovery.main]\ntype = "etcd"\nendpoints = ["https://10.0.1.1:2379"]\nuser = "x"\npassword = { env = "NOT_SET" }\ntls = { ca = "/nowhere/ca.pem" }'
    const config = await loadConfig(write('a.toml', text), { readSecrets: false })
    expect(config.secret).toBeUndefined()
    expect(() => forwarderConfig(config)).toThrow(/a\.toml:1:10: secret is missing/)
  })
})

describe('paths', () => {
  it('that are relative begin at the folder of the config', async () => {
    write('ca.pem', '')
    const text =
      '[discovery.a]\ntype = "file"\npath = "members.json"\n[discovery.b]\ntype = "etcd"\nendpoints = ["https://10.0.1.1:2379"]\ntls = { ca = "ca.pem" }'
    const { discovery } = await loadConfig(write('a.toml', text))
    expect(discovery.a).toMatchObject({ path: join(folder, 'members.json') })
    expect(discovery.b).toMatchObject({ tls: { ca: join(folder, 'ca.pem') } })
    expect(parseConfig(text, { directory: folder }).discovery.a).toMatchObject({ path: join(folder, 'members.json') })
  })
})

describe('warnings', () => {
  it('are of what has no effect', () => {
    const text = '[pools.a]\ndelivery = "l2"\n[discovery.main]\ntype = "file"\npath = "/members.json"'
    expect(warned(parseConfig(text))).toEqual([
      'unused 1:8 pools.a',
      'unused 1:8 pools.a',
      'unused 3:12 discovery.main',
    ])
  })

  it('are of a password that goes in the clear', () => {
    const text =
      '[discovery.main]\ntype = "etcd"\nendpoints = ["http://10.0.1.1:2379"]\nuser = "edge"\npassword = "x"\n[pools.a]\ndelivery = "l2"\ndiscover = ["main"]\n[[services]]\nname = "a"\nvips = ["198.51.100.2"]\nports = [53]\npool = "a"'
    expect(warned(parseConfig(text))).toEqual(['exposed 3:14 discovery.main.endpoints[0]'])
  })
})

describe('arguments', () => {
  it('are checked', async () => {
    await expect(loadConfig(5 as never)).rejects.toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    await expect(loadConfig('a', { environment: {} } as never)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }),
    )
    await expect(loadConfig('a', { directory: '/' } as never)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }),
    )
    expect(() => parseConfig('', { format: 'yaml' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
    )
    expect(() => readConfig({}, { env: 5 as never })).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    expect(() => readConfig({}, null as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
  })
})
