import type { Outcome } from '../finding.js'
import type { Situation } from '../options.js'

/** Looks at one thing of the host that direct server return depends on. */
export interface Check {
  /** Stable, in kebab case: a heading of docs/doctor.md. */
  id: string
  /** What is right when nothing is found, as a sentence. */
  title: string
  /** Whether it says anything about hosts like this one. */
  applies(situation: Situation): boolean
  /** Nothing: all is well. */
  look(situation: Situation): Outcome[] | Promise<Outcome[]>
}
