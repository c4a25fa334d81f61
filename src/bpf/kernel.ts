import { release } from 'node:os'

/**
 * Whether the running kernel is older than a version. It only explains a refusal: kernels of distributions have features
 * that are younger than their number, so none is held back for it.
 *
 * @param since `5.8`
 */
export function olderThan(since: string, running: string = release()): boolean {
  const [major, minor] = since.split('.').map(Number) as [number, number]
  const [runningMajor = 0, runningMinor = 0] = running.split('.').map((part) => Number.parseInt(part, 10))
  return runningMajor < major || (runningMajor === major && runningMinor < minor)
}
