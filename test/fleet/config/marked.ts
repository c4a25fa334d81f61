/** Marks where something is wrong, in texts of tests. */
const MARK = '«'

/**
 * A text without its marks, and where they were.
 *
 * @returns `line:column` of each mark
 */
export function marked(text: string): { text: string; places: string[] } {
  const places: string[] = []
  const lines = text.split('\n').map((line, i) => {
    const [first = '', ...rest] = line.split(MARK)
    let before = first
    for (const part of rest) {
      places.push(`${i + 1}:${before.length + 1}`)
      before += part
    }
    return before
  })
  return { text: lines.join('\n'), places }
}
