import type { Scenario, Trace } from '../stage.js'
import { arguments_ } from './arguments.js'
import { closing } from './closing.js'
import { options } from './options.js'
import { processes } from './processes.js'
import { receiving } from './receiving.js'
import { sending } from './sending.js'

/** Something that is meant to differ from node:dgram. docs/dgram.md has a section of the same title for each. */
export interface Difference {
  title: string
  /** Why ours is better than being the same. */
  why: string
  scenario: Scenario
  dgram: Trace
  ours: Trace
}

export const DIFFERENCES: readonly Difference[] = [
  ...sending,
  ...receiving,
  ...closing,
  ...options,
  ...arguments_,
  ...processes,
]
