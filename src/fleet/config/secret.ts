import { inspect } from 'node:util'

const HIDDEN = '[secret]'

/**
 * A secret of a config. It shows itself to nobody: as text, as JSON and in logs it is `[secret]`; `reveal()` says what it is.
 */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  /** What it is. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}
