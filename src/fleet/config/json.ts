import type { Document, Place, Position, Step } from './place.js'
import { SyntaxFailure } from './syntax-failure.js'

/** Tables in tables: more are no config, and would overflow the stack. */
const DEEPEST = 64

const SPACE = /[ \t\n\r]*/y
/** RFC 8259 §7; what is between the quotes is checked by JSON.parse. */
const STRING = /"[^"\\\n]*(?:\\.[^"\\\n]*)*"/y
/** RFC 8259 §6, and the three names of §3. */
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

/**
 * Reads JSON (RFC 8259) with the place of each value, which JSON.parse does not tell. A key that comes twice is refused, as
 * in TOML.
 *
 * @throws SyntaxFailure
 */
export function readJson(text: string): Document {
  const reader = new Reader(text)
  const { value, place } = reader.document()
  return { value, root: place }
}

interface Read {
  value: unknown
  place: Place
}

class Reader {
  readonly #text: string
  #offset = 0
  /** Of the line that `#offset` is in, and where it begins. */
  #line = 1
  #lineStart = 0
  #lineEnd: number

  constructor(text: string) {
    this.#text = text
    this.#lineEnd = this.#endOfLine(0)
  }

  document(): Read {
    this.#skipSpace()
    const read = this.#value(this.#position(), 0)
    this.#skipSpace()
    if (this.#offset < this.#text.length) throw this.#failure('Nothing may follow the outermost value')
    return read
  }

  /** @param key where its key stands; for others where it stands itself */
  #value(key: Position, depth: number): Read {
    if (depth > DEEPEST) throw this.#failure(`More than ${DEEPEST} objects and arrays are in one another`)
    const place: Place = { at: this.#position(), key, below: new Map() }
    const first = this.#text[this.#offset]
    if (first === '{') return { value: this.#object(place, depth), place }
    if (first === '[') return { value: this.#array(place, depth), place }
    if (first === '"') return { value: this.#string(), place }
    const scalar = this.#match(SCALAR)
    if (scalar === undefined)
      throw this.#failure('A value is missing: text in double quotes, a number, true, false, { or [')
    return { value: JSON.parse(scalar), place }
  }

  #object(place: Place, depth: number): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    this.#each('}', () => {
      const key = this.#position()
      const name = this.#string()
      if (place.below.has(name)) throw new SyntaxFailure('A key comes twice', key)
      this.#skipSpace()
      this.#expect(':')
      this.#skipSpace()
      this.#put(value, place, name, this.#value(key, depth + 1))
    })
    return value
  }

  #array(place: Place, depth: number): unknown[] {
    const value: unknown[] = []
    this.#each(']', (index) => this.#put(value, place, index, this.#value(this.#position(), depth + 1)))
    return value
  }

  /** Goes through what is between brackets, with commas between. */
  #each(end: string, read: (index: number) => void): void {
    this.#offset++
    this.#skipSpace()
    for (let index = 0; this.#text[this.#offset] !== end; index++) {
      if (index > 0) {
        this.#expect(',', end)
        this.#skipSpace()
      }
      read(index)
      this.#skipSpace()
    }
    this.#offset++
  }

  /** Defines the property rather than setting it: `__proto__` is a key like others here, and is refused like others. */
  #put(value: object, place: Place, step: Step, read: Read): void {
    Object.defineProperty(value, step, { value: read.value, writable: true, enumerable: true, configurable: true })
    place.below.set(step, read.place)
  }

  #string(): string {
    const at = this.#position()
    const token = this.#match(STRING)
    if (token === undefined) throw new SyntaxFailure('Text in double quotes is missing, or does not end', at)
    try {
      return JSON.parse(token)
    } catch {
      throw new SyntaxFailure('The text has a control character, or an escape that JSON does not have', at)
    }
  }

  #expect(character: string, orElse?: string): void {
    if (this.#text[this.#offset] !== character) {
      throw this.#failure(`${character}${orElse === undefined ? '' : ` or ${orElse}`} is missing`)
    }
    this.#offset++
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset
    const token = pattern.exec(this.#text)?.[0]
    if (token !== undefined) this.#offset += token.length
    return token
  }

  #skipSpace(): void {
    this.#match(SPACE)
  }

  #position(): Position {
    while (this.#lineEnd < this.#offset) {
      this.#line++
      this.#lineStart = this.#lineEnd + 1
      this.#lineEnd = this.#endOfLine(this.#lineStart)
    }
    return { line: this.#line, column: this.#offset - this.#lineStart + 1 }
  }

  #endOfLine(from: number): number {
    const end = this.#text.indexOf('\n', from)
    return end < 0 ? Number.POSITIVE_INFINITY : end
  }

  #failure(message: string): SyntaxFailure {
    return new SyntaxFailure(message, this.#position())
  }
}
