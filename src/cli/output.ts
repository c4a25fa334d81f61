import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Where a command says what it has to say. */
export class Output {
  /** Whether a program reads it: one JSON value a line, and nothing else. */
  readonly json: boolean
  readonly #colors: boolean

  constructor({ json = false, stream = process.stdout }: { json?: boolean; stream?: NodeJS.WriteStream } = {}) {
    this.json = json
    // https://no-color.org
    this.#colors = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb'
  }

  get colors(): boolean {
    return this.#colors
  }

  /** A text for a person; nothing with `--json`. */
  say(text: string): void {
    if (!this.json) process.stdout.write(`${text}\n`)
  }

  /** A value for a program, or its text for a person. */
  tell(value: unknown, text: () => string): void {
    process.stdout.write(this.json ? `${JSON.stringify(value)}\n` : `${text()}\n`)
  }

  /** What is not the answer: warnings, and what went wrong. */
  warn(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  style(style: Style, text: string): string {
    return this.#colors ? styleText(style, text, { validateStream: false } as never) : text
  }
}
