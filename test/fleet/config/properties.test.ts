import fc from 'fast-check'
import { stringify } from 'smol-toml'
import { describe, expect, it, test } from 'vitest'
import { ConfigError, type FleetConfig, forwarderConfig, parseConfig, readConfig } from '../../../src/fleet/index.js'
import { readConfig as readAsForwarder } from '../../../src/forwarder/read-config.js'
import { anyConfig } from './arbitrary.js'

/** A config as JSON has it, with its secret. */
function plain(config: FleetConfig) {
  const { warnings, ...rest } = config
  // Where they stand differs between a file and an object.
  const told = warnings.map(({ kind, path, found }) => `${kind} ${path} ${found}`).sort()
  return { ...JSON.parse(JSON.stringify(rest)), secret: config.secret?.reveal(), warnings: told }
}

const OPTIONS = { env: {}, directory: '/', readSecrets: true }

describe('any config', () => {
  it('is the same as an object, in TOML and in JSON', () => {
    fc.assert(
      fc.property(anyConfig, (written) => {
        // With certificates, which are not there, nothing is read.
        const options = { ...OPTIONS, readSecrets: !JSON.stringify(written).includes('"ca"') }
        const config = plain(readConfig(written, options))
        expect(plain(parseConfig(stringify(written), options))).toEqual(config)
        expect(plain(parseConfig(JSON.stringify(written, undefined, 2), { ...options, format: 'json' }))).toEqual(
          config,
        )
      }),
      { numRuns: 200 },
    )
  })

  it('has what was written, and the edge takes it', () => {
    fc.assert(
      fc.property(anyConfig, (written) => {
        const { discovery, ...known } = written
        const config = readConfig(known.pools && { ...known, pools: withoutDiscover(known.pools) }, OPTIONS)
        expect(plain(config)).toMatchObject({ ...known, pools: withoutDiscover(known.pools) })
        expect(readAsForwarder(forwarderConfig(config)).services).toHaveLength(config.services.length)
      }),
      { numRuns: 50 },
    )
  })
})

const withoutDiscover = (pools: unknown) =>
  Object.fromEntries(
    Object.entries(pools as Record<string, object>).map(([name, pool]) => [name, { ...pool, discover: [] }]),
  )

/** What is read, or the problems; anything else that is thrown is thrown on. */
function outcome(text: string, format: 'toml' | 'json'): 'read' | ConfigError {
  try {
    parseConfig(text, { ...OPTIONS, format, readSecrets: false })
    return 'read'
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

const PIECES = [
  '"',
  "'",
  '"""',
  '[',
  ']',
  '[[',
  ']]',
  '{',
  '}',
  '=',
  ',',
  '.',
  '\n',
  '#',
  '-1',
  '0',
  '65536',
  '1e400',
  'nan',
  '-inf',
  'true',
  '1979-05-27',
  '9223372036854775807',
  '__proto__',
  'constructor',
  'toString',
  '\\u0000',
  '\ud800',
  '\u0000',
  '\u2028',
  '::',
  '198.51.100.2',
  '9-3',
  'secret',
  ' ',
]
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(30),
  put: fc.oneof(fc.constantFrom(...PIECES), fc.string()),
})

function changed(text: string, changes: readonly { at: number; remove: number; put: string }[]): string {
  return changes.reduce((now, { at, remove, put }) => {
    const place = Math.floor(at * now.length)
    return now.slice(0, place) + put + now.slice(place + remove)
  }, text)
}

describe('a damaged config', () => {
  test.each(['toml', 'json'] as const)('in %s is read, or is a ConfigError with places within the text', (format) => {
    let refused = 0
    fc.assert(
      fc.property(anyConfig, fc.array(change, { minLength: 1, maxLength: 3 }), (written, changes) => {
        const text = changed(format === 'toml' ? stringify(written) : JSON.stringify(written, undefined, 1), changes)
        const error = outcome(text, format)
        if (error === 'read') return
        refused++
        const lines = text.split('\n')
        for (const { line, column, message } of error.problems) {
          expect(line).toBeGreaterThan(0)
          expect(line).toBeLessThanOrEqual(lines.length)
          expect(column).toBeGreaterThan(0)
          expect(column).toBeLessThanOrEqual(lines[line! - 1]!.length + 2)
          expect(message).not.toMatch(/\p{C}/u)
        }
      }),
      { numRuns: 1500 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  it('never tells its secret', () => {
    fc.assert(
      fc.property(anyConfig, fc.array(change, { minLength: 1, maxLength: 4 }), (written, changes) => {
        const error = outcome(changed(stringify(written), changes), 'toml')
        if (error === 'read') return
        const secret = String(written.secret)
        // A piece of half of its length would give it away, too.
        const pieces = Array.from({ length: secret.length - 7 }, (_, i) => secret.slice(i, i + 8))
        const gives = (text: string) => pieces.some((piece) => text.includes(piece))
        // Keys are named: damage that makes one of it is another matter.
        fc.pre(!error.problems.some(({ kind, path }) => kind === 'unknown-key' && gives(path)))
        const told = JSON.stringify(error.problems) + error.stack + error.message
        expect(gives(told) ? told : '').toBe('')
      }),
      { numRuns: 1000 },
    )
  })

  it('is refused for any value of the wrong type, in any place', () => {
    fc.assert(
      fc.property(
        anyConfig,
        fc.nat(),
        fc.constantFrom(null, Symbol('x'), () => 1, Number.NaN, [[]], new Date(0)),
        (written, seed, value) => {
          const copy = structuredClone(written)
          const places = leavesOf(copy)
          const [holder, key] = places[seed % places.length]!
          ;(holder as Record<string, unknown>)[key] = value
          expect(() => readConfig(copy, { ...OPTIONS, readSecrets: false })).toThrow(ConfigError)
        },
      ),
      { numRuns: 500 },
    )
  })
})

function leavesOf(value: object): [holder: object, key: string][] {
  return Object.entries(value).flatMap(([key, below]): [object, string][] =>
    below !== null && typeof below === 'object' ? [[value, key], ...leavesOf(below)] : [[value, key]],
  )
}
