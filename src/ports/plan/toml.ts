import { type AST, ParseError, parseTOML } from 'toml-eslint-parser'
import { planSyntax } from '../../errors.js'
import type { Located } from './located.js'

type Table = Map<string, Located>

/**
 * Reads TOML 1.0 or 1.1, with the line of each value, and integers as BigInts: bit 63 of a mask is beyond the integers of
 * TOML, which are signed, and far beyond the numbers that JavaScript has exactly.
 *
 * @throws PortPlanError ERR_PORT_PLAN_SYNTAX
 */
export function locatedToml(text: string): Located {
  const [top] = parse(text).body
  const root: Table = new Map()
  for (const statement of top.body) {
    if (statement.type === 'TOMLKeyValue') {
      assign(root, statement)
      continue
    }
    const table = descend(root, statement.resolvedKey, lineOf(statement))
    for (const pair of statement.body) assign(table, pair)
  }
  return { where: 'line 1', value: root }
}

function parse(text: string): AST.TOMLProgram {
  try {
    return parseTOML(text)
  } catch (error) {
    if (error instanceof ParseError) throw planSyntax(error.lineNumber, error.column + 1, error)
    throw error
  }
}

/** The table at a path, made where it is missing. A number in the path is a place in an array of tables. */
function descend(root: Table, path: readonly (string | number)[], where: string): Table {
  let here: Table | Located[] = root
  for (const [depth, step] of path.entries()) {
    const below: Located | undefined = Array.isArray(here) ? here[step as number] : here.get(step as string)
    if (below !== undefined) {
      here = below.value as Table | Located[]
      continue
    }
    const made: Table | Located[] = typeof path[depth + 1] === 'number' ? [] : new Map()
    if (Array.isArray(here)) here.push({ where, value: made })
    else here.set(step as string, { where, value: made })
    here = made
  }
  return here as Table
}

function assign(table: Table, pair: AST.TOMLKeyValue): void {
  const keys = pair.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value))
  const last = keys.pop() as string
  descend(table, keys, lineOf(pair)).set(last, located(pair.value))
}

function located(node: AST.TOMLContentNode): Located {
  const where = lineOf(node)
  if (node.type === 'TOMLArray') return { where, value: node.elements.map(located) }
  if (node.type === 'TOMLInlineTable') {
    const table: Table = new Map()
    for (const pair of node.body) assign(table, pair)
    return { where, value: table }
  }
  return { where, value: node.kind === 'integer' ? node.bigint : node.value }
}

function lineOf(node: { loc: { start: { line: number } } }): string {
  return `line ${node.loc.start.line}`
}
