import fc from 'fast-check'
import { parse, stringify } from 'smol-toml'
import { describe, expect, it, test } from 'vitest'
import { readJson } from '../../../src/fleet/config/json.js'
import { type Document, positionOf, type Step } from '../../../src/fleet/config/place.js'
import { SyntaxFailure } from '../../../src/fleet/config/syntax-failure.js'
import { readToml } from '../../../src/fleet/config/toml.js'
import { anyConfig } from './arbitrary.js'
import { marked } from './marked.js'

/** Where a text is no document: `line:column`. */
function failure(read: (text: string) => Document, text: string): string {
  try {
    read(text)
  } catch (error) {
    if (error instanceof SyntaxFailure) return `${error.position.line}:${error.position.column}`
    throw error
  }
  throw new Error('it was read')
}

function at({ root }: Document, path: Step[], what: 'key' | 'value'): string {
  const { line, column } = positionOf(root!, path, what)
  return `${line}:${column}`
}

describe('TOML', () => {
  it('is read as another reader reads it', () => {
    fc.assert(
      fc.property(anyConfig, (written) => {
        const text = stringify(written)
        expect(readToml(text).value).toEqual(JSON.parse(JSON.stringify(parse(text))))
      }),
      { numRuns: 100 },
    )
  })

  it('has a place for each key and value', () => {
    const { text, places } = marked(`«a = «1
[«b.«"c d"]
  «e.«f = { «g = [«1, «"x"] }
[[«h]]
[[«h]]
«i = «"""
x"""
[h.«j]
[«b]
«k = «2026-11-27`)
    const document = readToml(text)
    const found = [
      [['a'], 'key'],
      [['a'], 'value'],
      [['b'], 'key'],
      [['b', 'c d'], 'key'],
      [['b', 'c d', 'e'], 'key'],
      [['b', 'c d', 'e', 'f'], 'key'],
      [['b', 'c d', 'e', 'f', 'g'], 'key'],
      [['b', 'c d', 'e', 'f', 'g', 0], 'value'],
      [['b', 'c d', 'e', 'f', 'g', 1], 'value'],
      [['h', 0], 'key'],
      [['h', 1], 'key'],
      [['h', 1, 'i'], 'key'],
      [['h', 1, 'i'], 'value'],
      [['h', 1, 'j'], 'key'],
      [['b', 'k'], 'key'],
      [['b', 'k'], 'value'],
    ] as const
    // `b` was written before: its second header is no place of its own.
    const expected = places.filter((place) => place !== '9:2')
    expect(found.map(([path, what]) => at(document, [...path], what))).toEqual(expected)
  })

  it('that is missing is where its table is', () => {
    const document = readToml('[a]\n[a.b]\nc = [{ d = 1 }]')
    expect(at(document, ['a', 'b', 'c', 0, 'e'], 'value')).toBe('3:6')
    expect(at(document, ['a', 'x', 'y'], 'value')).toBe('1:2')
    expect(at(document, ['x'], 'value')).toBe('1:1')
  })

  test.each([['a = «'], ['a = 1\n«a = 2'], ['a = "x«'], ['a = [1\n«b = 2'], ['[a]\n[«a]']])('%j is none', (source) => {
    const { text, places } = marked(source)
    expect(failure(readToml, text)).toBe(places[0])
  })

  it('keeps integers that JavaScript does not have', () => {
    expect(readToml('a = 9223372036854775807\nb = 9007199254740991').value).toEqual({
      a: 9223372036854775807n,
      b: 9007199254740991,
    })
  })
})

describe('JSON', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (text, indentation) => {
        const formatted = JSON.stringify(JSON.parse(text), undefined, indentation)
        expect(readJson(formatted).value).toEqual(JSON.parse(formatted))
      }),
    )
  })

  it('is refused where JSON.parse refuses it', () => {
    const pieces = fc.constantFrom(...'{}[]:,"\\ \n\t01-.eE+tfnu', 'true', 'null', '"a"', '"\\u00', '1.5', '\u0001')
    let refused = 0
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        let value: unknown
        try {
          value = JSON.parse(text)
        } catch {
          refused++
          expect(() => readJson(text)).toThrow(SyntaxFailure)
          return
        }
        // A key twice is the one thing that JSON.parse takes.
        if (!/"a".*"a"/s.test(text)) expect(readJson(text).value).toEqual(value)
      }),
      { numRuns: 3000 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  it('has a place for each key and value', () => {
    const { text, places } = marked('{\n  «"a": «{ «"b": «[«1,\n «"x", «{}] },\r\n«"é": «true }')
    const document = readJson(text)
    const paths: [Step[], 'key' | 'value'][] = [
      [['a'], 'key'],
      [['a'], 'value'],
      [['a', 'b'], 'key'],
      [['a', 'b'], 'value'],
      [['a', 'b', 0], 'value'],
      [['a', 'b', 1], 'value'],
      [['a', 'b', 2], 'value'],
      [['é'], 'key'],
      [['é'], 'value'],
    ]
    expect(paths.map(([path, what]) => at(document, path, what))).toEqual(places)
  })

  test.each([
    ['«'],
    ['{ "a": 1, «}'],
    ['{ "a": 1\n «"b": 2 }'],
    ['{ "a" «1 }'],
    ['{ "a": 1,\n «"a": 2 }'],
    ['[1,\n «tru]'],
    ['[«"\\x"]'],
    ['{} «{}'],
    [`${'['.repeat(65)}«[${']'.repeat(66)}`],
  ])('%j is none', (source) => {
    const { text, places } = marked(source)
    expect(failure(readJson, text)).toBe(places[0])
  })
})
