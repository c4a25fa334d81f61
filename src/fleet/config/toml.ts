import { type AST, ParseError, parseTOML } from 'toml-eslint-parser'
import type { Document, Place, Position, Step } from './place.js'
import { SyntaxFailure } from './syntax-failure.js'

interface Table {
  value: Record<string, unknown>
  place: Place
}
interface List {
  value: unknown[]
  place: Place
}

/**
 * Reads TOML 1.0. Integers that JavaScript has not exactly are BigInts.
 *
 * @throws SyntaxFailure
 */
export function readToml(text: string): Document {
  const [top] = parse(text).body
  const root: Table = { value: {}, place: placeAt({ line: 1, column: 1 }) }
  for (const statement of top.body) {
    if (statement.type === 'TOMLKeyValue') {
      assign(root, statement)
      continue
    }
    const table = descend(root, statement.resolvedKey, statement.key.keys)
    for (const pair of statement.body) assign(table, pair)
  }
  return { value: root.value, root: root.place }
}

function parse(text: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: '1.0' })
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    throw new SyntaxFailure(error.message, { line: error.lineNumber, column: error.column + 1 })
  }
}

/**
 * The table at a path, made where it is missing.
 *
 * @param path a number in it is a place in an array of tables
 * @param keys those of its steps that are written
 */
function descend(root: Table, path: readonly Step[], keys: readonly AST.TOMLKey['keys'][number][]): Table {
  let here: Table | List = root
  let written = 0
  let position = root.place.key
  for (const [depth, step] of path.entries()) {
    if (typeof step === 'string') position = positionAt(keys[written++]!)
    const place = here.place.below.get(step)
    if (place !== undefined) {
      here = { value: at(here.value, step), place } as Table | List
      continue
    }
    const made = typeof path[depth + 1] === 'number' ? [] : {}
    here = { value: made, place: put(here, step, made, placeAt(position)) } as Table | List
  }
  return here as Table
}

function assign(table: Table, pair: AST.TOMLKeyValue): void {
  const { keys } = pair.key
  const names = keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value))
  const last = names.pop() as string
  const into = descend(table, names, keys)
  const place = { at: positionAt(pair.value), key: positionAt(keys.at(-1)!), below: new Map() }
  put(into, last, readValue(pair.value, place), place)
}

function readValue(node: AST.TOMLContentNode, place: Place): unknown {
  if (node.type === 'TOMLArray') {
    const list: List = { value: [], place }
    for (const [i, element] of node.elements.entries()) {
      const below = placeAt(positionAt(element))
      put(list, i, readValue(element, below), below)
    }
    return list.value
  }
  if (node.type === 'TOMLInlineTable') {
    const table: Table = { value: {}, place }
    for (const pair of node.body) assign(table, pair)
    return table.value
  }
  if (node.kind === 'integer') return Number.isSafeInteger(node.value) ? node.value : node.bigint
  return node.value
}

function at(value: Table['value'] | List['value'], step: Step): unknown {
  return (value as Record<Step, unknown>)[step]
}

/** Defines the property rather than setting it: `__proto__` is a key like others here, and is refused like others. */
function put({ value, place }: Table | List, step: Step, element: unknown, at: Place): Place {
  Object.defineProperty(value, step, { value: element, writable: true, enumerable: true, configurable: true })
  place.below.set(step, at)
  return at
}

function placeAt(position: Position): Place {
  return { at: position, key: position, below: new Map() }
}

function positionAt(node: { loc: { start: Position } }): Position {
  const { line, column } = node.loc.start
  return { line, column: column + 1 }
}
