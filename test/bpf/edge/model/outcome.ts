import type { layouts } from '../../../../src/bpf/index.js'
import type { Choice } from './choose.js'

export const VERDICT = { drop: 1, pass: 2, tx: 3, redirect: 4 } as const

export type ReasonName = keyof typeof layouts.Reason

export interface Outcome {
  verdict: number
  /** The frame that leaves; what was given when it passes. Undefined when it is dropped. */
  frame: Uint8Array | undefined
  /** Why, by its name in `Reason`; undefined when it passed or was simply forwarded. */
  reason?: ReasonName | undefined
  /** A second reason that it is counted under. */
  also?: ReasonName | undefined
  service?: number | undefined
  backend?: number | undefined
  /** How the backend was found. */
  choice?: Choice | undefined
  /** What of the options had a part in it, so that tests know what they have seen. */
  notes?: readonly string[] | undefined
}

export const passes = (frame: Uint8Array): Outcome => ({ verdict: VERDICT.pass, frame })
export const drops = (reason: ReasonName): Outcome => ({ verdict: VERDICT.drop, frame: undefined, reason })
