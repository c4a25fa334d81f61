import type { Member, MemberName } from './member.js'

/** A member that its source has in a form that cannot be read. What was known of it before goes on. */
export interface UnreadableMember extends MemberName {
  reason: Error
}

/** All that a source has. */
export interface Snapshot {
  type: 'snapshot'
  members: readonly Member[]
  /** Every member that cannot be read. */
  unreadable?: readonly UnreadableMember[] | undefined
  /** What `watch` may be given to go on from here. */
  resume?: unknown
}

/** What has changed since. */
export interface Delta {
  type: 'delta'
  /** New ones, and those that are not as before. */
  put: readonly Member[]
  removed: readonly MemberName[]
  /** Every member that cannot be read; undefined: as before. */
  unreadable?: readonly UnreadableMember[] | undefined
  resume?: unknown
}

/** The source is away. What it told stands; it is tried again until it is back, which the next snapshot or delta tells. */
export interface Stale {
  type: 'stale'
  reason: Error
  since: Date
}

export type Update = Snapshot | Delta | Stale

export interface WatchOptions {
  /** Ends the watch. */
  signal: AbortSignal
  /** `resume` of an update that was taken over: what follows it is told. A source may tell a snapshot in its place. */
  resume?: unknown
}

/**
 * Where members of pools come from. Anybody may write one: an object with a name, and `watch`, which first tells a snapshot, or
 * that there is none to be had, and then what changes. It never ends by itself, and never throws for a store that is away.
 */
export interface Provider {
  /** For messages and statistics. */
  readonly name: string
  watch(options: WatchOptions): AsyncIterable<Update>
}
