/** What the command ends with, beside 0: all is well. */
export const EXIT = {
  /** It failed: the message says why. */
  failed: 1,
  /** It was called wrongly, or the config is wrong. */
  usage: 2,
  /** `doctor` found a fault; `status` has an alarm. */
  found: 3,
} as const
