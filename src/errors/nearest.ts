/** Edits that still count as a slip of the keyboard. */
const SLIP = 2

/** The word within two edits of `name`, letter case aside, that is nearest to it. */
export function nearest(name: string, words: readonly string[]): string | undefined {
  let best: string | undefined
  let least = SLIP + 1
  for (const word of words) {
    const edits = distance(name.toLowerCase(), word.toLowerCase())
    if (edits < least) {
      best = word
      least = edits
    }
  }
  return best
}

/** Letters to put in, take out or change to get from `a` to `b` (Levenshtein 1966); SLIP + 1 when lengths differ more. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > SLIP) return SLIP + 1
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(change, (above[j] as number) + 1, (row[j - 1] as number) + 1)
    }
    above = row
  }
  return above[b.length] as number
}
