/** A place in a text. */
export interface Position {
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 units. */
  readonly column: number
}

/** A key of a table, or an index of a list. */
export type Step = string | number

/** Where a value and all that is in it stand. */
export interface Place {
  /** Of the value, or of the header of a table. */
  readonly at: Position
  /** Of its key; that of an element of a list is the element. */
  readonly key: Position
  readonly below: Map<Step, Place>
}

/** What was written: values as JavaScript has them, and where they stand. */
export interface Document {
  readonly value: unknown
  /** Undefined for an object, which was written nowhere. */
  readonly root: Place | undefined
}

/**
 * The place of a value. Of what is not there, it is that of the innermost table or list which it would be in.
 *
 * @param what of a table's entry: its key, or its value
 */
export function positionOf(root: Place, path: readonly Step[], what: 'key' | 'value'): Position {
  let here = root
  for (const step of path) {
    const below = here.below.get(step)
    if (below === undefined) return here.key
    here = below
  }
  return what === 'key' ? here.key : here.at
}

/** A path as messages have it: `pools.dns.backends[3].weight`. */
export function textOfPath(path: readonly Step[]): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `${text === '' ? '' : '.'}${quoted(step)}`
  }
  return text
}

/** Text in quotes, on one line, without anything that a terminal would follow. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  )
}
