import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { describe, expect, it, test } from 'vitest'
import { SCHEMA_PATH } from '../../../scripts/lib/config-schema.js'
import { readToml } from '../../../src/fleet/config/toml.js'
import {
  backendOptions,
  forwarderConfig,
  forwarderOptions,
  loadConfig,
  readConfig,
  rewriteOptions,
} from '../../../src/fleet/index.js'
import { readConfig as readAsForwarder } from '../../../src/forwarder/read-config.js'

const folder = fileURLToPath(new URL('../../../examples/config/', import.meta.url))
const files = readdirSync(folder)

it('there is one for each kind of network, all in the index', () => {
  expect(files.length).toBeGreaterThanOrEqual(8)
  const index = readFileSync(new URL('../../../examples/README.md', import.meta.url), 'utf8')
  for (const file of files) expect(index).toContain(`(config/${file})`)
})

describe.each(files)('%s', (file) => {
  test('is right, without a warning', async () => {
    const config = await loadConfig(folder + file, { readSecrets: false })
    expect(config.warnings).toEqual([])
  })

  test('is right for editors', () => {
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(
      JSON.parse(readFileSync(SCHEMA_PATH, 'utf8')),
    )
    const text = readFileSync(folder + file, 'utf8')
    expect(validate(readToml(text).value), JSON.stringify(validate.errors)).toBe(true)
    expect(text).toMatch(/^#:schema \.\.\/\.\.\/schema\/udp-dsr\.schema\.json\n/)
  })

  test('gives each section to the class that it is for', () => {
    const written = readToml(readFileSync(folder + file, 'utf8')).value as Record<string, unknown>
    const config = readConfig({
      ...written,
      ...(written.secret !== undefined && { secret: '0123456789abcdef' }),
      discovery: {},
      pools: withoutDiscover(written.pools),
    })
    if (written.edge) {
      expect(forwarderOptions(config).interface).toBe('eth0')
      expect(readAsForwarder(forwarderConfig(config)).services.length).toBeGreaterThan(0)
    }
    if (written.backend) expect(backendOptions(config).edges.length).toBeGreaterThan(0)
    if (written.rewrite) expect(rewriteOptions(config).vips.length).toBeGreaterThan(0)
    expect(written.edge ?? written.backend ?? written.rewrite).toBeDefined()
  })
})

const withoutDiscover = (pools: unknown) =>
  Object.fromEntries(
    Object.entries((pools ?? {}) as Record<string, object>).map(([name, pool]) => [name, { ...pool, discover: [] }]),
  )
