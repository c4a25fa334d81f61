/** The middle value, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** Largest less smallest, as a share of the median: how far rounds disagreed. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values)
}

/**
 * Median of `of[i] / by[i]`. The two of a pair were measured in the same round, seconds apart, so a machine that
 * slows down for a while slows both.
 */
export function medianRatio(of: readonly number[], by: readonly number[]): number {
  return median(of.map((value, i) => value / (by[i] ?? Number.NaN)))
}

/** The least value that this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}
