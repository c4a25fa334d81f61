import { stripVTControlCharacters } from 'node:util'

/** Columns, two spaces apart; those named are aligned right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const width = (text: string) => stripVTControlCharacters(text).length
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))))
  const pad = (text: string, column: number) => {
    const space = ' '.repeat(Math.max(0, widths[column]! - width(text)))
    return right.includes(column) ? space + text : text + space
  }
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}

/** `1.23 M`; below ten thousand as it is. */
export function count(value: number): string {
  if (value < 10_000) return String(Math.round(value))
  const [unit, size] = value < 1e6 ? ['k', 1e3] : value < 1e9 ? ['M', 1e6] : ['G', 1e9]
  const scaled = value / Number(size)
  return `${scaled.toFixed(scaled < 10 ? 2 : scaled < 100 ? 1 : 0)} ${unit}`
}
