import { stripVTControlCharacters, styleText } from 'node:util'
import type { Act } from './edge/story.js'
import type { ClientName, Result } from './examine.js'

const colours = process.stdout.isTTY && !process.env.NO_COLOR

function paint(format: 'green' | 'red' | 'bold' | 'dim', text: string): string {
  return colours ? styleText(format, text) : text
}

export const heading = (text: string) => paint('bold', text)

/** A table of what clients made of a server, or of several that must all do well, a row for each address asked. */
export function render(results: readonly Result[], clients: readonly ClientName[]): string {
  const addresses = [...new Set(results.map((result) => result.asked))]
  const head = ['asked at', 'answered from', ...clients].map((name) => paint('dim', name))
  const rows = addresses.map((asked) => {
    const here = results.filter((result) => result.asked === asked)
    return [asked, sources(asked, here), ...clients.map((client) => verdict(here.filter((r) => r.client === client)))]
  })
  return align([head, ...rows])
}

/** What became of the flows in an act. */
export function renderAct({ title, rows, moved }: Act): string {
  const head = ['backend', 'runs', 'flows', 'answered', ''].map((name) => paint('dim', name))
  const lines = rows.map(({ backend, server, flows, answered }) => [
    backend,
    server,
    String(flows),
    paint(answered === flows ? 'green' : 'red', String(answered)),
    paint(answered === flows ? 'green' : 'red', '▇'.repeat(Math.ceil(flows / 2))),
  ])
  const stayed = moved === 0 ? '' : `\n   ${paint('red', `${moved} flows moved that need not have`)}`
  return `   ${heading(title)}\n${align([head, ...lines])}${stayed}\n`
}

function sources(asked: string, results: readonly Result[]): string {
  const seen = [...new Set(results.flatMap((result) => result.answeredFrom ?? []))]
  if (seen.length === 0) return paint('red', 'nowhere')
  return seen.map((address) => paint(address === asked ? 'green' : 'red', address)).join(', ')
}

function verdict(results: readonly Result[]): string {
  const failed = results.filter((result) => !result.ok)
  if (failed.length === 0) return paint('green', '✓')
  const one = new Set(results.map((result) => result.server)).size === 1
  const problems = failed.map(({ server, problem }) => (one ? problem : `${server}: ${problem}`))
  return paint('red', `✗ ${problems.join('; ')}`)
}

function align(rows: readonly string[][]): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => width(row[column]!))))
  const line = (row: string[]) => row.map((cell, i) => cell + ' '.repeat(widths[i]! - width(cell))).join('   ')
  return rows.map((row) => `   ${line(row).trimEnd()}`).join('\n')
}
