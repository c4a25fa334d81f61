import type { Position } from './place.js'

/** A text that is not of its language. Within this folder only: users get a `ConfigError`. */
export class SyntaxFailure extends Error {
  readonly position: Position
  constructor(message: string, position: Position) {
    super(message)
    this.position = position
  }
}
