import type { Target, TargetOptions } from './target.js'

export type ReplyFixName = 'pktinfo' | 'bind' | 'nft' | 'iptables' | 'tc' | 'cgroup'

/** A way to give replies the right source: docs/fix-replies.md compares them. */
export interface ReplyFix {
  name: ReplyFixName
  /** What it is, in a few words. */
  title: string
  /** `sh`: commands for a root shell; `js`: lines of a program. */
  language: 'sh' | 'js'
  /** Whether the program stays as it is. */
  unchanged: boolean
  /** How it works, what it costs and where it ends. */
  explain(): string
  /**
   * What does it, for one VIP and port, each line ended. The VIP must be a local address already (`checkHost`, vip-local).
   *
   * @throws ArgumentTypeError, ArgumentRangeError
   */
  commands(target: TargetOptions): string
  /** What takes it back, in the same language; undefined where that is to leave out what was added to the program. */
  undo(target: TargetOptions): string | undefined
}

/** A fix as its file writes it: what it is told has been read. */
export interface Definition extends Omit<ReplyFix, 'commands' | 'undo'> {
  commands(target: Target): string
  undo?(target: Target): string
}
